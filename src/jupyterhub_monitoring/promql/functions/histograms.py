"""`histogram_quantile` and `histogram_fraction` over classic histograms.

All histograms are computed at once, bucket by bucket from the lowest bound up, on matrices (P, G)
of some steps and all histograms. A histogram with fewer buckets than others, or a bucket that is
absent at a step, is passed over there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..ast import Call
from ..go_format import format_general
from ..unique import merge_equal
from ..values import Value, Vector
from .arguments import bare, numbers, vector
from .buckets import Bools, Histograms, Layout, Matrix
from .monotonic import Correction, made_monotonic
from .whole_histograms import whole_quantiles

if TYPE_CHECKING:
    from ..evaluation import Evaluation


def histogram_quantile(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """Estimate a quantile of each histogram, by linear interpolation in its bucket.

    NaN where there are no observations, fewer than two buckets, or none up to infinity. A quantile
    in the highest bucket is the bound below it.
    """
    quantile, layout = numbers(args[0]), Layout.of(ctx, vector(args[1]), call.args[1])
    for wrong in np.unique(quantile[~((quantile >= 0) & (quantile <= 1))]):
        ctx.annotations.warn(
            "PromQL warning: quantile value should be between 0 and 1, got "
            f"{format_general(wrong)} ({ctx.where(bare(call.args[0]).span)})"
        )
    values, there = _result(ctx, layout)
    correction = Correction()
    for steps in layout.blocks(ctx):
        asked = quantile[steps, None]
        found = whole_quantiles(layout, steps, asked)
        there[steps] = True
        if found is None:
            histograms = layout.at(steps)
            valid = (asked >= 0) & (asked <= 1) & histograms.complete
            counts = made_monotonic(histograms, valid, ctx.steps[steps], correction)
            found = _quantiles(asked, histograms, counts)
            there[steps] = histograms.there
        values[steps] = np.where(asked < 0, -np.inf, np.where(asked > 1, np.inf, found))
    if correction.samples:
        ctx.annotations.inform(
            "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile), "
            f"{correction} ({ctx.where(bare(call.args[1]).span)})"
        )
    return merge_equal(ctx, Vector(layout.labels, values, None if there.all() else there))


def histogram_fraction(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """Estimate which share of each histogram's observations lies between two values.

    NaN where there are no observations, or no bucket up to infinity.
    """
    lower, upper = numbers(args[0]), numbers(args[1])
    layout = Layout.of(ctx, vector(args[2]), call.args[2])
    values, there = _result(ctx, layout)
    for steps in layout.blocks(ctx):
        histograms = layout.at(steps)
        values[steps] = _fractions(lower[steps, None], upper[steps, None], histograms)
        there[steps] = histograms.there
    return merge_equal(ctx, Vector(layout.labels, values, None if there.all() else there))


def _result(ctx: Evaluation, layout: Layout) -> tuple[Matrix, Bools]:
    shape = (len(ctx.steps), len(layout.labels))
    ctx.budget.hold(9 * shape[0] * shape[1])
    return np.empty(shape), np.empty(shape, dtype=np.bool_)


def _quantiles(asked: Matrix, histograms: Histograms, counts: list[Matrix]) -> Matrix:
    """Return the quantiles, right where *asked* is within 0 and 1."""
    observations = counts[-1]
    with np.errstate(invalid="ignore"):
        rank = asked * observations
    values = np.full(rank.shape, np.nan)
    open_ = histograms.complete & (observations != 0) & ~np.isnan(asked)
    start, below = np.zeros(rank.shape), np.zeros(rank.shape)
    first = np.ones(rank.shape, dtype=np.bool_)
    for bucket, count in zip(histograms.buckets, counts, strict=True):
        last = bucket.there & (bucket.bound == np.inf)
        hit = bucket.there & ~last & open_ & (count >= rank)
        with np.errstate(all="ignore"):
            within = start + (bucket.bound - start) * ((rank - below) / (count - below))
        found = np.where(first & (bucket.bound <= 0), bucket.bound, within)
        values = np.where(hit, found, values)
        values = np.where(last & open_ & ~first, start, values)
        open_ &= ~hit
        first &= ~bucket.there
        start = np.where(bucket.there, bucket.bound, start)
        below = np.where(bucket.there, count, below)
    return values


def _fractions(low: Matrix, high: Matrix, histograms: Histograms) -> Matrix:
    """Return the shares between *low* and *high*, both (P, 1)."""
    total = np.zeros(histograms.there.shape)
    for bucket in histograms.buckets:
        total = np.where(bucket.there, bucket.count, total)
    with np.errstate(all="ignore"):
        below_low = np.minimum(_rank_of(low, histograms, total), total)
        below_high = np.minimum(_rank_of(high, histograms, total), total)
        share = (below_high - below_low) / total
    unknown = (total == 0) | np.isnan(low) | np.isnan(high) | ~histograms.complete
    return np.where(unknown, np.nan, np.where(low >= high, 0.0, share))


def _rank_of(value: Matrix, histograms: Histograms, total: Matrix) -> Matrix:
    """Return how many observations are below *value* (P, 1); *total* where it is in no bucket."""
    rank = np.zeros(total.shape)
    found = np.zeros(total.shape, dtype=np.bool_)
    result = np.array(total)
    bound_below = np.full(total.shape, np.nan)
    for bucket in histograms.buckets:
        lowest = np.where(bucket.bound > 0, 0.0, -np.inf)
        start = np.where(np.isnan(bound_below), lowest, bound_below)
        share = (value - start) / (bucket.bound - start)
        inside = np.where(start == -np.inf, bucket.count, rank + (bucket.count - rank) * share)
        at_start = start >= value
        hit = bucket.there & ~found & (at_start | (bucket.bound > value))
        result = np.where(hit, np.where(at_start, rank, inside), result)
        found |= hit
        rank = np.where(bucket.there, bucket.count, rank)
        bound_below = np.where(bucket.there, bucket.bound, bound_below)
    return result
