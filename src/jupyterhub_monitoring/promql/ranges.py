"""Functions over the samples of a window: `rate`, `avg_over_time` and their kin.

Each takes the `Window` of a block and the steps' scalar arguments (p, 1), and gives (p, S) values
and presence. What has no sample in its window is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .broken import Reads
from .compensated import add, folded
from .quantiles import quantiles
from .window import Window

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Found = tuple[Floats, "Bools | None"]

NEAR = 1.1
"""A sample is near the window's end if it is less than so many average spacings away."""

ALMOST = 1 + 1e-12
"""More than what rounding can add to a number."""

OVERFLOW_SCALE = 2.0**-64
"""What values are scaled by whose sum would overflow; there are fewer than 2**64 of them."""


def _extrapolated(window: Window, *, counter: bool, per_second: bool) -> Found:
    """Return the increase over the window, extrapolated to its ends as Prometheus 3 does.

    Operation by operation, so that the last bit is the same.
    """
    first, last = window.first_values, window.last_values
    first_time, last_time = window.time(window.first), window.time(window.last)
    increase = last - first
    if counter and not window.ascending:
        increase = window.pairs(np.less, increase, weigh=True)
    ends = window.ends[:, None]
    sampled = (last_time - first_time) / 1000
    spacing = sampled / (window.count - 1)
    to_start = (first_time - (ends - window.range_ms)) / 1000
    to_end = (ends - last_time) / 1000
    to_start = np.where(to_start >= NEAR * spacing, spacing / 2, to_start)
    to_end = np.where(to_end >= NEAR * spacing, spacing / 2, to_end)
    # As Go's Seconds().
    over = window.range_ms // 1000 + window.range_ms % 1000 / 1000 if per_second else 1.0
    result = increase * ((sampled + to_start + to_end) / sampled / over)
    if counter:  # it was not below zero: the line through both samples must not go there
        below = np.flatnonzero(first / increase < to_start / sampled * ALMOST)
        if len(below):  # seldom, but for counters that have just begun
            cells = np.divmod(below, window.series)
            sampled, to_start, to_end = (
                np.broadcast_to(seconds, result.shape)[cells]
                for seconds in (sampled, to_start, to_end)
            )
            first, increase = first[cells], increase[cells]
            to_zero = sampled * (first / increase)
            crosses = (to_zero < to_start) & (increase > 0) & (first >= 0)
            to_start = np.where(crosses, to_zero, to_start)
            result[cells] = increase * ((sampled + to_start + to_end) / sampled / over)
    return result, window.present(2)


def rate(window: Window) -> Found:
    """Per-second increase of a counter, resets undone."""
    return _extrapolated(window, counter=True, per_second=True)


def increase(window: Window) -> Found:
    """Increase of a counter, resets undone."""
    return _extrapolated(window, counter=True, per_second=False)


def delta(window: Window) -> Found:
    """Difference of a gauge between the window's ends."""
    return _extrapolated(window, counter=False, per_second=False)


def irate(window: Window) -> Found:
    """Per-second increase between the last two samples; after a reset, from zero."""
    last, before = window.last_values, window.value(window.previous)
    change = np.where(last < before, last, last - before)
    seconds = (window.time(window.last) - window.time(window.previous)) / 1000
    return change / seconds, window.present(2)


def idelta(window: Window) -> Found:
    """Difference between the last two samples."""
    return window.last_values - window.value(window.previous), window.present(2)


def changes(window: Window) -> Found:
    """How often the value changed; from NaN to NaN is no change."""
    return window.pairs(_changed, np.zeros(window.shape), weigh=False), window.present()


def resets(window: Window) -> Found:
    """How often the value decreased."""
    if window.ascending:
        return _full(window, 0.0), window.present()
    return window.pairs(np.less, np.zeros(window.shape), weigh=False), window.present()


def _changed(later: Floats, earlier: Floats) -> Bools:
    """Return where they differ; NaN equals NaN."""
    return np.asarray((later != earlier) & ~(np.isnan(later) & np.isnan(earlier)))


def sum_over_time(window: Window) -> Found:
    """Sum of the samples."""
    return window.total(), window.present()


def avg_over_time(window: Window) -> Found:
    """Mean of the samples; does not overflow where their sum does."""
    total = window.total()
    step, series = np.nonzero(np.isinf(total))
    mean = np.divide(total, window.count, out=total)
    if len(step):
        count = np.broadcast_to(window.count, mean.shape)[step, series]
        scaled = window.exact_total(step, series, OVERFLOW_SCALE) / count
        mean[step, series] = scaled / OVERFLOW_SCALE
    return mean, window.present()


def min_over_time(window: Window) -> Found:
    """Smallest sample; NaN only if all are."""
    return window.reduce(np.fmin), window.present()


def max_over_time(window: Window) -> Found:
    """Largest sample; NaN only if all are."""
    return window.reduce(np.fmax), window.present()


def count_over_time(window: Window) -> Found:
    """How many samples there are."""
    return _full(window, window.count), window.present()


def present_over_time(window: Window) -> Found:
    """1 where there is a sample."""
    return _full(window, 1.0), window.present()


def first_over_time(window: Window) -> Found:
    """Oldest sample."""
    return window.first_values, window.present()


def last_over_time(window: Window) -> Found:
    """Newest sample."""
    return window.last_values, window.present()


