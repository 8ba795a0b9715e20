"""Quantiles of numbers side by side, as Prometheus interpolates them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .ast import NOWHERE, Expr
from .evaluation import Evaluation
from .go_format import format_general

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def quantiles(values: Floats, present: Bools | None, q: Floats) -> Floats:
    """Return the q-quantile of each row of *values* (P, N), shape (P,); *q* is (P,) or one number.

    NaN counts as the smallest number. Below 0 a quantile is -Inf, above 1 +Inf, and NaN is NaN. A
    row without a sample gives NaN.
    """
    steps, series = values.shape
    if not series:
        return np.full(steps, np.nan)
    there = np.full(steps, series) if present is None else present.sum(axis=1)
    rank = np.clip(np.nan_to_num(q), 0, 1) * np.maximum(there - 1, 0)
    low = np.floor(rank).astype(np.intp)
    high = np.minimum(low + 1, np.maximum(there - 1, 0))
    lower, upper = _ranked(values, present, low, high)
    weight = rank - low
    with np.errstate(all="ignore"):
        between = lower * (1 - weight) + upper * weight
    between = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, between))
    return np.where(np.isnan(q) | (there == 0), np.nan, between)


def _ranked(
    values: Floats, present: Bools | None, low: NDArray[np.intp], high: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return the samples of these ranks in each row."""
    unknown = np.isnan(values)
    if present is not None:
        unknown &= present
        values = np.where(present, values, np.inf)  # behind all that are asked for
    some_unknown = bool(unknown.any())
    if some_unknown:
        values = np.where(unknown, -np.inf, values)
    ordered = np.sort(values, axis=1)
    steps = np.arange(len(values))
    lower, upper = ordered[steps, low], ordered[steps, high]
    if some_unknown:
        number = unknown.sum(axis=1)
        lower = np.where(low < number, np.nan, lower)
        upper = np.where(high < number, np.nan, upper)
    return lower, upper


def warn_of_quantile(ctx: Evaluation, q: Floats, asked: Expr | None) -> None:
    """Warn of numbers among *q* that are no quantiles: NaN, the largest and the least of them."""
    wrong = [np.nan] if np.isnan(q).any() else []
    wrong += [most] if (most := np.fmax.reduce(q)) > 1 else []
    wrong += [least] if (least := np.fmin.reduce(q)) < 0 else []
    for number in wrong:
        ctx.annotations.warn(
            "PromQL warning: quantile value should be between 0 and 1, "
            f"got {format_general(number)} ({ctx.where(asked.span if asked else NOWHERE)})"
        )
