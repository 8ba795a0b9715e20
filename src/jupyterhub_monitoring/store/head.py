"""The head: every row that is not sealed yet, in memory, by stream and time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .chunk import FrozenChunk, LiveChunk
from .page_cache import PageCache
from .segment import Segment
from .selection import ABSENT_BITS, Appended, Row
from .slots import Slots

Ids = NDArray[np.int64]
Float64s = NDArray[np.float64]

FREEZE_ROWS = 120
KEEP_ROWS = 40  # what rules and "now" look at stays as it came

View = dict[int, tuple[Segment, ...]]
"""The segments of each stream, by time. Never changed: a new one replaces it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is new of one instant of one stream: *values[i]* belongs to series *series[i]*."""

    stream: int
    timestamp_ms: int
    series: Ids
    values: Float64s


@dataclass(frozen=True, slots=True)
class Admitted:
    """The parts that are to be kept, and what became of all samples."""

    parts: list[Part]
    counts: Appended


class StreamHead:
    """The rows of one stream: chunks by time, each within a block, none overlapping."""

    def __init__(self, stream: int, slots: Slots, block_ms: int) -> None:
        self.stream, self._slots, self._block_ms = stream, slots, block_ms
        self.chunks: list[LiveChunk | FrozenChunk] = []

    def block_of(self, chunk: LiveChunk | FrozenChunk) -> int:
        """Return the block in which the rows of *chunk* lie."""
        return int(chunk.timestamps[0]) // self._block_ms

    def _find(self, timestamp: int) -> tuple[int, bool]:
        """Return (place, True) of the chunk that takes *timestamp*, or (place of a new one)."""
        firsts = [int(chunk.timestamps[0]) for chunk in self.chunks]
        after, block = bisect_right(firsts, timestamp), timestamp // self._block_ms
        for place in (after - 1, after):
            if 0 <= place < len(firsts) and firsts[place] // self._block_ms == block:
                return place, True
        return after, False

    def known(self, timestamp: int, slots: Ids) -> Float64s | None:
        """Return the cells of *slots* at *timestamp*, or None where there is no such row."""
        place, found = self._find(timestamp)
        if not found:
            return None
        timestamps = self.chunks[place].timestamps
        at = int(np.searchsorted(timestamps, timestamp))
        if at == len(timestamps) or timestamps[at] != timestamp:
            return None
        row = self._live(place).values[at]
        cells = np.full(len(slots), ABSENT_BITS).view(np.float64)
        there = slots < len(row)
        cells[there] = row[slots[there]]
        return cells

    def put(self, timestamp: int, slots: Ids, values: Float64s) -> None:
        """Add cells, none of which is there yet."""
        width = self._slots.width(self.stream)
        place, found = self._find(timestamp)
        if not found:
            self.chunks.insert(place, LiveChunk(width))
        chunk = self._live(place)
        if not chunk.length or timestamp > chunk.timestamps[-1]:
            chunk.append(timestamp, slots, values, width)
        else:
            self.chunks[place] = chunk.with_row(timestamp, slots, values, width)

    def _live(self, place: int) -> LiveChunk:
        chunk = self.chunks[place]
        if isinstance(chunk, FrozenChunk):
            chunk = self.chunks[place] = chunk.thaw()
        return chunk

    def due(self) -> list[LiveChunk]:
        """Return the chunks of which the first `FREEZE_ROWS` are long past."""
        return [
            chunk
            for chunk in self.chunks
            if isinstance(chunk, LiveChunk) and chunk.length >= FREEZE_ROWS + KEEP_ROWS
        ]

    def freeze(self, chunk: LiveChunk, frozen: FrozenChunk) -> None:
        """Put *frozen* in the place of the first rows of *chunk*, if that is still there."""
        if chunk in self.chunks:  # a late row puts a copy in its place
            place = self.chunks.index(chunk)
            self.chunks[place : place + 1] = [frozen, chunk.after(len(frozen.timestamps))]

    def segments(self) -> tuple[Segment, ...]:
        """Return the rows of now, for readers; what has not changed is the same object."""
        return tuple(
            chunk.segment() if isinstance(chunk, LiveChunk) else chunk for chunk in self.chunks
        )


class Head:
    """All streams. One thread writes; readers take `view`, which is of one moment."""

    def __init__(self, slots: Slots, cache: PageCache, block_ms: int) -> None:
        self._slots, self._cache, self._block_ms = slots, cache, block_ms
        self._streams: dict[int, StreamHead] = {}
        self.view: View = {}

    def admit(self, rows: Sequence[Row], too_old: Callable[[int], bool]) -> Admitted:
        """Return what of *rows* is new, and count the rest. Nothing is changed."""
        old = sum(len(row.series) for row in rows if too_old(row.timestamp_ms))
        parts: list[Part] = []
        repeated = duplicate = 0
        for part in _joined(self._by_stream(row) for row in rows if not too_old(row.timestamp_ms)):
            fresh, same, other = self._new_cells(part)
            repeated, duplicate = repeated + same, duplicate + other
            if len(fresh.series):
                parts.append(fresh)
        parts.sort(key=lambda part: part.timestamp_ms)
        stored = sum(len(part.series) for part in parts)
        return Admitted(parts, Appended(stored, duplicate, repeated, old))

    def _by_stream(self, row: Row) -> Iterator[Part]:
        """Yield the parts of *row*, each of one stream."""
        if not len(row.series):
            return
        streams = self._slots.stream_of[row.series >> 6]
        if (streams == streams[0]).all():
            yield Part(int(streams[0]), row.timestamp_ms, row.series, row.values)
            return
        for stream in np.unique(streams).tolist():
            mine = streams == stream
            yield Part(stream, row.timestamp_ms, row.series[mine], row.values[mine])

    def _new_cells(self, part: Part) -> tuple[Part, int, int]:
        """Return (*part* without what is known, samples repeated, samples that contradict)."""
        slots = self._slots.of(part.series)
        bits = np.ascontiguousarray(part.values).view(np.int64)
        known = np.full(self._slots.width(part.stream), ABSENT_BITS)
        head = self._streams.get(part.stream)
        before = None if head is None else head.known(part.timestamp_ms, slots)
        if before is not None:
            known[slots] = before.view(np.int64)
        fresh = known[slots] == ABSENT_BITS
        order = np.arange(len(slots))
        first = np.empty(len(known), dtype=np.int64)
        first[slots[::-1]] = order[::-1]  # of a series that comes twice, the first one stays
        twice = first[slots] != order
        if fresh.all() and not twice.any():
            return part, 0, 0
        known[slots[::-1]] = np.where(fresh, bits, known[slots])[::-1]
        fresh &= ~twice
        same = int(np.count_nonzero(~fresh & (known[slots] == bits)))
        new = Part(part.stream, part.timestamp_ms, part.series[fresh], part.values[fresh])
        return new, same, len(slots) - int(np.count_nonzero(fresh)) - same

    def put(self, parts: Iterable[Part]) -> None:
        """Add *parts* that `admit` gave, and show all of them to readers at once."""
        touched: set[int] = set()
        for part in parts:
            head = self._streams.get(part.stream)
            if head is None:
                head = StreamHead(part.stream, self._slots, self._block_ms)
                self._streams[part.stream] = head
            head.put(part.timestamp_ms, self._slots.of(part.series), part.values)
            touched.add(part.stream)
        self._show(touched)

    def _show(self, streams: Iterable[int]) -> None:
        view = dict(self.view)
        for stream in streams:
            view[stream] = self._streams[stream].segments()
        self.view = {stream: segments for stream, segments in view.items() if segments}

    def due(self) -> list[tuple[int, LiveChunk]]:
        """Return the (stream, chunk) that can be packed in part."""
        return [(stream, chunk) for stream, head in self._streams.items() for chunk in head.due()]

    def pack(self, stream: int, chunk: LiveChunk, rest: Callable[[], None]) -> FrozenChunk:
        """Return the first rows of *chunk*, packed: 20,000 series then take 15 MB and not 80.

        For any thread, while rows are added; *rest* is called between groups.
        """
        groups = self._slots.groups(stream)
        return FrozenChunk(chunk.segment(), FREEZE_ROWS, groups, self._cache, rest)

    def freeze(self, stream: int, chunk: LiveChunk, frozen: FrozenChunk) -> None:
        """Put what `pack` gave in the place of the rows, for the next readers."""
        self._streams[stream].freeze(chunk, frozen)
        self._show([stream])

    def blocks(self) -> list[int]:
        """Return the blocks of which there are rows, ascending."""
        heads = self._streams.values()
        return sorted({head.block_of(chunk) for head in heads for chunk in head.chunks})

    def of_block(self, block: int) -> dict[int, tuple[Segment, ...]]:
        """Return the segments of *block*, by stream."""
        found = {
            stream: tuple(s for s in segments if int(s.timestamps[0]) // self._block_ms == block)
            for stream, segments in self.view.items()
        }
        return {stream: segments for stream, segments in found.items() if segments}

    def drop(self, block: int) -> None:
        """Forget the rows of *block*: they are sealed."""
        for head in self._streams.values():
            head.chunks = [chunk for chunk in head.chunks if head.block_of(chunk) != block]
        self._show(self._streams)
        self._streams = {s: head for s, head in self._streams.items() if head.chunks}


def _joined(rows: Iterable[Iterator[Part]]) -> list[Part]:
    """Return the parts with those of the same stream and instant made one."""
    found: dict[tuple[int, int], list[Part]] = {}
    for row in rows:
        for part in row:
            found.setdefault((part.stream, part.timestamp_ms), []).append(part)
    return [
        parts[0]
        if len(parts) == 1
        else Part(
            stream,
            at,
            np.concatenate([part.series for part in parts]),
            np.concatenate([part.values for part in parts]),
        )
        for (stream, at), parts in found.items()
    ]
