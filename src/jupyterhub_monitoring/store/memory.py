"""A store in memory, without a file and without an end: for rule tests and expositions at hand.

One matrix holds everything, a row for each timestamp, a column for each series. That is quick for
some thousand series and timestamps, and for nothing larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .index import SeriesIndex
from .matcher import Matcher
from .selection import ABSENT, ABSENT_BITS, Appended, Labels, Row, Selection, Tile
from .symbols import Symbols

WIDEST = 256  # columns of a tile


@dataclass(slots=True)
class MemoryTile:
    """Some columns of the matrix; nobody looked whether they have holes."""

    positions: NDArray[np.intp]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    dense: bool = False
    ascending: bool = False

    def rows(self, index: slice | NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the samples at these timestamps, shape (len, S), C-contiguous."""
        return np.ascontiguousarray(self.values[index])

    def stretches(self, *, markers: bool) -> None:
        """Return that nobody looked where there are samples."""

    def falls(self) -> None:
        """Return that nobody looked where series fall."""


class MemorySeries:
    """Series in memory: what a `Store` is to those who write and those who query."""

    def __init__(self) -> None:
        self._index = SeriesIndex()
        self._length = 0
        self._times = np.empty(16, dtype=np.int64)
        self._values = np.full((16, 16), ABSENT)

    @property
    def symbols(self) -> Symbols:
        """The strings of all label tables."""
        return self._index.symbols

    # --- Writing -----------------------------------------------------------------------------

    def series_ids(self, labels: Sequence[Labels], writer: str = "") -> NDArray[np.int64]:  # noqa: ARG002
        """Return the id of each label set, made where it is new; whoever the *writer* is."""
        keys = [self._index.key(one) for one in labels]
        new = list(dict.fromkeys(key for key in keys if self._index.find(key) is None))
        first = len(self._index)
        self._index.add(list(range(first, first + len(new))), new)
        return np.array([self._index.find(key) for key in keys], dtype=np.int64)

    def append(self, rows: Sequence[Row]) -> Appended:
        """Keep *rows*. Of two samples of a series at one time the first one stays."""
        given = stored = repeated = 0
        for row in rows:
            cells = self._row(row.timestamp_ms)
            before = cells[row.series].view(np.int64)
            fresh = before == ABSENT_BITS
            cells[row.series[fresh]] = row.values[fresh]
            given, stored = given + len(fresh), stored + int(fresh.sum())
            repeated += int((before == row.values.view(np.int64)).sum())
        return Appended(stored, given - stored - repeated, repeated)

    def describe(self, metadata: dict[str, tuple[str, str, str]]) -> None:
        """Forget what is said of metric families: nobody asks."""

    def _row(self, timestamp: int) -> NDArray[np.float64]:
        """Return the cells at *timestamp*, of all series."""
        self._make_room()
        at = int(np.searchsorted(self._times[: self._length], timestamp))
        if at == self._length or self._times[at] != timestamp:
            self._times[at + 1 : self._length + 1] = self._times[at : self._length]
            self._values[at + 1 : self._length + 1] = self._values[at : self._length]
            self._times[at], self._values[at] = timestamp, ABSENT
            self._length += 1
        row: NDArray[np.float64] = self._values[at]
        return row

    def _make_room(self) -> None:
        """Let the matrix have a row more than there are, and a column for each series."""
        height, width = self._values.shape
        if self._length < height and len(self._index) <= width:
            return
        height = 2 * height if self._length == height else height
        grown = np.full((height, max(width, 2 * len(self._index))), ABSENT)
        grown[: self._length, :width] = self._values[: self._length]
        times = np.empty(height, dtype=np.int64)
        times[: self._length] = self._times[: self._length]
        self._values, self._times = grown, times

    # --- Reading -----------------------------------------------------------------------------

    def has(self, matchers: Sequence[Matcher]) -> bool:
        """Return whether there is a series that satisfies all *matchers*."""
        return len(self._index.matching(matchers).ids) > 0

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the series that satisfy all *matchers*; samples in [start_ms, end_ms]."""
        matched = self._index.matching(matchers)
        times = self._times[: self._length]
        low, high = np.searchsorted(times, [start_ms, end_ms + 1]).tolist()
        times = times[low:high].copy()
        tiles: list[Tile] = [
            MemoryTile(
                np.arange(first, first + len(columns)), times, self._values[low:high, columns]
            )
            for first in range(0, len(matched.ids), WIDEST)
            for columns in [matched.ids[first : first + WIDEST]]
        ]
        return Selection(matched.labels, tiles if len(times) else [])
