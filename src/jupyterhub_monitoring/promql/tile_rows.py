"""Some rows of a tile as the blocks of a query read them, counted in its budget."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..store.lazy import lazy
from ..store.selection import Tile
from .budget import Budget

Floats = NDArray[np.float64]
Index = slice | NDArray[np.intp]

AT_ONCE = 1 << 20
"""Samples that are decoded between two looks at the budget: some milliseconds."""


class TileRows:
    """Rows [start, stop) of *tile*, which become rows 0 ... here."""

    def __init__(self, budget: Budget, tile: Tile, start: int, stop: int) -> None:
        self._budget, self._tile, self._start, self._stop = budget, tile, start, stop
        self._series = len(tile.positions)
        self._held = 0

    def read(self, index: Index) -> Floats:
        """Return these rows, all series."""
        count = index.stop - index.start if isinstance(index, slice) else len(index)
        self._budget.read(count * self._series)
        if isinstance(index, slice):
            return self._tile.rows(slice(index.start + self._start, index.stop + self._start))
        return self._tile.rows(index + self._start)

    def columns(self, columns: slice, index: Index) -> Floats:
        """Return these rows of some series, of a tile too large to be computed with at once."""
        if isinstance(index, slice):
            return np.ascontiguousarray(self.whole[index, columns])
        return np.ascontiguousarray(self.read(index)[:, columns])

    @lazy
    def whole(self) -> Floats:
        """All rows, decoded in slabs so that a query that is over ends. `release` them after."""
        length = self._stop - self._start
        self._held = 8 * length * self._series
        self._budget.hold(self._held)
        rows = np.empty((length, self._series))
        height = max(1, AT_ONCE // max(1, self._series))
        for start in range(0, length, height):
            self._budget.check()
            stop = min(start + height, length)
            rows[start:stop] = self.read(slice(start, stop))
        return rows

    def release(self) -> None:
        """Give back what `whole` took."""
        self._budget.hold(-self._held)
        self.__dict__.pop("whole", None)
        self._held = 0
