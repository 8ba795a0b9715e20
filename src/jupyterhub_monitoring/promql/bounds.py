"""Where the windows of a query's steps begin and end among a tile's rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

READ_BYTES = 64
"""What a sample of a block takes while windows are computed: itself, sums, presence ..."""

RESULT_BYTES = 128
"""What a result takes meanwhile."""


RESULTS = 1 << 16
"""Results of a block: the arrays of one calculation lie in the CPU's second-level cache."""

SAMPLES = 1 << 20
"""Samples that are decoded at once for a block, 8 MiB, unless one window of one series has more."""


@dataclass(frozen=True, slots=True)
class BlockSize:
    """How many results and samples a block of a query has, at most."""

    results: int = RESULTS
    samples: int = SAMPLES

    @classmethod
    def within(cls, memory_bytes: int) -> BlockSize:
        """Return the size with which a block takes at most a sixth of *memory_bytes*."""
        return cls(
            min(RESULTS, memory_bytes // (32 * RESULT_BYTES)),
            min(SAMPLES, memory_bytes // (8 * READ_BYTES)),
        )


def size_of(rows: int, steps: int, series: int) -> int:
    """Return the bytes that a block takes while it is computed."""
    return (READ_BYTES * rows + RESULT_BYTES * steps) * series


@dataclass(frozen=True, slots=True)
class Bounds:
    """The window of step p is rows [low[p], high[p]), the samples in (ends[p] - range, ends[p]]."""

    low: Rows
    high: Rows

    @classmethod
    def of(cls, timestamps: NDArray[np.int64], ends: NDArray[np.int64], range_ms: int) -> Bounds:
        """Search the windows of *range_ms* that end at *ends*."""
        return cls(
            timestamps.searchsorted(ends - range_ms, side="right"),
            timestamps.searchsorted(ends, side="right"),
        )

    def blocks(self, series: int, most: BlockSize) -> Iterator[slice]:
        """Cut the steps so that a block of *series* has at most so many results and samples.

        One step is in any case a block. Steps before the first sample and after the last window
        with one are in none.
        """
        if len(self.low) == 1:
            if self.high[0] > self.low[0]:
                yield slice(0, 1)
            return
        filled = np.flatnonzero(self.high > self.low)
        if not len(filled):
            return
        start, stop = int(filled[0]), int(filled[-1]) + 1
        width = max(1, most.results // max(1, series))
        while start < stop:
            end = min(stop, start + width)
            while end - start > 1 and self._rows(start, end) * series > most.samples:
                end = start + (end - start) // 2
            yield slice(start, end)
            start = end

    def _rows(self, start: int, end: int) -> int:
        return int(self.high[end - 1] - self.low[start])


class BoundsCache:
    """Bounds by timestamps *object*: tiles that share one are searched once."""

    def __init__(self, ends: NDArray[np.int64], range_ms: int) -> None:
        self.ends, self.range_ms = ends, range_ms
        self._known: dict[int, tuple[NDArray[np.int64], Bounds]] = {}

    def of(self, timestamps: NDArray[np.int64]) -> Bounds:
        """Return the bounds among *timestamps*, which are kept alive so that `id` stays theirs."""
        known = self._known.get(id(timestamps))
        if known is None:
            known = (timestamps, Bounds.of(timestamps, self.ends, self.range_ms))
            self._known[id(timestamps)] = known
        return known[1]
