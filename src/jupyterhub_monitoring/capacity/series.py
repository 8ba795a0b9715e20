"""CPU, memory and idleness out of the series, day by day, from whichever engine has them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray

from ..errors import MonitoringError
from ..querier import Kind, Matrix, Querier, kind_of
from ..querier import Span as Steps
from .grouping import By, Membership
from .span import Piece

Days = NDArray[np.float64]
"""A number for each day, NaN where nothing is known."""

STEP_SECONDS, SHORTEST_STEP = 300, 15
MOST_DAYS = 7
"""Days that are asked for at once: an engine reads all samples of a question."""

GIB = 2**30
IDLE_SECONDS = 3600
SEEN_SECONDS = 86_400.0

CPU, MEMORY, IDLE = "cpu", "memory", "idle"

_TOTAL = {
    CPU: (
        "sum(increase(jupyterhub_server_cpu_seconds_total[{w}s]))"
        " or sum(sum_over_time(jupyterhub_usage_cpu_cores[{w}s:{s}s])) * {s}"
    ),
    MEMORY: (
        "sum(sum_over_time(jupyterhub_server_memory_bytes[{w}s:{s}s])) * {s}"
        " or sum(sum_over_time(jupyterhub_usage_memory_bytes[{w}s:{s}s])) * {s}"
    ),
    IDLE: (
        "sum(sum_over_time((time() - jupyterhub_server_last_activity_timestamp_seconds"
        " >bool {idle})[{w}s:{s}s])) * {s}"
    ),
}
_EACH = {
    CPU: "sum by ({k}) (increase(jupyterhub_server_cpu_seconds_total[{w}s]))",
    MEMORY: "sum by ({k}) (sum_over_time(jupyterhub_server_memory_bytes[{w}s:{s}s])) * {s}",
    IDLE: (
        "sum by ({k}) (sum_over_time((time() - jupyterhub_server_last_activity_timestamp_seconds"
        " >bool {idle})[{w}s:{s}s])) * {s}"
    ),
}
_UNANSWERED = (
    f"min(sum_over_time((up{{{{job={{job}}}}}} ==bool 0)[{{w}}s:{SHORTEST_STEP}s]))"
    f" * {SHORTEST_STEP}"
)
_MEMBERS = "max by (username, group) (max_over_time(jupyterhub_user_group_info[{w}s]))"
_SEEN = "up{{job={job}}}[{w}s]"

Key = tuple[str, str]
"""A user and the name of a server, '' where that is not told apart."""


@dataclass(frozen=True)
class Series:
    """What was found: by quantity the days of each key, in seconds of a core, of a byte, idle.

    Without anybody's series there is one key, ("", ""), of all together. *unanswered* is for how
    many seconds of each day the Hub did not answer scrapes. *problem* says why something is
    missing, '' where nothing went wrong.
    """

    days: Mapping[str, Mapping[Key, Days]] = field(default_factory=dict)
    membership: Membership = field(default_factory=dict)
    unanswered: Days | None = None
    problem: str = ""


async def read_series(
    querier: Querier, pieces: Sequence[Piece], by: By, *, job: str, seconds: float
) -> Series:
    """Return what *querier* knows of the days *pieces*, within *seconds*; *job* is the Hub's.

    What cannot be answered is not known, and said.
    """
    try:
        return await asyncio.wait_for(_Reading(querier, pieces, job).all(by), seconds)
    except asyncio.TimeoutError:
        return Series(problem=f"the series did not give it within {seconds:g} s")
    except MonitoringError as error:
        return Series(problem=str(error).rstrip("."))


async def last_answer(querier: Querier, job: str, since: float, until: float) -> float | None:
    """Return when the Hub answered a scrape last between two times, None where that is unknown."""
    width = math.ceil(min(until - since, SEEN_SECONDS))
    if width < 1:
        return None
    try:
        answer = await querier.instant(_SEEN.format(w=width, job=quoted(job)), until)
    except MonitoringError:
        return None
    answered = [each.times[each.values == 1] for each in answer.stored]
    return max((float(times[-1]) for times in answered if len(times)), default=None)


class _Reading:
    """The questions about one row of days."""

    def __init__(self, querier: Querier, pieces: Sequence[Piece], job: str) -> None:
        self._querier, self._pieces, self._job = querier, pieces, quoted(job)

    async def all(self, by: By) -> Series:
        labels = {By.USER: "username", By.GROUP: "username", By.PROFILE: "username, server_name"}
        days: dict[str, Mapping[Key, Days]] = {}
        for quantity in (CPU, MEMORY, IDLE):
            each: Mapping[Key, Days] = {}
            if by in labels:
                each = _by_key(await self._ask(_EACH[quantity], labels[by]))
            days[quantity] = each or _by_key(await self._ask(_TOTAL[quantity]))
        unanswered = await self._ask(_UNANSWERED)
        members = await self._ask(_MEMBERS) if by is By.GROUP else {}
        return Series(days, _membership(members), next(iter(unanswered.values()), None))

    async def _ask(
        self, template: str, labels: str = ""
    ) -> dict[tuple[tuple[str, str], ...], Days]:
        """Return the days of each series that *template* gives."""
        found: dict[tuple[tuple[str, str], ...], Days] = {}
        for first, last in stretches(self._pieces):
            for index, line, values in await self._stretch(template, labels, first, last):
                row = found.setdefault(line, np.full(len(self._pieces), np.nan))
                row[index : index + len(values)] = values
        return found

    async def _stretch(
        self, template: str, labels: str, first: int, last: int
    ) -> list[tuple[int, tuple[tuple[str, str], ...], Days]]:
        """Ask about the days from *first* to *last*; about half of them where that is too much."""
        begin = self._pieces[first]
        width = max(1, round(begin.end - begin.start))
        step = max(SHORTEST_STEP, min(STEP_SECONDS, width // 60))
        query = template.format(w=width, s=step, k=labels, idle=IDLE_SECONDS, job=self._job)
        try:
            steps = Steps(begin.end, begin.end + (last - first) * width, width)
            matrix = await self._querier.range(query, steps)
        except MonitoringError as error:
            if first == last or kind_of(error) not in (Kind.TOO_EXPENSIVE, Kind.TIMED_OUT):
                raise
            middle = (first + last) // 2
            left = await self._stretch(template, labels, first, middle)
            return left + await self._stretch(template, labels, middle + 1, last)
        return _lines(matrix, first)


def quoted(text: str) -> str:
    """Return *text* as a string of PromQL."""
    return orjson.dumps(text).decode()


def stretches(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """Return from which to which of *pieces* all are as long, and not too many for a question."""
    found: list[tuple[int, int]] = []
    for index, piece in enumerate(pieces):
        if found:
            first, last = found[-1]
            same = piece.end - piece.start == pieces[first].end - pieces[first].start
            if same and index - first < MOST_DAYS:
                found[-1] = (first, last + 1)
                continue
        found.append((index, index))
    return found


def _lines(matrix: Matrix, first: int) -> list[tuple[int, tuple[tuple[str, str], ...], Days]]:
    return [(first, tuple(sorted(line.labels.items())), line.values) for line in matrix.lines]


def _by_key(found: Mapping[tuple[tuple[str, str], ...], Days]) -> dict[Key, Days]:
    keyed = {}
    for labels, days in found.items():
        told = dict(labels)
        keyed[told.get("username", ""), told.get("server_name", "")] = days
    return keyed


def _membership(found: Mapping[tuple[tuple[str, str], ...], Days]) -> Membership:
    groups: dict[str, set[str]] = {}
    for labels, days in found.items():
        told = dict(labels)
        if np.nansum(days) > 0:
            groups.setdefault(told.get("username", ""), set()).add(told.get("group", ""))
    return groups
