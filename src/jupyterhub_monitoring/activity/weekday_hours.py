"""When people work: sessions by weekday and hour of the day, in a time zone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

QUARTER = 900
"""Seconds. Every time zone of today is whole quarters of an hour off, in summer too."""

CELLS = 7 * 24
Cells = NDArray[np.float64]


@dataclass(frozen=True)
class WeekdayHours:
    """Arrays of 7 by 24: Monday first, then the hour of the day.

    *session_hours* is the time that servers ran in each cell, *users* how many people had one at
    some time in it, None where names are left out; *clock_hours* how long the range itself was in
    it: `session_hours / clock_hours` is how many servers ran at once, on average.
    """

    session_hours: Cells
    users: NDArray[np.int64] | None
    clock_hours: Cells


def weekday_hours(
    sessions: Iterable[tuple[str, float, float]], start: float, end: float, tz: tzinfo
) -> WeekdayHours:
    """Return what *sessions* (user, start, end) were between *start* and *end*."""
    quarters = _Quarters(start, end, tz)
    users: dict[str, NDArray[np.bool_]] = {}
    for user, began, ended in sessions:
        cells = quarters.add(max(began, start), min(ended, end))
        users.setdefault(user, np.zeros(CELLS, dtype=bool))[cells] = True
    seen = np.sum(list(users.values()), axis=0) if users else np.zeros(CELLS)
    return WeekdayHours(
        quarters.hours(quarters.seconds),
        None if "" in users else seen.astype(np.int64).reshape(7, 24),
        quarters.hours(quarters.length),
    )


class _Quarters:
    """What is between *start* and *end*, cut at each quarter of an hour; a piece is in one cell."""

    def __init__(self, start: float, end: float, tz: tzinfo) -> None:
        end = max(start, end)
        cuts = np.arange((start // QUARTER + 1) * QUARTER, end, QUARTER)
        self._edges = np.concatenate([[start], cuts, [end]])
        local = (datetime.fromtimestamp(at, tz) for at in self._edges[:-1].tolist())
        self.cells = np.fromiter((at.weekday() * 24 + at.hour for at in local), np.int64)
        self.length = np.diff(self._edges)
        self.seconds = np.zeros(len(self.cells))

    def add(self, start: float, end: float) -> NDArray[np.int64]:
        """Count one session, which is within; return the cells that it was in."""
        if end <= start:
            return self.cells[:0]
        edges = self._edges
        first = int(np.searchsorted(edges, start, "right")) - 1
        after = int(np.searchsorted(edges, end, "left"))
        self.seconds[first:after] += self.length[first:after]
        self.seconds[first] -= start - edges[first]
        self.seconds[after - 1] -= edges[after] - end
        return self.cells[first:after]

    def hours(self, seconds: Cells) -> Cells:
        """Return *seconds* of each piece as hours of each cell."""
        return np.bincount(self.cells, seconds, CELLS).reshape(7, 24) / 3600
