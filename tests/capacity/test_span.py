"""The time that a report is about, in the Hub's days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timezone
from zoneinfo import ZoneInfo

import pytest

from jupyterhub_monitoring.activity.local_zone import LocalZone
from jupyterhub_monitoring.capacity import By
from jupyterhub_monitoring.capacity.asking import question_of
from jupyterhub_monitoring.capacity.settings import MonitoringReports
from jupyterhub_monitoring.capacity.span import between, month
from jupyterhub_monitoring.errors import BadData
from support.report_cases import BERLIN, at

NOW = at("2026-10-15 12:00")
TERMS = {"autumn": ("2026-10-01", "2027-01-31")}
ASKED: dict[str, tuple[Mapping[str, str], str, str]] = {
    "nothing": ({}, "2026-10-01 00:00", "2026-11-01 00:00"),
    "a month": ({"month": "2026-12"}, "2026-12-01 00:00", "2027-01-01 00:00"),
    "a leap month": ({"month": "2028-02"}, "2028-02-01 00:00", "2028-03-01 00:00"),
    "a term": ({"term": "autumn"}, "2026-10-01 00:00", "2027-02-01 00:00"),
    "days": ({"from": "2026-10-24", "to": "2026-10-25"}, "2026-10-24 00:00", "2026-10-26 00:00"),
    "one day": ({"from": "2026-10-24", "to": "2026-10-24"}, "2026-10-24 00:00", "2026-10-25 00:00"),
    "until now": ({"from": "2026-10-24"}, "2026-10-24 00:00", "2026-10-15 12:00"),
    "moments": (
        {"from": "2026-10-01T08:00", "to": "2026-10-01T10:00Z"},
        "2026-10-01 08:00",
        "2026-10-01 12:00",
    ),
}


@pytest.mark.parametrize("name", [name for name in ASKED if name != "until now"])
def test_what_is_asked(name: str):
    """Days are the Hub's and whole, the last one too."""
    texts, start, end = ASKED[name]
    span = question_of(texts, BERLIN, TERMS, NOW).span
    assert (span.start, span.end) == (at(start), at(end))


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"month": "2026-13"}, "no month"),
        ({"month": "26-1"}, "no month"),
        ({"month": "2026-10", "term": "autumn"}, "say one of"),
        ({"term": "winter"}, "known: 'autumn'"),
        ({"to": "2026-10-01"}, "together with from"),
        ({"from": "2026-10-24"}, "before its start"),
        ({"from": "2026-10-02", "to": "2026-10-01"}, "before its start"),
        ({"from": "yesterday"}, "no time"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "five years"),
        ({"by": "course"}, "user, group, profile, day"),
    ],
)
def test_what_cannot_be_asked(texts: dict[str, str], said: str):
    """Who asks for nonsense is told what to write."""
    with pytest.raises(BadData, match=said):
        question_of(texts, BERLIN, TERMS, NOW)


def test_by_and_all():
    """What the address of the page says is what the command says."""
    asked = question_of({"by": "group", "all": "1"}, BERLIN, {}, NOW)
    assert (asked.by, asked.every) == (By.GROUP, True)


@pytest.mark.parametrize(
    ("text", "tz", "hours"),
    [
        ("2026-10", BERLIN, 31 * 24 + 1),
        ("2026-03", BERLIN, 31 * 24 - 1),
        ("2026-10", timezone.utc, 31 * 24),
        ("2026-04", ZoneInfo("Africa/Cairo"), 30 * 24 - 1),  # clocks skip midnight there
        ("2026-10", ZoneInfo("Australia/Lord_Howe"), 31 * 24 - 0.5),
    ],
)
def test_days_are_what_a_month_is_made_of(text: str, tz: ZoneInfo, hours: float):
    """No moment is in two days or in none, whatever clocks do."""
    span = month(text, tz)
    days = span.days()
    assert (span.end - span.start) / 3600 == hours
    assert [day.end for day in days[:-1]] == [day.start for day in days[1:]]
    assert (days[0].start, days[-1].end) == (span.start, span.end)
    assert [day.name for day in days] == [f"{text}-{n:02}" for n in range(1, len(days) + 1)]


def test_parts_of_days():
    """A span of hours is its own part of a day."""
    span = between("2026-10-24T22:00", "2026-10-25T01:00", BERLIN, NOW)
    assert [(day.name, (day.end - day.start) / 3600) for day in span.days()] == [
        ("2026-10-24", 2.0),
        ("2026-10-25", 1.0),
    ]


def test_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch):
    """The Hub's own zone has the same days as its name in the database of zones."""
    import time  # noqa: PLC0415

    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        for text in ("2026-03", "2026-10", "2028-02"):
            ours, known = month(text, LocalZone()).days(), month(text, BERLIN).days()
            assert ours == known
    finally:
        monkeypatch.undo()
        time.tzset()


def test_terms_that_are_none():
    """They are left out, each with a sentence that names it."""
    settings = MonitoringReports(terms={"a": ("2026-10-01", "2026-10-31"), "b": ("2026-10-01", "")})
    terms, problems = settings.usable()
    assert list(terms) == ["a"]
    assert len(problems) == 1
    assert "terms['b']" in problems[0]
