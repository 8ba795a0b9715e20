"""How much of the time the Hub was there: from its lives, and scrapes without an answer."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from jupyterhub_monitoring.capacity.availability import Life, availability
from jupyterhub_monitoring.capacity.span import between
from support.report_cases import BERLIN, at, run

DAYS = between("2026-10-05", "2026-10-06", BERLIN, 0.0)
OLD = run("2026-10-01 00:00", "2026-10-01 01:00")


@dataclass(frozen=True)
class Case:
    """Lives, seconds without an answer on each of the two days, and how long the Hub was away."""

    lives: list[Life]
    away: float
    unanswered: tuple[float, float] = (0.0, 0.0)
    known_hours: float = 48
    starts: int = field(default=0)


CASES = {
    "always there": Case([Life(run("2026-10-01 00:00"))], 0),
    "restarted": Case(
        [Life(run("2026-10-01 00:00", "2026-10-05 10:00")), Life(run("2026-10-05 10:01"))],
        60, starts=1,
    ),
    "killed, seen last by a scrape": Case(
        [
            Life(run("2026-10-01 00:00", last="2026-10-05 09:00"), at("2026-10-05 10:00")),
            Life(run("2026-10-05 10:02")),
        ],
        120, starts=1,
    ),
    "killed, and heard of after the last scrape": Case(
        [
            Life(run("2026-10-01 00:00", last="2026-10-05 10:01"), at("2026-10-05 10:00")),
            Life(run("2026-10-05 10:02")),
        ],
        60, starts=1,
    ),
    "killed, without series": Case(
        [Life(run("2026-10-01 00:00", last="2026-10-05 09:00")), Life(run("2026-10-05 10:00"))],
        3600, starts=1,
    ),
    "away over midnight": Case(
        [Life(run("2026-10-01 00:00", "2026-10-05 23:00")), Life(run("2026-10-06 01:00"))],
        7200, starts=1,
    ),
    "away before and after": Case(
        [Life(OLD), Life(run("2026-10-05 01:00", "2026-10-06 23:00"))], 7200, starts=1
    ),
    "gone without a word": Case(
        [Life(run("2026-10-01 00:00"), at("2026-10-06 22:00"))], 7200
    ),
    "there until a moment ago": Case([Life(run("2026-10-01 00:00"), at("2026-10-06 23:59"))], 0),
    "hung": Case([Life(run("2026-10-01 00:00"))], 90, (90.0, 0.0)),
    "the same outage in both": Case(
        [Life(run("2026-10-01 00:00", "2026-10-05 10:00")), Life(run("2026-10-05 10:01"))],
        75, (75.0, 0.0), starts=1,
    ),
    "first known in it": Case([Life(run("2026-10-06 12:00"))], 0, known_hours=12, starts=1),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_availability(case: Case):
    """The Hub was away between its lives, and while it left scrapes unanswered."""
    silent = list(zip(DAYS.days(), case.unanswered, strict=True))
    found = availability(case.lives, silent, DAYS.start, DAYS.end)
    assert found.down_seconds == pytest.approx(case.away)
    assert found.known_seconds == case.known_hours * 3600
    assert found.ratio == pytest.approx(1 - case.away / found.known_seconds)
    assert found.starts == case.starts


def test_without_a_life():
    """A Hub of which nothing is known was neither there nor away."""
    assert availability([], [], DAYS.start, DAYS.end).ratio is None
