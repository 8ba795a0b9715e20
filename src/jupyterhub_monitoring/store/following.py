"""Following the store: what was written after what was seen last, and the samples themselves.

The rows of the head are a log in the order in which they came. Whoever passes samples on reads the
log for what is new, and the samples later, as often as needed, from wherever they are by then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .catalog import Catalog
from .database import Database
from .segment import PRESENT, whole_group
from .selection import Labels
from .slots import Groups
from .snapshot import Snapshot

Ids = NDArray[np.int64]

StreamName = tuple[str, str]
"""Job and instance of a target; or `(writer)` and a name of one."""

NEVER_MS = 1 << 62
WRITTEN = 10_000  # rows of the log that are read at once


@dataclass(frozen=True, slots=True)
class Written:
    """One row of the log. Numbers rise, but begin anew where the log was empty at a start."""

    number: int
    stream: StreamName
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one stream: when they are, and how many samples each has at most."""

    timestamps: Ids
    width: int


@dataclass(frozen=True, slots=True)
class Cells:
    """*values[t, s]* of series *ids[s]* at *timestamps[t]*; ABSENT where there is no sample."""

    ids: Ids
    timestamps: Ids
    values: NDArray[np.float64]


class Following:
    """Reads for any thread. Who writes waits for one number, never for samples."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        snapshot: Callable[[], Snapshot],
        writing: threading.RLock,
    ) -> None:
        self._database, self._catalog, self._snapshot = database, catalog, snapshot
        self._writing = writing

    def newest(self) -> int:
        """Return the number of the last row of the log, 0 where it is empty.

        A row is on disk before queries see it; the lock is free when they see all that is there.
        """
        with self._writing, self._database.reading() as connection:
            (number,) = connection.execute("SELECT max(id) FROM head").fetchone()
        return int(number or 0)

    def written(self, after: int) -> list[Written]:
        """Return the rows after number *after*, the first `WRITTEN`; their samples can be read."""
        newest = self.newest()
        if newest <= after:
            return []
        names = {number: name for name, number in self._catalog.streams().items()}
        with self._database.reading() as connection:
            found = connection.execute(
                "SELECT id, stream, timestamp FROM head WHERE id > ? AND id <= ?"
                " ORDER BY id LIMIT ?",
                (after, newest, WRITTEN),
            ).fetchall()
        return [
            Written(number, names[stream], timestamp)
            for number, stream, timestamp in found
            if stream in names
        ]

    def streams(self) -> list[StreamName]:
        """Return all that ever wrote."""
        return list(self._catalog.streams())

    def oldest_ms(self) -> int:
        """Return when the oldest sample is; `NEVER_MS` where there is none."""
        snapshot = self._snapshot()
        heads = [int(segments[0].timestamps[0]) for segments in snapshot.head.values()]
        sealed = [summary.first_ms for summary in snapshot.blocks.values()]
        return min([*heads, *sealed], default=NEVER_MS)

    def rows(self, stream: StreamName, start_ms: int, end_ms: int) -> Rows:
        """Return which rows lie in [start_ms, end_ms]; no sample is read for that."""
        number = self._catalog.streams().get(stream)
        if number is None:
            return Rows(np.empty(0, np.int64), 0)
        span = self._snapshot().span(number, start_ms, end_ms)
        groups = self._catalog.slots.groups(number)
        widths = [_count(segment.masks(groups)[PRESENT]) for segment in span.segments]
        return Rows(span.timestamps, max(widths, default=0))

    def read(self, stream: StreamName, start_ms: int, end_ms: int) -> Iterator[Cells]:
        """Yield the samples in [start_ms, end_ms], by time, some series after the other."""
        number = self._catalog.streams().get(stream)
        if number is None:
            return
        span, groups = (
            self._snapshot().span(number, start_ms, end_ms),
            self._catalog.slots.groups(number),
        )
        for piece in span.pieces:
            rows = slice(piece.low, piece.high)
            for group, place in _present(piece.segment.masks(groups)[PRESENT], groups):
                values = piece.segment.read(whole_group(group, place), rows)
                ids = np.arange(group * 64, group * 64 + values.shape[1])
                yield Cells(ids, piece.segment.timestamps[rows], values)

    def labels(self, ids: Ids) -> dict[int, Labels]:
        """Return the label sets of *ids*, without those that retention took back."""
        matched = self._catalog.index.matching(())
        known = np.intersect1d(ids, matched.ids)
        table = matched.labels.take(matched.ids.searchsorted(known))
        sets = (tuple(sorted(one.items())) for one in table.rows())
        return dict(zip(known.tolist(), sets, strict=True))


def _count(masks: NDArray[np.uint64]) -> int:
    return int(np.unpackbits(np.ascontiguousarray(masks).view(np.uint8)).sum())


def _present(masks: NDArray[np.uint64], groups: Groups) -> Iterator[tuple[int, int]]:
    chosen = np.flatnonzero(masks)
    numbers, places = groups.numbers[chosen].tolist(), groups.places[chosen].tolist()
    yield from zip(numbers, places, strict=True)
