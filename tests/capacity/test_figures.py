"""What a report counts: sessions in, figures out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from jupyterhub_monitoring.capacity import By
from jupyterhub_monitoring.capacity.figures import top_share
from jupyterhub_monitoring.capacity.grouping import NO_GROUP, SMALL_GROUPS, Group, groups
from jupyterhub_monitoring.capacity.sentence import sentence
from jupyterhub_monitoring.capacity.series import CPU, IDLE, MEMORY, Series
from jupyterhub_monitoring.capacity.sessions import Sessions
from jupyterhub_monitoring.capacity.span import month
from support.report_cases import BERLIN, at, report, session

OCTOBER = month("2026-10", BERLIN)
LATER = at("2026-12-01 00:00")
HOUR = 3600.0


@dataclass(frozen=True)
class Case:
    """What happened, and what the report of October says."""

    sessions: tuple[str, ...]
    expected: dict[str, float | None]
    now: float = LATER
    new: tuple[str, ...] = field(default=())


CASES = {
    "nothing": Case(
        (),
        {
            "people": 0, "new": 0, "returning": 0, "sessions": 0, "hours": 0.0,
            "mean_seconds": None, "median_seconds": None, "peak_servers": 0, "peak_at": None,
            "cpu_hours": None, "start_success_ratio": None, "wait_median_seconds": None,
        },
    ),
    "one day": Case(
        ("ann: 2026-10-05 09:00 - 2026-10-05 10:00", "bob: 2026-10-05 09:30 - 2026-10-05 12:30"),
        {
            "people": 2, "sessions": 2, "hours": 4.0, "mean_seconds": 2 * HOUR,
            "median_seconds": 2 * HOUR, "peak_servers": 2, "peak_people": 2,
            "peak_at": at("2026-10-05 09:30"),
        },
    ),
    "over midnight": Case(
        ("ann: 2026-10-05 23:00 - 2026-10-06 01:00",),
        {"people": 1, "sessions": 1, "hours": 2.0},
    ),
    "over the ends of the range": Case(
        (
            "ann: 2026-09-30 22:00 - 2026-10-01 01:00",
            "bob: 2026-10-31 23:00 - 2026-11-01 05:00",
            "eve: 2026-09-01 00:00 - 2026-11-30 00:00",
        ),
        {"people": 3, "sessions": 3, "hours": 1.0 + 1.0 + 31 * 24 + 1,
         "mean_seconds": (3 + 6 + 90 * 24 + 1) * HOUR / 3,
         "peak_servers": 2, "peak_at": at("2026-10-01 00:00")},
    ),
    "before and after": Case(
        ("ann: 2026-09-30 22:00 - 2026-10-01 00:00", "bob: 2026-11-01 00:00 - 2026-11-01 05:00"),
        {"people": 0, "sessions": 0, "hours": 0.0},
    ),
    "running": Case(
        ("ann: 2026-10-05 09:00",),
        {"people": 1, "sessions": 1, "hours": 3.0, "mean_seconds": 3 * HOUR},
        now=at("2026-10-05 12:00"),
    ),
    "running long after the range": Case(
        ("ann: 2026-10-31 20:00",), {"sessions": 1, "hours": 4.0}, now=LATER
    ),
    "two servers of one user at once": Case(
        (
            "ann: 2026-10-05 09:00 - 2026-10-05 11:00",
            "ann/gpu: 2026-10-05 10:00 - 2026-10-05 12:00",
        ),
        {"people": 1, "sessions": 2, "hours": 4.0, "peak_servers": 2, "peak_people": 1},
    ),
    "one ends as the next begins": Case(
        ("ann: 2026-10-05 09:00 - 2026-10-05 10:00", "bob: 2026-10-05 10:00 - 2026-10-05 11:00"),
        {"peak_servers": 1, "peak_people": 1, "peak_at": at("2026-10-05 09:00")},
    ),
    "of no length": Case(
        ("ann: 2026-10-05 09:00 - 2026-10-05 09:00",),
        {"people": 1, "sessions": 1, "hours": 0.0, "median_seconds": 0.0, "peak_servers": 0},
    ),
    "new and returning": Case(
        ("ann: 2026-10-05 09:00 - 2026-10-05 10:00", "bob: 2026-10-05 09:00 - 2026-10-05 10:00"),
        {"people": 2, "new": 1, "returning": 1},
        new=("bob", "never there"),
    ),
    "names left out": Case(
        (": 2026-10-05 09:00 - 2026-10-05 10:00", ": 2026-10-05 09:30 - 2026-10-05 10:00"),
        {"people": None, "new": None, "returning": None, "sessions": 2, "peak_people": None,
         "peak_servers": 2},
    ),
    "clocks go back within it": Case(
        ("ann: 2026-10-25 01:30 - 2026-10-25 03:30",), {"hours": 3.0, "mean_seconds": 3 * HOUR}
    ),
    "within the hour that is there twice": Case(
        ("ann: 2026-10-25 02:30 - 2026-10-25 02:30'",), {"hours": 1.0}
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_figures(case: Case):
    """Every figure of a report is what its definition says, or unknown, and never made up."""
    total = report(OCTOBER, case.now, case.sessions, newcomers=case.new).total
    assert {name: getattr(total, name) for name in case.expected} == pytest.approx(case.expected)


def test_who_is_new_is_unknown_where_the_past_is():
    """A Hub whose history begins in the month does not call its first people new."""
    line = "ann: 2026-10-05 09:00 - 2026-10-05 10:00"
    made = report(OCTOBER, LATER, [line], newcomers=None, since=at("2026-10-05 08:00"))
    assert (made.total.people, made.total.new, made.total.returning) == (1, None, None)
    assert any("kept since 2026-10-05 08:00" in note for note in made.notes)


def test_starts():
    """Waits are of the starts that worked; those refused are no starts."""
    lines = [
        "ann: 2026-10-01 00:00 success 4",
        "ann: 2026-10-02 09:00 success 6",
        "bob: 2026-10-02 09:00 success -",
        "bob: 2026-10-31 23:59 failure 300",
        "eve: 2026-10-02 09:00 refused 0",
        "eve: 2026-11-01 00:00 failure 1",
    ]
    total = report(OCTOBER, LATER, spawns=lines).total
    assert (total.starts, total.start_success_ratio) == (4, 0.75)
    assert (total.wait_median_seconds, total.wait_p95_seconds) == (5, pytest.approx(5.9))


# --- Rows ------------------------------------------------------------------------------------


def days(*lines: str, of: str = "2026-10", now: float = LATER) -> dict[str, tuple[int, float]]:
    found = report(month(of, BERLIN), now, lines, by=By.DAY).rows
    return {row.name: (row.figures.sessions, row.figures.hours) for row in found}


@pytest.mark.parametrize(
    ("line", "of", "expected"),
    [
        pytest.param(
            "ann: 2026-10-05 22:00 - 2026-10-07 02:00", "2026-10",
            {"2026-10-05": (1, 2.0), "2026-10-06": (1, 24.0), "2026-10-07": (1, 2.0)},
            id="over two midnights",
        ),
        pytest.param(
            "ann: 2026-10-25 00:00 - 2026-10-26 00:00", "2026-10",
            {"2026-10-25": (1, 25.0)}, id="a day of 25 hours",
        ),
        pytest.param(
            "ann: 2026-03-29 00:00 - 2026-03-30 00:00", "2026-03",
            {"2026-03-29": (1, 23.0)}, id="a day of 23 hours",
        ),
        pytest.param(
            "ann: 2028-02-28 23:00 - 2028-03-01 01:00", "2028-02",
            {"2028-02-28": (1, 1.0), "2028-02-29": (1, 24.0)}, id="a leap day",
        ),
    ],
)  # fmt: skip
def test_days(line: str, of: str, expected: dict[str, tuple[int, float]]):
    """A session counts on each day that it touches, and its hours where they were."""
    found = days(line, of=of, now=at("2029-01-01 00:00"))
    assert {day: found for day, found in found.items() if found[0]} == expected


def test_who_is_new_is_new_on_one_day():
    """Somebody new who comes again is new on the first day only."""
    lines = [f"ann: 2026-10-0{day} 09:00 - 2026-10-0{day} 10:00" for day in (5, 6)]
    made = report(OCTOBER, LATER, lines, by=By.DAY, newcomers=["ann"])
    found = {row.name[-2:]: row.figures for row in made.rows if row.figures.sessions}
    assert {day: (each.new, each.returning) for day, each in found.items()} == {
        "05": (1, 0),
        "06": (0, 1),
    }
    assert made.total.new == 1


def test_days_end_with_today():
    """A month that goes on has no rows for what is still to come."""
    found = days("ann: 2026-10-05 09:00", now=at("2026-10-06 12:00"))
    assert list(found)[-1] == "2026-10-06"
    assert found["2026-10-06"] == (1, 12.0)


def series(*, groups: dict[str, set[str]] | None = None, **users: float) -> Series:
    """Each user's CPU seconds on the first day of a month of 31; nothing else is known."""
    table = {}
    for name, seconds in users.items():
        table[name, ""] = np.full(31, np.nan)
        table[name, ""][0] = seconds
    return Series({CPU: table, MEMORY: {}, IDLE: {}}, groups or {})


