"""The head of one stream in pieces: the newest rows as they came, older ones packed as pages.

A piece lies within one block. What a reader was given never changes: a row is added behind what
readers know of, and anything else is done to a copy.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .flags import Flags, columns_in
from .page import DecodedPage, encode
from .page_cache import PageCache
from .segment import (
    PRESENT,
    Floats,
    Index,
    Masks,
    Part,
    absent,
    falls_of_members,
    next_serial,
    read_members,
    stretches_of_members,
    whole_group,
)
from .selection import ABSENT_BITS, there
from .slots import WIDTH, Groups
from .stretches import Falls, Stretches, listed

Ids = NDArray[np.int64]

ROOM = 256  # rows of a new chunk; memory is taken only for those that are written
FREE = 32  # rows that a chunk has room for at least, after its older ones were packed


class LiveSegment:
    """The rows of a `LiveChunk` at one moment."""

    __slots__ = ("_flags", "_values", "serial", "timestamps")

    def __init__(self, timestamps: Ids, values: Floats, flags: Flags) -> None:
        self.timestamps, self._values, self._flags = timestamps, values, flags
        self.serial = next_serial()

    def masks(self, groups: Groups) -> Masks:
        """Return what is known of these groups."""
        return self._flags.masks(groups)

    def read(self, part: Part, index: Index) -> Floats:
        """Return the cells of these rows and columns, shape (len, columns)."""
        if part.end > self._values.shape[1]:
            return self._without_later(part, index)
        if isinstance(part.slots, slice):
            return self._values[index, part.slots]
        return self._values[index][:, part.slots]

    def _without_later(self, part: Part, index: Index) -> Floats:
        """Return the same, where some groups came only after these rows."""
        values = absent(index, len(self.timestamps), part.width)
        slots = (
            np.arange(self._values.shape[1])[part.slots]
            if isinstance(part.slots, slice)
            else part.slots[part.slots < self._values.shape[1]]
        )
        values[:, : len(slots)] = self._values[index][:, slots]
        return values

    def intact(self, _part: Part) -> bool:
        """Memory is."""
        return True

    def stretches(self, part: Part, *, markers: bool) -> Stretches | None:
        """Return where the columns of *part* have samples; None where that is not worth it."""
        values = self.read(part, slice(None))
        found = Stretches.of(values, there(values, markers=markers))
        return found if listed(len(found), values.size, part.width) else None

    def falls(self, part: Part) -> Falls | None:
        """Return where the columns of *part* fall; None where that is not worth it."""
        values = self.read(part, slice(None))
        found = Falls.of(values)
        return found if listed(len(found.row), values.size, part.width) else None

    def rows(self, index: slice) -> Floats:
        """Return these rows of all slots of the stream."""
        return self._values[index]


class LiveChunk:
    """Rows in one array of float64, shape (room, slots of the stream)."""

    def __init__(self, width: int, room: int = ROOM) -> None:
        self.length = 0
        self._timestamps = np.empty(room, dtype=np.int64)
        self._values = np.empty((room, width))
        self._flags = Flags.fresh(width)
        self._shown: LiveSegment | None = None

    @classmethod
    def of(cls, timestamps: Ids, values: Floats) -> LiveChunk:
        """Return a chunk of these rows, shape (T, slots), which it takes over."""
        chunk = cls(values.shape[1], 0)
        chunk.length, chunk._timestamps, chunk._values = len(timestamps), timestamps, values
        chunk._flags = Flags.of(values)
        return chunk

    @property
    def timestamps(self) -> Ids:
        """Return the timestamps of the rows, ascending."""
        return self._timestamps[: self.length]

    @property
    def values(self) -> Floats:
        """Return the rows, shape (T, slots). Not to be changed."""
        return self._values[: self.length]

    def segment(self) -> LiveSegment:
        """Return the rows of now, for readers: the same object until there are others."""
        if self._shown is None:
            self._shown = LiveSegment(self.timestamps, self.values, self._flags)
        return self._shown

    def append(self, timestamp: int, slots: Ids, values: Floats, width: int) -> None:
        """Add a row behind the last one, for a stream of *width* slots."""
        if width > self._values.shape[1] or self.length == len(self._timestamps):
            self._grow(max(width, self._values.shape[1]))
        row = self._values[self.length]
        row.view(np.int64).fill(ABSENT_BITS)
        row[slots] = values
        self._flags.note(row, self._values[max(self.length - 1, 0)])
        self._timestamps[self.length] = timestamp
        self.length += 1
        self._shown = None

    def _grow(self, width: int) -> None:
        """Move the rows to larger arrays; readers keep the old ones."""
        room = len(self._timestamps)
        room = max(2 * room, ROOM) if self.length == room else room
        values, old = np.empty((room, width)), self.values
        values[: self.length, : old.shape[1]] = old
        values.view(np.int64)[: self.length, old.shape[1] :] = ABSENT_BITS
        self._flags = self._flags.widened(width, rows=self.length > 0)
        self._values, self._timestamps = values, np.resize(self._timestamps, room)

    def with_row(self, timestamp: int, slots: Ids, values: Floats, width: int) -> LiveChunk:
        """Return a copy with these cells put into the row of *timestamp*, new or not."""
        at = int(np.searchsorted(self.timestamps, timestamp))
        rows = np.full((self.length, max(width, self._values.shape[1])), ABSENT_BITS).view("<f8")
        rows[:, : self._values.shape[1]] = self.values
        timestamps = self.timestamps.copy()
        if at == self.length or timestamps[at] != timestamp:
            timestamps = np.insert(timestamps, at, timestamp)
            empty = np.full(rows.shape[1], ABSENT_BITS).view(np.float64)
            rows = np.insert(rows, at, empty, axis=0)
        rows[at, slots] = values
        return LiveChunk.of(timestamps, rows)

    def after(self, length: int) -> LiveChunk:
        """Return a chunk of the rows after the first *length*."""
        kept = self.length - length
        rest = LiveChunk(self._values.shape[1], max(ROOM, kept + FREE))
        rest._timestamps[:kept] = self.timestamps[length:]
        rest._values[:kept] = self.values[length:]
        rest.length = kept
        rest._flags = Flags.of(rest.values)
        return rest


class FrozenChunk:
    """Rows packed as pages in memory, to take an eighth of the room; a `Segment` itself."""

    def __init__(
        self,
        segment: LiveSegment,
        length: int,
        groups: Groups,
        cache: PageCache,
        rest: Callable[[], None],
    ) -> None:
        """Pack the first *length* rows of *segment*; *rest* is called between groups."""
        self.timestamps = segment.timestamps[:length].copy()
        self._groups, self._cache = groups, cache
        self.serial = next_serial()
        self._pages: dict[int, bytes] = {}
        first_rows = slice(0, length)
        values = segment.rows(first_rows)
        self._width, self._flags = values.shape[1], Flags.of(values)
        present = self._flags.masks(groups)[PRESENT].tolist()
        for group, place, mask in zip(
            groups.numbers.tolist(), groups.places.tolist(), present, strict=True
        ):
            columns = columns_in(mask)
            if len(columns):
                chosen = np.ascontiguousarray(values[:, place * WIDTH + columns])
                self._pages[group] = encode(columns.astype(np.uint8), chosen)
                rest()

    def masks(self, groups: Groups) -> Masks:
        """Return what is known of these groups."""
        return self._flags.masks(groups)

    def read(self, part: Part, index: Index) -> Floats:
        """Return the cells of these rows and columns, shape (len, columns)."""
        return read_members(part, index, len(self.timestamps), self._page)

    def stretches(self, part: Part, *, markers: bool) -> Stretches | None:
        """Return where the columns of *part* have samples; None where that is not worth it."""
        return stretches_of_members(part, self._page, markers=markers)

    def falls(self, part: Part) -> Falls | None:
        """Return where the columns of *part* fall; None where that is not worth it."""
        return falls_of_members(part, self._page)

    def _page(self, group: int) -> DecodedPage | None:
        blob = self._pages.get(group)
        return None if blob is None else self._cache.page((self.serial, group), lambda: blob)

    def intact(self, _part: Part) -> bool:
        """Memory is."""
        return True

    def thaw(self) -> LiveChunk:
        """Return the rows as they were."""
        values = absent(slice(None), len(self.timestamps), self._width)
        for group, place in zip(
            self._groups.numbers.tolist(), self._groups.places.tolist(), strict=True
        ):
            part = whole_group(group, place)
            if group in self._pages:
                values[:, part.slots] = self.read(part, slice(None))
        return LiveChunk.of(self.timestamps, values)
