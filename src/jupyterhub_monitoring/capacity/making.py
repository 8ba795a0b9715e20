"""From rows and series to a report: what is read, in which order, and what has to be said of it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from ..activity import History, HubRun
from ..querier import Querier
from .availability import Life, availability
from .figures import Figures, Use, figures, top_share
from .grouping import SMALL, SMALL_GROUPS, By, Group, Places, bounded, groups
from .report import Report, Row
from .series import Series, last_answer, read_series
from .sessions import Sessions, hours
from .span import Piece, Span
from .spawns import Spawns
from .use import (
    known_days,
    profile_shares,
    total_use,
    use_by_day,
    use_by_profile,
    use_by_user,
    use_of,
)

MOST_KILLED = 50
"""Lives of the Hub without a stop of which the series are asked for the end, the latest."""

SERIES_SECONDS = 30.0
"""How long a report waits for the series; it comes without them then."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a report is about; with *every*, small groups are not merged."""

    span: Span
    by: By = By.NOTHING
    every: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows are, and the series, None where there are none; *job* is the Hub's in them."""

    history: History
    querier: Querier | None = None
    job: str = "jupyterhub"
    seconds: float = SERIES_SECONDS


@dataclass(frozen=True, eq=False)
class Found:
    """All rows of a report's time."""

    sessions: Sessions
    spawns: Spawns
    runs: Sequence[HubRun]
    newcomers: Mapping[str, float] | None
    since: float | None


async def make_report(question: Question, source: Source, now: float) -> Report:
    """Return the report. Raises `StoreError` where the rows cannot be read.

    What cannot be asked of the series is not known, and the report says why.
    """
    span = question.span.until(now)
    pieces = span.days()
    found = await asyncio.to_thread(read, source.history, span, now)
    series = Series(problem="there are no series here")
    lives = [Life(run) for run in found.runs]
    if source.querier is not None and pieces:
        series = await read_series(
            source.querier, pieces, question.by, job=source.job, seconds=source.seconds
        )
        if not series.problem:  # else the engine is in no state to be asked more
            with suppress(asyncio.TimeoutError):
                asking = _lives(source.querier, source.job, found.runs, span)
                lives = await asyncio.wait_for(asking, source.seconds)
    return await asyncio.to_thread(report_of, question, found, series, lives, now)


def read(history: History, span: Span, now: float) -> Found:
    """Read all rows of *span*. Raises `StoreError`."""
    since = history.began()
    newcomers = None
    if since is not None and since < span.start:
        seen = history.first_seen()
        newcomers = {name: at for name, at in seen.items() if span.start <= at < span.end}
    return Found(
        Sessions.of(history.sessions(span.start, span.end), now),
        Spawns.of(history.spawns(span.start, span.end)),
        history.hub_runs(span.end),
        newcomers,
        since,
    )


async def _lives(querier: Querier, job: str, runs: Sequence[HubRun], span: Span) -> list[Life]:
    """Return *runs*; of those in *span* that did not say that they stop, with the last answer."""
    following = [*(run.started for run in runs[1:]), span.end]
    lives = [Life(run) for run in runs]
    killed = [
        place
        for place, run in enumerate(runs)
        if run.stopped is None and following[place] > span.start
    ]
    for place in killed[-MOST_KILLED:]:
        run = runs[place]
        lives[place] = Life(run, await last_answer(querier, job, run.started, following[place]))
    return lives


def report_of(
    question: Question, found: Found, series: Series, lives: Sequence[Life], now: float
) -> Report:
    """Return the report of what was *found*, as it is at *now*."""
    span = question.span.until(now)
    pieces = span.days()
    unanswered = series.unanswered
    silent = [] if unanswered is None else list(zip(pieces, _zeros(unanswered), strict=True))
    rows = tuple(_rows(question, found, series, pieces))
    return Report(
        span=question.span,
        made_at=now,
        zone=_zone(span),
        by=question.by,
        total=figures(
            found.sessions, found.spawns, span.start, span.end, found.newcomers, total_use(series)
        ),
        rows=rows,
        availability=availability(lives, silent, span.start, span.end),
        top_share=top_share(found.sessions, span.start, span.end),
        notes=tuple(_notes(question, found, series, pieces, rows, now)),
    )


# --- Rows ------------------------------------------------------------------------------------