def test_by_user():
    """Who used most comes first; CPU that nobody measured is a dash and no zero."""
    lines = [
        "ann: 2026-10-01 09:00 - 2026-10-01 10:00",
        "bob: 2026-10-01 09:00 - 2026-10-01 12:00",
    ]
    made = report(OCTOBER, LATER, lines, by=By.USER, series=series(ann=7200.0))
    rows = [(row.name, row.figures.hours, row.figures.cpu_hours) for row in made.rows]
    assert rows == [("bob", 3.0, None), ("ann", 1.0, 2.0)]
    assert (made.total.cpu_hours, made.total.memory_gib_hours) == (2.0, None)


def test_days_without_series():
    """Where CPU was not measured on all days with servers, the report says on how many it was."""
    lines = [f"ann: 2026-10-0{day} 09:00 - 2026-10-0{day} 10:00" for day in (1, 2, 3)]
    made = report(OCTOBER, LATER, lines, series=series(ann=3600.0))
    assert made.total.cpu_hours == 1.0
    assert "CPU and memory are known of 1 of the 3 days on which servers ran." in made.notes


def test_by_group():
    """Who is in two groups counts in both, but once in what is merged; small ones are merged."""
    members = {f"u{n}": {"course"} for n in range(6)} | {"ann": {"a", "b"}, "bob": {"b"}}
    people = [*members, "eve", "joe", "zoe", "kim"]
    lines = [f"{name}: 2026-10-01 09:00 - 2026-10-01 10:00" for name in people]
    used = series(groups=members, **dict.fromkeys(people, 3600.0))
    made = report(OCTOBER, LATER, lines, by=By.GROUP, series=used)
    rows = {row.name: (row.figures.people, row.figures.cpu_hours) for row in made.rows}
    assert rows == {"course": (6, 6.0), SMALL_GROUPS: (6, 6.0)}
    assert any("fewer than 5 people" in note for note in made.notes)
    whole = report(OCTOBER, LATER, lines, by=By.GROUP, series=used, every=True)
    assert {row.name: row.figures.people for row in whole.rows} == {
        "course": 6, "a": 1, "b": 2, NO_GROUP: 4,
    }  # fmt: skip


