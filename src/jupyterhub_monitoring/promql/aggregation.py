"""`sum by (x) (...)` and its kin: one value for each group of series, at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .ast import Aggregation
from .evaluation import Evaluation
from .grouping import Grouping, Layout
from .quantiles import quantiles, warn_of_quantile
from .stream import Stream, Task
from .totals import Accumulator, Counts, Deviations, ExactSums, Extremes, Inexact, Sums
from .values import Scalar, Vector

Make = Callable[[tuple[int, int]], Accumulator]

ACCUMULATORS: dict[str, Make] = {
    "sum": Sums,
    "avg": partial(Sums, mean=True),
    "count": Counts,
    "group": partial(Counts, group=True),
    "min": partial(Extremes, ufunc=np.fmin),
    "max": partial(Extremes, ufunc=np.fmax),
    "stdvar": Deviations,
    "stddev": partial(Deviations, root=True),
}

STATE_BYTES = 56
"""Of a group at one step, in one lane: what accumulators keep, and the result made of it."""

EXACT: dict[str, Make] = {"sum": ExactSums, "avg": partial(ExactSums, mean=True)}
"""What takes over where plain sums are not exact."""


def aggregate(ctx: Evaluation, node: Aggregation, stream: Stream) -> Vector:
    """Return the aggregation of *stream* that needs each block once."""
    grouping, before = Grouping.of(stream.labels, node), ctx.budget.memory
    with suppress(Inexact):
        return _accumulate(ctx, grouping, stream, ACCUMULATORS[node.op])
    ctx.budget.hold(before - ctx.budget.memory)
    return _accumulate(ctx, grouping, stream, EXACT[node.op])


def _accumulate(ctx: Evaluation, grouping: Grouping, stream: Stream, make: Make) -> Vector:
    shape = (len(ctx.steps), len(grouping.labels))
    ctx.budget.hold(STATE_BYTES * shape[0] * shape[1] * ctx.workers.count)

    def lane(tasks: Iterator[Task]) -> Accumulator:
        state = make(shape)
        layouts: dict[bytes, Layout] = {}
        with np.errstate(all="ignore"):
            for part in stream.parts(tasks):
                key = part.positions.tobytes()
                layout = layouts.get(key)
                if layout is None:
                    layouts.clear()
                    layout = layouts[key] = grouping.layout(part.positions)
                state.take(part, layout)
        return state

    first, *others = stream.share(lane)
    with np.errstate(all="ignore"):
        for other in others:
            first.merge(other)
        return seen(Vector(grouping.labels, *first.result()))


def seen(vector: Vector) -> Vector:
    """Return *vector* without the series that are absent at every step."""
    if vector.present is None:
        return vector
    rows = np.flatnonzero(vector.present.any(axis=0))
    if len(rows) == len(vector.labels):
        return vector
    present = vector.present[:, rows]
    mask = None if present.all() else present
    return Vector(vector.labels.take(rows), vector.values[:, rows], mask)


def quantile(ctx: Evaluation, node: Aggregation, stream: Stream, q: Scalar) -> Vector:
    """Return the *q*-quantile of each group."""
    warn_of_quantile(ctx, q.values, node.param)
    vector = stream.vector()
    grouping = Grouping.of(vector.labels, node)
    layout = grouping.layout(np.arange(len(vector.labels)))
    ctx.budget.hold(9 * len(ctx.steps) * len(grouping.labels))
    values = np.empty((len(ctx.steps), len(grouping.labels)))
    present = np.empty(values.shape, dtype=np.bool_)
    for group, chosen in _columns(layout):
        for steps in _some_steps(ctx, len(chosen)):
            there = None if vector.present is None else vector.present[steps][:, chosen]
            values[steps, group] = quantiles(
                vector.values[steps][:, chosen], there, q.values[steps]
            )
            present[steps, group] = True if there is None else there.any(axis=1)
    return Vector(grouping.labels, values, None if present.all() else present)


def _columns(layout: Layout) -> Iterator[tuple[int, NDArray[np.intp]]]:
    ends = layout.starts + layout.lengths
    for group, start, end in zip(layout.groups.tolist(), layout.starts, ends, strict=True):
        yield group, layout.order[start:end]


def _some_steps(ctx: Evaluation, series: int) -> Iterator[slice]:
    """Cut the steps into slices of a few hundred thousand cells, checking the budget."""
    width = max(1, (1 << 18) // max(1, series))
    for start in range(0, len(ctx.steps), width):
        ctx.budget.check()
        yield slice(start, start + width)
