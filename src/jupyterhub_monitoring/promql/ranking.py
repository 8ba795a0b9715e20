"""`topk` and `bottomk`: aggregations whose result is some of the series themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..store.label_table import LabelTable
from .ast import Aggregation
from .evaluation import Evaluation
from .grouping import Grouping
from .stream import Stream
from .stream import columns as together
from .values import Scalar, Vector

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

LONGEST = 2.0**63
"""Beyond it, k is no int64: an error in Prometheus."""

FEW_GROUPS = 64
"""Up to so many groups, each is looked through for what can be among its best before sorting."""

CELLS = 1 << 18
"""Cells that are sorted at once."""


def top(ctx: Evaluation, node: Aggregation, stream: Stream, k: Scalar) -> Vector:
    """Return the *k* largest (`topk`) or smallest samples of each group at each step.

    NaN comes last. At an instant they stand in order, group by group; a range query's result is
    every series that is ever among them.
    """
    if k.values.max() < 1:
        return _none(ctx, stream.labels)
    wanted = _counts(k.values)
    vector = stream.vector()
    grouping = Grouping.of(vector.labels, node)
    ctx.budget.hold(vector.values.size)
    present = np.zeros(vector.values.shape, dtype=np.bool_)
    ranked = np.zeros(0, dtype=np.intp)
    width = max(1, CELLS // max(1, len(vector.labels)))
    for start in range(0, len(ctx.steps), width):
        ctx.budget.check()
        steps = slice(start, start + width)
        there = None if vector.present is None else vector.present[steps]
        key = vector.values[steps] if node.op == "bottomk" else -vector.values[steps]
        cells = _candidates(key, there, grouping, wanted[steps])
        if ctx.is_range and len(grouping.labels) == 1:
            step, ranked = _without_ties(key, *cells, wanted[steps])
        else:
            step, ranked = _best(key, *cells, grouping, wanted[steps])
        present[start + step, ranked] = True
    order = ranked if not ctx.is_range and len(ctx.steps) == 1 else _ever(present)
    ctx.budget.hold(9 * len(ctx.steps) * len(order))
    chosen = present[:, order]
    return Vector(
        vector.labels.take(order), vector.values[:, order], None if chosen.all() else chosen
    )


def _none(ctx: Evaluation, labels: LabelTable) -> Vector:
    return Vector(labels.take(np.zeros(0, dtype=np.intp)), np.zeros((len(ctx.steps), 0)))


def _ever(present: NDArray[np.bool_]) -> Rows:
    return np.flatnonzero(present.any(axis=0))


def _counts(k: Floats) -> Rows:
    """Return *k* as whole numbers. Raises `QueryError` where they are none."""
    if np.isnan(k).any():
        raise QueryError("Parameter value is NaN")
    if k.min() <= -LONGEST:
        raise QueryError(f"Scalar value {k.min():g} underflows int64")
    if k.max() >= LONGEST:
        raise QueryError(f"Scalar value {k.max():g} overflows int64")
    return np.clip(k, 0, 2**31).astype(np.intp)


def _without_ties(key: Floats, step: Rows, series: Rows, wanted: Rows) -> tuple[Rows, Rows]:
    """Return the *wanted* smallest of some cells of one group in no order, the sooner of equals.

    The cells are few more than are wanted, so that hardly a step has to be sorted.
    """
    number = np.bincount(step, minlength=len(wanted))
    tied = (number > wanted)[step]
    if not tied.any():
        return step, series
    best = _best(key, step[tied], series[tied], None, wanted)
    return np.append(step[~tied], best[0]), np.append(series[~tied], best[1])


def _best(
    key: Floats, step: Rows, series: Rows, grouping: Grouping | None, wanted: Rows
) -> tuple[Rows, Rows]:
    """Return those of some cells that have the *wanted* smallest keys of a group, smallest first.

    None is one group of all.
    """
    cells = key[step, series]
    group = np.zeros_like(series) if grouping is None else grouping.codes[series]
    order = np.lexsort((series, cells, np.isnan(cells), group, step))
    step, series, group = step[order], series[order], group[order]
    new = np.r_[True, (step[1:] != step[:-1]) | (group[1:] != group[:-1])][: len(step)]
    begin = np.flatnonzero(new)
    rank = np.arange(len(step)) - np.repeat(begin, np.diff(np.r_[begin, len(step)]))
    kept = rank < wanted[step]
    return step[kept], series[kept]


def _candidates(
    key: Floats, present: NDArray[np.bool_] | None, grouping: Grouping, wanted: Rows
) -> tuple[Rows, Rows]:
    """Return the cells that can be among the best: few, unless there are many groups."""
    there = np.ones(key.shape, dtype=np.bool_) if present is None else present
    most = int(wanted.max())
    if len(grouping.labels) <= FEW_GROUPS:
        known = key == key  # noqa: PLR0124 -- NaN is not, and comes last
        known &= there
        key = np.where(known, key, np.inf)
        there = there.copy()
        for group in range(len(grouping.labels)):
            columns = together(np.flatnonzero(grouping.codes == group))
            part = key[:, columns]
            if 0 < most < part.shape[1]:
                there[:, columns] &= part <= np.partition(part, most - 1)[:, most - 1 : most]
    step, series = np.divmod(np.flatnonzero(there), key.shape[1])
    return step, series