def test_by_profile():
    """What a server used on a day is its profile's; of two profiles, by their time."""
    lines = [
        "ann@small: 2026-10-01 09:00 - 2026-10-01 10:00",
        "ann@large: 2026-10-01 12:00 - 2026-10-01 15:00",
    ]
    made = report(OCTOBER, LATER, lines, by=By.PROFILE, every=True, series=series(ann=14_400.0))
    assert [(row.name, row.figures.hours, row.figures.cpu_hours) for row in made.rows] == [
        ("large", 3.0, 3.0),
        ("small", 1.0, 1.0),
    ]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"a": 5, "b": 9}, {"a": 5, "b": 9}, id="all large"),
        pytest.param({"a": 2, "b": 4, "c": 9}, {"c": 9, SMALL_GROUPS: 6}, id="two small"),
        pytest.param(
            {"a": 2, "b": 7, "c": 9}, {"c": 9, SMALL_GROUPS: 9}, id="one small alone takes the next"
        ),
        pytest.param({"a": 3}, {SMALL_GROUPS: 3}, id="one small, nobody else"),
    ],
)
def test_small_groups(sizes: dict[str, int], expected: dict[str, int]):
    """No row is about fewer than five people, nor can one be worked out from the others."""
    people = {key: frozenset(f"{key}{n}" for n in range(size)) for key, size in sizes.items()}
    made = groups(people, merge=True)
    assert {g.name: sum(sizes[key] for key in g.keys) for g in made} == expected


