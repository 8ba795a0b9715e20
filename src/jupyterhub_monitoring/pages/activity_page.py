"""Activity: when people work, how long, and who is new."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from ..activity import Activity, Session, UserActivity, WeekdayHours
from ..activity.local_zone import LocalZone
from ..dashboards import Unit, board
from ..errors import MonitoringError
from .handler import PageHandler
from .kept import NotYet
from .panel_view import panel_views
from .period import Period

LATEST = 25
MOST = 10_000
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
LENGTHS = (
    ("under 15 min", 900),
    ("15 to 60 min", 3600),
    ("1 to 2 h", 7200),
    ("2 to 4 h", 14_400),
    ("4 to 8 h", 28_800),
    ("8 h to a day", 86_400),
    ("over a day", float("inf")),
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One hour of a weekday: servers at once on average, None where the period has no such hour.

    *strength* is its share of the busiest one.
    """

    hour: int
    servers: float | None
    strength: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What a period was like. *sessions* are the latest `MOST` of *count*."""

    sessions: Sequence[Session]
    count: int
    people: Sequence[UserActivity]
    week: Sequence[tuple[str, Sequence[Cell]]]

    def new(self, since: float) -> int:
        """How many were never seen before *since*."""
        return sum(person.is_new(since) for person in self.people)


class ActivityPage(PageHandler):
    """`activity?range=30d`."""

    page = "activity"
    default_range = "30d"

    async def get(self) -> None:
        """Show it; where nothing is kept, the plots are there all the same."""
        period, facts, problem, waits = self.period, None, "", False
        activity = self.sources.context.activity
        if activity is None:
            problem = "What happens on the Hub is not kept, or cannot be read now."
        else:
            try:
                facts = await self.sources.kept.get(
                    ("activity", period.query),
                    lambda: asyncio.to_thread(facts_of, activity, period, self.began),
                )
            except NotYet:
                problem, waits = "Being counted: there is much of it.", True
            except MonitoringError as error:
                problem = str(error)
        self.show(
            "activity.html",
            period=period,
            facts=facts,
            problem=problem,
            waits=waits,
            sentence=sentence(facts, period, self.began) if facts else "",
            lengths=lengths(facts.sessions, self.began) if facts else (),
            zone=LocalZone().tzname(None),
            latest=facts.sessions[:LATEST] if facts else (),
            panels=panel_views(board("activity").panels, period, self.viewer),
        )


def facts_of(activity: Activity, period: Period, now: float) -> Facts:
    """Ask for everything. Raises `StoreError`."""
    start, end = period.start, min(period.end, now)
    return Facts(
        activity.sessions(start, end, limit=MOST),
        activity.session_count(start, end),
        activity.user_activity(start, end, limit=MOST),
        week(activity.weekday_hour(start, end, LocalZone(), people=False)),
    )


def week(hours: WeekdayHours) -> list[tuple[str, list[Cell]]]:
    """Return servers at once for each hour of each weekday."""
    known = hours.clock_hours > 0
    busiest = max((hours.session_hours[known] / hours.clock_hours[known]).tolist(), default=0.0)
    rows = []
    for index, day in enumerate(DAYS):
        cells = []
        for hour in range(24):
            clock = float(hours.clock_hours[index, hour])
            servers = float(hours.session_hours[index, hour]) / clock if clock else None
            cells.append(Cell(hour, servers, (servers or 0.0) / busiest if busiest else 0.0))
        rows.append((day, cells))
    return rows


def lengths(sessions: Sequence[Session], now: float) -> list[tuple[str, int, float]]:
    """Return how many sessions are of which length, and their share of the most frequent one."""
    counts = [0] * len(LENGTHS)
    for session in sessions:
        lasted = session.seconds(now)
        counts[next(i for i, (_, limit) in enumerate(LENGTHS) if lasted < limit)] += 1
    most = max(counts, default=0) or 1
    return [(name, n, n / most) for (name, _), n in zip(LENGTHS, counts, strict=True)]


def sentence(facts: Facts, period: Period, now: float) -> str:
    """Say who worked, who is new, and how long a session lasts."""
    if not facts.count:
        return "Nobody had a server in this time."
    told = f"{facts.count:,} session{'s' if facts.count != 1 else ''}"
    if facts.people:
        people, new = len(facts.people), facts.new(period.start)
        told = f"{people:,} {'person' if people == 1 else 'people'} had {told}"
        told += f"; {new or 'none'} of them for the first time"
    typical = statistics.median(session.seconds(now) for session in facts.sessions)
    return f"{told}. Half of the sessions last longer than {Unit.SECONDS.text(typical)}."
