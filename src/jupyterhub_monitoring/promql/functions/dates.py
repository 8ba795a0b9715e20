"""Functions that read values as seconds since 1970: `hour`, `day_of_week` ... In UTC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Seconds = NDArray[np.int64]
Instants = NDArray[np.datetime64]

_DAY = 86_400
_LATEST = 1e15
"""Seconds that are still a date to us, some 30 million years. Beyond it, Go's answers are noise."""


def _minute(seconds: Seconds) -> Seconds:
    return seconds // 60 % 60


def _hour(seconds: Seconds) -> Seconds:
    return seconds // 3600 % 24


def _day_of_week(seconds: Seconds) -> Seconds:
    return (seconds // _DAY + 4) % 7  # 1970 began on a Thursday; Sunday is 0


def _day_of_month(seconds: Seconds) -> Seconds:
    return seconds // _DAY - _days(_months(seconds)) + 1


def _day_of_year(seconds: Seconds) -> Seconds:
    return seconds // _DAY - _days(_years(seconds)) + 1


def _days_in_month(seconds: Seconds) -> Seconds:
    month = _months(seconds)
    return _days(month + 1) - _days(month)


def _month(seconds: Seconds) -> Seconds:
    return _months(seconds).astype(np.int64) % 12 + 1


def _year(seconds: Seconds) -> Seconds:
    return _years(seconds).astype(np.int64) + 1970


def _months(seconds: Seconds) -> Instants:
    return seconds.astype("datetime64[s]").astype("datetime64[M]")


def _years(seconds: Seconds) -> Instants:
    return seconds.astype("datetime64[s]").astype("datetime64[Y]")


def _days(instants: Instants) -> Seconds:
    """Return the days from 1970 to the first of these months or years."""
    return instants.astype("datetime64[D]").astype(np.int64)


def _of_floats(function: Callable[[Seconds], Seconds]) -> Callable[[Matrix], Matrix]:
    """Let *function* take floats, whose fraction does not count. What is no date stays unknown."""

    def dated(values: Matrix) -> Matrix:
        dates = np.abs(values) < _LATEST
        seconds = np.where(dates, values, 0).astype(np.int64)
        return np.where(dates, function(seconds), np.nan)

    return dated


DATES: dict[str, Callable[[Matrix], Matrix]] = {
    name: _of_floats(function)
    for name, function in {
        "day_of_month": _day_of_month,
        "day_of_week": _day_of_week,
        "day_of_year": _day_of_year,
        "days_in_month": _days_in_month,
        "hour": _hour,
        "minute": _minute,
        "month": _month,
        "year": _year,
    }.items()
}
"""By name: (P, N) seconds to (P, N) numbers. Without an argument they are of the step's time."""
