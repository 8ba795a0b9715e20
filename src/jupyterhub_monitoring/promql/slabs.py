"""Calculations with whole matrices, cut into pieces between which a query can end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .evaluation import Evaluation

CELLS = 1 << 19
"""Cells of a slab: some milliseconds of the slowest functions, and few megabytes on the way."""


def in_slabs(
    ctx: Evaluation, compute: Callable[..., NDArray[Any]], *matrices: NDArray[Any]
) -> NDArray[Any]:
    """Return *compute* of *matrices*, (P, N) or (P, 1), some steps at a time.

    It makes of each cell another one. The result is counted in the budget.
    """
    steps, series = (max(matrix.shape[axis] for matrix in matrices) for axis in (0, 1))
    height = max(1, CELLS // max(1, series))
    if height >= steps:
        found = compute(*matrices)
        ctx.budget.hold(found.nbytes)
        return found
    first = compute(*(matrix[:height] for matrix in matrices))
    ctx.budget.hold(first.itemsize * steps * series)
    result = np.empty((steps, series), first.dtype)
    result[:height] = first
    for start in range(height, steps, height):
        ctx.budget.check()
        slab = slice(start, start + height)
        result[slab] = compute(*(matrix[slab] for matrix in matrices))
    return result