def stdvar_over_time(window: Window) -> Found:
    """Population variance of the samples, by Welford's recurrence with compensated sums."""
    count, mean, mean_lost, square, square_lost = (np.zeros(window.shape) for _ in range(5))
    for _, value, there in window.samples_in_turn():
        count += there
        off = value - (mean + mean_lost)
        mean, mean_lost = add(mean, mean_lost, np.where(there, off / count, 0.0))
        off = np.where(there, off * (value - (mean + mean_lost)), 0.0)
        square, square_lost = add(square, square_lost, off)
    return (square + square_lost) / count, window.present()


def stddev_over_time(window: Window) -> Found:
    """Population standard deviation of the samples."""
    variance, present = stdvar_over_time(window)
    return np.sqrt(variance), present


def quantile_over_time(window: Window, q: Floats) -> Found:
    """The q-quantile of the samples, between neighbours by their distance."""
    values = np.empty(window.shape)
    for step, (rows, there) in enumerate(window.one_by_one()):
        values[step] = quantiles(rows.T, None if there is None else there.T, q[step])
    return values, window.present()


FOLDED_CELLS = 1 << 18
"""So many samples are summed by halves at once: it takes a dozen times their memory."""


def _regression(window: Window, origin: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return (slope per second, value at *origin*) of the least-squares lines; *origin* in ms."""
    start = window.first_values
    constant, (x, y, xy, xx) = _regression_sums(window, origin, start)
    n = window.count
    slope = (xy - x * y / n) / (xx - x * x / n)
    unknown = np.isinf(start)
    return (
        np.where(constant, np.where(unknown, np.nan, 0.0), slope),
        np.where(constant, np.where(unknown, np.nan, start), y / n - slope * x / n),
    )


def _regression_sums(
    window: Window, origin: NDArray[np.int64], start: Floats
) -> tuple[NDArray[np.bool_], Sequence[Floats]]:
    """Return where every sample is that of *start*, and the sums of x, y, x * y and x * x.

    Of few long windows, as rules ask for, one after the other; of many, all at once.
    """
    constant = np.ones(window.shape, dtype=np.bool_)
    longest = int((window.high - window.low).max(initial=0))
    few = len(window.low) * longest.bit_length() < longest
    if few and longest * window.series <= FOLDED_CELLS:
        sums = np.empty((4, *window.shape))
        origins = np.broadcast_to(origin, window.shape)
        for step, (low, high) in enumerate(zip(window.low, window.high, strict=True)):
            window.check()
            there = None if window.valid is None else window.valid[low:high]
            value = window.filled[low:high]
            terms = _terms(window.times[low:high, None], value, there, origins[step])
            same = value == start[step]
            constant[step] = (same if there is None else same | ~there).all(axis=0)
            sums[:, step] = folded(np.stack(terms, axis=1))
        return constant, list(sums)
    running = [(np.zeros(window.shape), np.zeros(window.shape)) for _ in range(4)]
    for time, value, there in window.samples_in_turn():
        constant &= ~there | (value == start)
        terms = _terms(time, value, there, origin)
        running = [add(*running[i], term) for i, term in enumerate(terms)]
    return constant, [total + lost for total, lost in running]


def _terms(
    time: NDArray[np.int64],
    value: Floats,
    there: NDArray[np.bool_] | None,
    origin: NDArray[np.int64],
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return x, y, x * y and x * x of each sample, 0 where there is none."""
    x = np.broadcast_to((time - origin) / 1000, np.broadcast_shapes(value.shape, time.shape))
    y = value
    if there is not None:
        x, y = np.where(there, x, 0.0), np.where(there, y, 0.0)
    return x, y, x * y, x * x


def deriv(window: Window) -> Found:
    """Slope per second of the least-squares line through the samples."""
    return _regression(window, window.time(window.first))[0], window.present(2)


def predict_linear(window: Window, seconds: Floats) -> Found:
    """Value of the least-squares line so many seconds after the step."""
    slope, value = _regression(window, window.at[:, None])
    return slope * seconds + value, window.present(2)


def _full(window: Window, values: Floats | NDArray[np.intp] | float) -> Floats:
    """Return *values* as a matrix of the window's shape."""
    shape = window.shape
    return np.broadcast_to(np.asarray(values, dtype=np.float64), shape)


RangeFunction = Callable[..., Found]

RANGE_FUNCTIONS: dict[str, RangeFunction] = {
    function.__name__: function
    for function in (
        rate,
        increase,
        delta,
        irate,
        idelta,
        changes,
        resets,
        sum_over_time,
        avg_over_time,
        min_over_time,
        max_over_time,
        count_over_time,
        present_over_time,
        first_over_time,
        last_over_time,
        stdvar_over_time,
        stddev_over_time,
        quantile_over_time,
        deriv,
        predict_linear,
    )
}
"""By PromQL's name."""

KEEP_NAME = frozenset({"last_over_time", "first_over_time"})
"""Those whose result is still a sample of the same metric."""

READS = {
    **dict.fromkeys(("rate", "increase", "delta", "irate", "idelta", "resets"), Reads.ENDS),
    **dict.fromkeys(("count_over_time", "present_over_time"), Reads.ENDS),
    **dict.fromkeys(("first_over_time", "last_over_time"), Reads.ENDS),
    **dict.fromkeys(("sum_over_time", "avg_over_time"), Reads.SAMPLES),
    **dict.fromkeys(("min_over_time", "max_over_time", "changes"), Reads.SAMPLES),
    **dict.fromkeys(("stdvar_over_time", "stddev_over_time"), Reads.TURN),
    **dict.fromkeys(("deriv", "predict_linear"), Reads.TURN),
    "quantile_over_time": Reads.SORTED,
}
"""What is read of each window."""

COUNTERS = frozenset({"rate", "increase"})
"""Those that mean something for counters only."""
