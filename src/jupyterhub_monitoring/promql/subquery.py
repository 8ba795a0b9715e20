"""Subqueries: an expression evaluated on a grid of its own, then read as samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable
from ..store.selection import ABSENT, Tile
from .ast import Subquery
from .evaluation import Evaluation
from .selectors import Source, window_ends
from .stream import COLUMNS
from .values import Vector


class MatrixTile:
    """Some columns of a vector as a tile: what `rate((expr)[5m:1m])` reads."""

    ascending = False

    def __init__(self, vector: Vector, timestamps: NDArray[np.int64], start: int) -> None:
        stop = min(start + COLUMNS, len(vector.labels))
        self.positions = np.arange(start, stop)
        self.timestamps = timestamps
        values = vector.values[:, start:stop]
        present = None if vector.present is None else vector.present[:, start:stop]
        self.dense = present is None
        self._values = values if present is None else np.where(present, values, ABSENT)

    def rows(self, index: slice | NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the values at these steps of the grid."""
        return np.ascontiguousarray(self._values[index])

    def stretches(self, *, markers: bool) -> None:
        """Return that nobody looked where there are samples."""

    def falls(self) -> None:
        """Return that nobody looked where series fall."""


def subquery_source(ctx: Evaluation, node: Subquery) -> Source:
    """Evaluate `(expr)[range:step]` for all windows of the query.

    The grid is of multiples of its step since 1970, so that a dashboard that moves on sees the same
    points again.
    """
    step_ms = node.step_ms or ctx.interval_ms
    ends = window_ends(ctx, node.at, node.offset_ms)
    grid = _grid(ctx, int(ends[0]) - node.range_ms, int(ends[-1]), step_ms)
    if not len(grid):
        return Source(ctx, LabelTable(ctx.symbols, {}, 0), [], ends, node.range_ms)
    value = ctx.at(grid, step_ms).evaluate(node.expr)
    if not isinstance(value, Vector):
        raise TypeError("the parser lets only vectors into a subquery")
    if value.present is not None:
        ctx.budget.hold(value.values.nbytes)
    tiles: list[Tile] = list(_tiles(value, grid))
    return Source(ctx, value.labels, tiles, ends, node.range_ms)


def _grid(ctx: Evaluation, after: int, last: int, step_ms: int) -> NDArray[np.int64]:
    """Return the multiples of *step_ms* in (after, last]; Go's division truncates toward zero."""
    first = step_ms * int(abs(after) // step_ms) * (1 if after >= 0 else -1)
    if first <= after:
        first += step_ms
    count = max(0, (last - first) // step_ms + 1)
    ctx.budget.hold(8 * count)
    return first + step_ms * np.arange(count, dtype=np.int64)


def _tiles(vector: Vector, grid: NDArray[np.int64]) -> Iterator[MatrixTile]:
    for start in range(0, len(vector.labels), COLUMNS):
        yield MatrixTile(vector, grid, start)
