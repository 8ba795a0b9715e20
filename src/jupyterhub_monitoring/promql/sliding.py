"""Reductions over sliding windows: each row is touched once, each window costs a logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .unique import distinct

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

SHORT = 64
"""Blocks of at most so many rows are reduced row by row, longer ones by `reduceat`."""


def sliding(
    ufunc: np.ufunc, neutral: float, rows: NDArray[Any], low: Rows, high: Rows
) -> NDArray[Any]:
    """Return *ufunc* reduced over rows [low[p], high[p]) for each p, shape (P, S).

    Nothing is ever taken out of a sum again, so no precision is lost. Both bounds ascend. An empty
    window gives *neutral*, which changes nothing where the ufunc takes it in.
    """
    if len(low) == 1 and (ufunc is not np.add or rows.dtype.kind == "i"):
        window = rows[low[0] : high[0]]
        return np.asarray(ufunc.reduce(window, axis=0, keepdims=True, initial=neutral))
    bounds = distinct(low, high)
    level = _blocks(ufunc, rows, bounds)
    at, count = np.searchsorted(bounds, low), np.searchsorted(bounds, high)
    count -= at
    width, result = 1, None
    while len(level) and (count >= width).any():
        result = _add_level(ufunc, neutral, result, level, at, count & width != 0)
        at = at + (count & width)
        level = ufunc(level[:-width], level[width:])
        width *= 2
    return np.full((len(low), rows.shape[1]), neutral, rows.dtype) if result is None else result


def _blocks(ufunc: np.ufunc, rows: NDArray[Any], bounds: Rows) -> NDArray[Any]:
    """Return *ufunc* reduced between each two neighbours of *bounds*."""
    starts, lengths = bounds[:-1], np.diff(bounds)
    if not len(starts):
        return rows[:0]
    longest, shortest = int(lengths.max()), int(lengths.min())
    if longest > SHORT:
        return np.asarray(ufunc.reduceat(rows[: bounds[-1]], starts, axis=0))
    blocks = rows[starts]
    for row in range(1, longest):
        if row < shortest:
            ufunc(blocks, rows[starts + row], out=blocks)
        else:
            longer = np.flatnonzero(lengths > row)
            blocks[longer] = ufunc(blocks[longer], rows[starts[longer] + row])
    return blocks


def _add_level(  # noqa: PLR0913, PLR0917 -- the loop's state
    ufunc: np.ufunc,
    neutral: float,
    result: NDArray[Any] | None,
    level: NDArray[Any],
    at: Rows,
    chosen: NDArray[np.bool_],
) -> NDArray[Any] | None:
    """Take one element of *level* into each *chosen* window."""
    if not chosen.any():
        return result
    if chosen.all():
        found = level[at]
        return found if result is None else ufunc(result, found, out=result)
    if result is None:
        result = np.full((len(at), level.shape[1]), neutral, level.dtype)
    result[chosen] = ufunc(result[chosen], level[at[chosen]])
    return result