def _rows(
    question: Question, found: Found, series: Series, pieces: Sequence[Piece]
) -> Iterator[Row]:
    """Yield the rows: days in their order, others by their hours."""
    if question.by is By.NOTHING:
        return
    if question.by is By.DAY:
        for piece, use in zip(pieces, use_by_day(series, len(pieces)), strict=True):
            yield Row(piece.name, _figures(found, found.sessions, found.spawns, piece, use))
        return
    yield from _keyed(question, found, series, pieces)


def _keyed(
    question: Question, found: Found, series: Series, pieces: Sequence[Piece]
) -> Iterator[Row]:
    by, members = question.by, series.membership
    sessions, spawns = Places(found.sessions, by, members), Places(found.spawns, by, members)
    whole = Piece("", *_bounds(pieces))
    people, ran = {}, {}
    for key in dict.fromkeys([*sessions.keys(), *spawns.keys()]):
        own = found.sessions.only(sessions.of([key]))
        people[key] = own.within(whole.start, whole.end).names()
        ran[key] = hours(own, whole.start, whole.end)
    by_user = by is not By.PROFILE
    used = (
        use_by_user(series)
        if by_user
        else use_by_profile(series, profile_shares(found.sessions, pieces))
    )
    merge = by in (By.GROUP, By.PROFILE) and not question.every
    for group in bounded(groups(people, merge=merge), ran):
        names = _names(group, people) if by_user else group.keys
        yield Row(
            group.name,
            _figures(
                found,
                found.sessions.only(sessions.of(group.keys)),
                found.spawns.only(spawns.of(group.keys)),
                whole,
                use_of(used, names),
            ),
        )


def _names(group: Group, people: dict[str, frozenset[str] | None]) -> frozenset[str]:
    return frozenset[str]().union(*(people[key] or () for key in group.keys))


def _figures(found: Found, sessions: Sessions, spawns: Spawns, piece: Piece, use: Use) -> Figures:
    return figures(sessions, spawns, piece.start, piece.end, found.newcomers, use)


def _bounds(pieces: Sequence[Piece]) -> tuple[float, float]:
    return (pieces[0].start, pieces[-1].end) if pieces else (0.0, 0.0)


def _zeros(days: Collection[float]) -> list[float]:
    return [0.0 if day != day else float(day) for day in days]  # noqa: PLR0124 -- NaN


# --- What has to be said -----------------------------------------------------------------------


def _notes(  # noqa: PLR0913, PLR0917 -- what it is about
    question: Question,
    found: Found,
    series: Series,
    pieces: Sequence[Piece],
    rows: Sequence[Row],
    now: float,
) -> Iterator[str]:
    """Yield a sentence for each thing without which the figures would be read wrongly."""
    span = question.span
    if found.since is None:
        yield "Nothing of what happened is kept yet."
    elif found.since > span.start:
        yield (
            f"What happened is kept since {_day(found.since, span)}: what was before is not in it,"
            " and who is new cannot be told."
        )
    if now < span.end:
        yield f"This time is not over: it is as it was at {_day(now, span)}."
    if found.sessions.names() is None:
        yield "Names are left out (c.Monitoring.usernames): people cannot be counted."
    known = known_days(series)
    if series.problem:
        yield f"CPU, memory and idle time are not known: {series.problem}."
    elif known < (used := _used_days(found.sessions, pieces)):
        yield f"CPU and memory are known of {known} of the {used} days on which servers ran."
    if any(row.name == SMALL_GROUPS for row in rows):
        yield f"{question.by.value.capitalize()}s of fewer than {SMALL} people are one row."
    if question.by is By.GROUP and not series.membership:
        yield "No group is known: c.MonitoringUsage.groups says which are watched."


def _used_days(sessions: Sessions, pieces: Sequence[Piece]) -> int:
    return sum(len(sessions.within(piece.start, piece.end)) > 0 for piece in pieces)


def _day(at: float, span: Span) -> str:
    return f"{datetime.fromtimestamp(at, span.tz):%Y-%m-%d %H:%M}"


def _zone(span: Span) -> str:
    """Return how the zone is called in the span: both names where clocks are changed in it."""
    names = dict.fromkeys(
        datetime.fromtimestamp(at, span.tz).tzname() or ""
        for at in (span.start, (span.start + span.end) / 2, max(span.start, span.end - 1))
    )
    return "/".join(names)
