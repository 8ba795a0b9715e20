"""Series that come to have the same labels: one series, as long as their samples do not meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..store.label_table import LabelTable
from .values import Vector

if TYPE_CHECKING:
    from .evaluation import Evaluation

CELLS = 1 << 18
"""Cells that are merged at once."""

IDENTITY = ("__name__", "__type__", "__unit__")
"""What says which metric a series is: gone once its values are no longer that metric's."""

SAME_LABELSET = "vector cannot contain metrics with the same labelset"


def distinct(*numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the different ones of *numbers*, ascending.

    `np.unique` keeps other threads waiting, and takes ten times as long where most are different.
    """
    ordered = np.sort(np.concatenate(numbers))
    return ordered[run_starts(ordered)]


def run_starts(ordered: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return where each run of equal numbers begins: `np.diff` takes three times as long."""
    new = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return np.flatnonzero(new)


def nameless(labels: LabelTable) -> LabelTable:
    """Return *labels* without what says which metric it is."""
    return labels.drop(IDENTITY)


def merge_equal(ctx: Evaluation, vector: Vector) -> Vector:
    """Return *vector* with each label set once, in the order in which they first appear.

    What drops or writes labels (`rate()`, `a + 1`, `label_replace()`) ends with this. Two series
    that are equal then are one if no step has a sample of both; else the query fails, as in
    Prometheus.
    """
    group, first = vector.labels.group()
    if len(first) == len(vector.labels):
        return vector
    shape = (len(vector.values), len(first))
    ctx.budget.hold(9 * shape[0] * shape[1])
    values, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    height = max(1, CELLS // len(vector.labels))
    for start in range(0, shape[0], height):
        ctx.budget.check()
        steps = slice(start, start + height)
        step, column = np.nonzero(vector.mask[steps])
        cell = step * len(first) + group[column]
        present[steps].ravel()[cell] = True
        if np.count_nonzero(present[steps]) < len(cell):
            raise QueryError(SAME_LABELSET)
        values[steps].ravel()[cell] = vector.values[steps][step, column]
    return Vector(vector.labels.take(first), values, None if present.all() else present)