def test_small_groups_without_names():
    """Where names are left out nobody knows how many are in a group: all are merged."""
    assert groups({"a": None, "b": None}, merge=True) == [Group(SMALL_GROUPS, ("a", "b"))]


def test_top_share():
    """The busiest tenth's share is that of whole people, and nothing where there are under ten."""
    lines = [f"u{n}: 2026-10-01 09:00 - 2026-10-01 10:00" for n in range(19)]
    lines.append("big: 2026-10-01 00:00 - 2026-10-01 19:00")
    rows = Sessions.of(map(session, lines), LATER)
    assert top_share(rows, OCTOBER.start, OCTOBER.end) == pytest.approx(20 / 38)
    few = Sessions.of(map(session, lines[:9]), LATER)
    assert top_share(few, OCTOBER.start, OCTOBER.end) is None


# --- The sentence ----------------------------------------------------------------------------

ONE = "ann: 2026-10-05 09:00 - 2026-10-05 10:00"


@pytest.mark.parametrize(
    ("lines", "spawns", "now", "expected"),
    [
        pytest.param((), (), LATER, "In October 2026 nobody had a server.", id="nothing"),
        pytest.param(
            (), (), at("2026-10-05 09:12"),
            "In October 2026, so far, nobody is known to have had a server.", id="nothing so far",
        ),
        pytest.param(
            (ONE,), (), LATER,
            "In October 2026 1 person used the Hub for 1 session of 1 hour in all; at most 1 server"
            " ran at once.", id="one",
        ),
        pytest.param(
            (ONE, "bob: 2026-10-05 09:30 - 2026-10-05 12:00"),
            ["bob: 2026-10-05 09:30 success 1"] * 999 + ["bob: 2026-10-05 09:30 failure 1"], LATER,
            "In October 2026 2 people used the Hub for 2 sessions of 3.5 hours in all; at most 2"
            " servers ran at once, and 99.9 % of 1,000 starts worked.", id="one start failed",
        ),
        pytest.param(
            (ONE,), ["ann: 2026-10-05 09:00 success 1"], at("2026-10-05 09:12"),
            "In October 2026, so far, 1 person used the Hub for 1 session of 12 minutes in all; at"
            " most 1 server ran at once, and every start of a server worked.", id="so far",
        ),
        pytest.param(
            (), (), at("2026-09-05 09:12"), "October 2026: this time is still to come.", id="future"
        ),
        pytest.param(
            (": 2026-10-05 09:00 - 2026-10-05 11:00",), (), LATER,
            "In October 2026 the Hub was used for 1 session of 2 hours in all; at most 1 server ran"
            " at once.", id="no names",
        ),
    ],
)  # fmt: skip
def test_the_sentence(lines: list[str], spawns: list[str], now: float, expected: str):
    """The first line is true, in each case, for who reads only that."""
    clipped = [line if now == LATER else line.partition(" - ")[0] for line in lines]
    assert sentence(report(OCTOBER, now, clipped, spawns=spawns)) == expected
