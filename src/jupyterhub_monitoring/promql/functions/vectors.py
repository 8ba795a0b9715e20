"""Functions that make a vector or a number out of a whole vector, or out of nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...store.label_table import LabelTable
from ...store.matcher import MatchType
from ..ast import Call, Expr, RangeSelector, Selector
from ..quoting import as_utf8
from ..slabs import in_slabs
from ..unique import merge_equal, nameless
from ..values import Scalar, Value, Vector
from .arguments import bare, numbers, vector
from .dates import DATES
from .elementwise import clamp
from .histograms import histogram_fraction, histogram_quantile
from .labels import label_join, label_replace

if TYPE_CHECKING:
    from ..evaluation import Evaluation


def absent(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """1 at each step at which the vector has no sample, labelled as what was asked for."""
    missing: NDArray[np.bool_] = ~np.logical_or.reduce(vector(args[0]).mask, axis=1)
    return absence(ctx, missing, call.args[0])


def absence(ctx: Evaluation, missing: NDArray[np.bool_], asked: Expr) -> Vector:
    """Return 1 where *missing* (P,), with the labels that the selector *asked* demands."""
    demanded = {name: as_utf8(value) for name, value in demanded_labels(asked).items()}
    labels = LabelTable.of(ctx.symbols, [demanded])
    return Vector(labels, np.ones((len(missing), 1)), missing[:, None])


def demanded_labels(expr: Expr) -> dict[str, str]:
    """Return the labels that a selector demands by `=`; one that it names twice is left out."""
    expr = bare(expr)
    if isinstance(expr, RangeSelector):
        expr = expr.selector
    labels: dict[str, str] = {}
    seen = {"__name__"}
    for matcher in expr.matchers if isinstance(expr, Selector) else ():
        if matcher.type is MatchType.EQUAL and matcher.name not in seen:
            labels[matcher.name] = matcher.value
            seen.add(matcher.name)
        else:
            labels.pop(matcher.name, None)
    return labels


def scalar(_ctx: Evaluation, args: Sequence[Value], _call: Call) -> Scalar:
    """The value of the only sample of each step; NaN where there are none or several."""
    series = vector(args[0])
    if not len(series.labels):
        return Scalar(np.full(len(series.values), np.nan))
    mask = series.mask
    only = np.take_along_axis(series.values, mask.argmax(axis=1)[:, None], axis=1)[:, 0]
    return Scalar(np.where(mask.sum(axis=1) == 1, only, np.nan))


def to_vector(ctx: Evaluation, args: Sequence[Value], _call: Call) -> Vector:
    """A number as a vector of one series without labels."""
    return Vector(LabelTable(ctx.symbols, {}, 1), numbers(args[0])[:, None])


def time(ctx: Evaluation, _args: Sequence[Value], _call: Call) -> Scalar:
    """The time of each step, in seconds since 1970."""
    return Scalar(ctx.steps / 1000)


def timestamp(ctx: Evaluation, args: Sequence[Value], _call: Call) -> Vector:
    """The step's time for each sample of an expression. A selector's samples have their own."""
    series = vector(args[0])
    ctx.budget.hold(series.values.nbytes)
    seconds = np.broadcast_to(ctx.steps[:, None] / 1000, series.values.shape)
    return merge_equal(ctx, Vector(nameless(series.labels), seconds, series.present))


def pi(ctx: Evaluation, _args: Sequence[Value], _call: Call) -> Scalar:
    """The number pi."""
    return Scalar(np.full(len(ctx.steps), np.pi))


def clamped(ctx: Evaluation, args: Sequence[Value], _call: Call) -> Vector:
    """Values brought between two bounds; nothing at steps where the lower one is above."""
    series, low, high = vector(args[0]), numbers(args[1])[:, None], numbers(args[2])[:, None]
    values = in_slabs(ctx, clamp, series.values, low, high)
    empty = high < low
    present = series.mask & ~empty if empty.any() else series.present
    return merge_equal(ctx, Vector(nameless(series.labels), values, present))


def sort(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """Put the series of an instant query in the order of their values, NaN last.

    `sort_desc` puts the largest first. A range query's series are ordered by labels in any case.
    """
    series = vector(args[0])
    if len(ctx.steps) != 1:
        ctx.annotations.warn(
            "PromQL warning: sort is ineffective for range queries since results are always "
            f"ordered by labels ({ctx.where(call.span)})"
        )
        return series
    there = np.flatnonzero(series.mask[0])
    values = series.values[0, there]
    key = -values if call.function == "sort_desc" else values
    order = there[np.argsort(key, kind="stable")]
    return Vector(series.labels.take(order), series.values[:, order])


def date(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """A part of the date that values are, or that the step's time is where there is no argument."""
    part = DATES[call.function]
    if not args:
        return Vector(LabelTable(ctx.symbols, {}, 1), part(ctx.steps[:, None] / 1000))
    series = vector(args[0])
    values = in_slabs(ctx, part, series.values)
    return merge_equal(ctx, Vector(nameless(series.labels), values, series.present))


VectorFunction = Callable[["Evaluation", Sequence[Value], Call], Value]

VECTOR_FUNCTIONS: dict[str, VectorFunction] = {
    "absent": absent,
    "clamp": clamped,
    "histogram_fraction": histogram_fraction,
    "histogram_quantile": histogram_quantile,
    "label_join": label_join,
    "label_replace": label_replace,
    "pi": pi,
    "scalar": scalar,
    "sort": sort,
    "sort_desc": sort,
    "time": time,
    "timestamp": timestamp,
    "vector": to_vector,
    **dict.fromkeys(DATES, date),
}
"""By name: what needs more than the numbers of one cell. Each drops the name where it has to."""
