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
    some time in it, None where names are left out or nobody asked; *clock_hours* how long the
    range itself was in it: `session_hours / clock_hours` is how many servers ran at once, on
    average.
    """

    session_hours: Cells
    users: NDArray[np.int64] | None
    clock_hours: Cells


def weekday_hours(
    sessions: Iterable[tuple[str, float, float]],
    start: float,
    end: float,
    tz: tzinfo,
    *,
    people: bool = True,
) -> WeekdayHours:
    """Return what *sessions* (user, start, end) were between *start* and *end*.

    Without *people* the users are not counted, which takes most of the time.
    """
    rows = list(sessions)
    times = np.array([(begun, ended) for _, begun, ended in rows], dtype=np.float64).reshape(-1, 2)
    times = np.clip(times, start, max(start, end))
    within = times[:, 0] < times[:, 1]
    times = times[within]
    pieces = _Pieces(start, max(start, end), tz)
    first, after = pieces.spans(times[:, 0], times[:, 1])
    users = None
    if people:
        names = [user for (user, *_), there in zip(rows, within.tolist(), strict=True) if there]
        users = _users(names, pieces, first, after)
    return WeekdayHours(
        pieces.hours(pieces.seconds(times, first, after)), users, pieces.hours(pieces.length)
    )


def _users(
    names: list[str], pieces: _Pieces, first: NDArray[np.int64], after: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return how many people had a server in each cell; None where somebody has no name."""
    seen: dict[str, NDArray[np.bool_]] = {}
    for user, begin, behind in zip(names, first.tolist(), after.tolist(), strict=True):
        cells = seen.get(user)
        if cells is None:
            cells = seen[user] = np.zeros(CELLS, dtype=bool)
        cells[pieces.cells[begin:behind]] = True
    if "" in seen:
        return None
    users = np.sum(list(seen.values()), axis=0, dtype=np.int64) if seen else np.zeros(CELLS, int)
    return users.reshape(7, 24)


class _Pieces:
    """What is between *start* and *end*, cut at each quarter of an hour; a piece is in one cell."""

    def __init__(self, start: float, end: float, tz: tzinfo) -> None:
        cuts = np.arange((start // QUARTER + 1) * QUARTER, end, QUARTER)
        self._edges = np.concatenate([[start], cuts, [end]])
        local = (datetime.fromtimestamp(at, tz) for at in self._edges[:-1].tolist())
        self.cells = np.fromiter((at.weekday() * 24 + at.hour for at in local), np.int64)
        self.length = np.diff(self._edges)

    def spans(self, starts: Cells, ends: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the first piece of each session, and the one after its last."""
        first = np.searchsorted(self._edges, starts, "right") - 1
        return first, np.searchsorted(self._edges, ends, "left")

    def seconds(self, times: Cells, first: NDArray[np.int64], after: NDArray[np.int64]) -> Cells:
        """Return how long servers ran in each piece, in all: whole pieces, less the two ends."""
        changes = np.zeros(len(self.cells) + 1)
        np.add.at(changes, first, 1.0)
        np.add.at(changes, after, -1.0)
        seconds = np.cumsum(changes)[:-1] * self.length
        np.subtract.at(seconds, first, times[:, 0] - self._edges[first])
        np.subtract.at(seconds, after - 1, self._edges[after] - times[:, 1])
        return np.maximum(seconds, 0.0)  # where rounding left less than nothing

    def hours(self, seconds: Cells) -> Cells:
        """Return *seconds* of each piece as hours of each cell."""
        return np.bincount(self.cells, seconds, CELLS).reshape(7, 24) / 3600
