"""Time intervals: when a route tells, and when it does not."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from jupyterhub_monitoring.alerting.routing.routing_file import load_routing
from jupyterhub_monitoring.alerting.routing.time_interval import TimeInterval, quiet_by

LATE, SMALL = "{start_time: '22:00', end_time: '24:00'}", "{start_time: '00:00', end_time: '07:00'}"
NIGHT = f"times: [{LATE}, {SMALL}]"
BERLIN = "Europe/Berlin"


def interval(settings: str) -> TimeInterval:
    """Return the interval that *settings* of a file mean."""
    text = (
        "route: {receiver: a}\nreceivers: [{name: a}]\n"
        f"time_intervals: [{{name: x, time_intervals: [{{{settings}}}]}}]\n"
    )
    (found,) = load_routing(text).time_intervals["x"]
    return found


def millis(at: str, zone: str = "") -> int:
    """Return the Unix time of *at* on a clock in *zone*, UTC without one."""
    there = ZoneInfo(zone) if zone else timezone.utc
    return round(datetime.fromisoformat(at).replace(tzinfo=there).timestamp() * 1000)


# 2026-11-25 is a Wednesday.
CASES = [
    ("", "2026-11-25T12:00", True),
    (NIGHT, "2026-11-25T21:59:59.999", False),
    (NIGHT, "2026-11-25T22:00", True),
    (NIGHT, "2026-11-25T23:59:59.999", True),
    (NIGHT, "2026-11-26T00:00", True),
    (NIGHT, "2026-11-26T06:59:59", True),
    (NIGHT, "2026-11-26T07:00", False),
    ("times: []", "2026-11-26T07:00", False),
    ("weekdays: ['monday:friday']", "2026-11-25T12:00", True),
    ("weekdays: ['monday:friday']", "2026-11-27T23:59", True),
    ("weekdays: ['monday:friday']", "2026-11-28T00:00", False),
    ("weekdays: [sunday]", "2026-11-29T12:00", True),
    ("weekdays: [Saturday, sunday]", "2026-11-28T12:00", True),
    ("weekdays: ['sunday:tuesday']", "2026-11-29T12:00", True),
    ("days_of_month: ['1:7']", "2026-11-07T23:59", True),
    ("days_of_month: ['1:7']", "2026-11-08T00:00", False),
    ("days_of_month: ['-1']", "2026-11-30T12:00", True),
    ("days_of_month: ['-1']", "2026-11-29T12:00", False),
    ("days_of_month: ['-1']", "2026-02-28T12:00", True),
    ("days_of_month: ['-1']", "2028-02-28T12:00", False),
    ("days_of_month: ['-1']", "2028-02-29T12:00", True),
    ("days_of_month: ['-3:-1']", "2026-11-28T12:00", True),
    ("days_of_month: ['-3:-1']", "2026-11-27T12:00", False),
    ("days_of_month: ['5:-1']", "2026-11-25T12:00", True),
    ("days_of_month: ['5:-1']", "2026-11-04T12:00", False),
    ("days_of_month: ['31']", "2026-11-30T12:00", False),
    ("days_of_month: ['28:31']", "2026-02-28T12:00", True),
    ("days_of_month: ['-31:-29']", "2026-02-01T12:00", False),
    ("days_of_month: ['-31:-28']", "2026-02-01T12:00", True),
    ("days_of_month: ['1', '15:16']", "2026-11-16T12:00", True),
    ("months: ['december:december', january]", "2026-12-31T23:59", True),
    ("months: ['april:july', 10]", "2026-10-01T00:00", True),
    ("months: ['april:july', 10]", "2026-11-01T00:00", False),
    ("years: ['2024:2026']", "2026-12-31T23:59", True),
    ("years: ['2024:2026']", "2027-01-01T00:00", False),
    ("years: [2027]", "2027-01-01T00:00", True),
    (f"weekdays: [wednesday], {NIGHT}", "2026-11-25T22:30", True),
    (f"weekdays: [tuesday], {NIGHT}", "2026-11-25T22:30", False),
    ("months: [november], days_of_month: [25], years: [2026]", "2026-11-25T00:00", True),
    ("months: [november], days_of_month: [25], years: [2025]", "2026-11-25T00:00", False),
]


@pytest.mark.parametrize(("settings", "at", "wanted"), CASES)
def test_contains(settings: str, at: str, wanted: bool):
    """All conditions that are written hold at once, the end of a time not included; in UTC."""
    assert interval(settings).contains(millis(at)) is wanted


OFFICE = f"times: [{{start_time: '09:00', end_time: '17:00'}}], location: {BERLIN}"
EARLY = f"times: [{{start_time: '02:00', end_time: '03:00'}}], location: {BERLIN}"

ZONES = [
    (OFFICE, "2026-01-15T08:00Z", True),  # 09:00 in winter
    (OFFICE, "2026-01-15T07:59Z", False),
    (OFFICE, "2026-07-15T07:00Z", True),  # 09:00 in summer
    (OFFICE, "2026-07-15T15:00Z", False),
    (f"weekdays: [thursday], location: {BERLIN}", "2026-11-25T23:00Z", True),  # midnight there
    ("weekdays: [wednesday], location: America/New_York", "2026-11-26T04:59Z", True),
    ("days_of_month: [1], location: Pacific/Auckland", "2026-11-30T11:00Z", True),
    ("years: [2027], location: Asia/Tokyo", "2026-12-31T15:00Z", True),
    # On 2026-03-29 the clock goes from 02:00 to 03:00: that hour does not exist.
    (EARLY, "2026-03-29T00:59Z", False),
    (EARLY, "2026-03-29T01:00Z", False),
    # On 2026-10-25 it goes from 03:00 back to 02:00: that hour comes twice.
    (EARLY, "2026-10-25T00:00Z", True),
    (EARLY, "2026-10-25T01:00Z", True),
    (EARLY, "2026-10-25T01:59Z", True),
    (EARLY, "2026-10-25T02:00Z", False),
]


@pytest.mark.parametrize(("settings", "at", "wanted"), ZONES)
def test_by_the_clock_on_the_wall(settings: str, at: str, wanted: bool):
    """Office hours are office hours in summer and in winter, wherever the machine stands."""
    assert interval(settings).contains(millis(at.removesuffix("Z"))) is wanted


def test_local_is_the_machines_zone(monkeypatch: pytest.MonkeyPatch):
    """`location: Local` is by the clock of the machine."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        local = interval("times: [{start_time: '09:00', end_time: '10:00'}], location: Local")
        assert local.contains(millis("2026-11-25T00:30"))
        assert not local.contains(millis("2026-11-25T09:30"))
    finally:
        monkeypatch.undo()
        time.tzset()


INTERVALS = {
    "night": (interval(NIGHT),),
    "weekend": (interval("weekdays: [saturday]"), interval("weekdays: [sunday]")),
    "term": (interval("months: ['april:july']"),),
    "never": (),
}
WEDNESDAY_NOON, SATURDAY_NIGHT = millis("2026-11-25T12:00"), millis("2026-11-28T23:00")

QUIET = {
    "no intervals": ((), (), WEDNESDAY_NOON, ()),
    "none of the mute ones": (("night", "weekend"), (), WEDNESDAY_NOON, ()),
    "both mute ones": (("night", "weekend"), (), SATURDAY_NIGHT, ("night", "weekend")),
    "one mute one": (("term", "weekend"), (), SATURDAY_NIGHT, ("weekend",)),
    "in an active one": ((), ("weekend", "term"), SATURDAY_NIGHT, ()),
    "in no active one": ((), ("weekend", "term"), WEDNESDAY_NOON, ("weekend", "term")),
    "active, but muted": (("night",), ("weekend",), SATURDAY_NIGHT, ("night",)),
    "never active": ((), ("never",), WEDNESDAY_NOON, ("never",)),
}


@pytest.mark.parametrize("name", QUIET)
def test_quiet(name: str):
    """A route is quiet in any interval that mutes it, and outside of all in which it is active."""
    mute, active, now, wanted = QUIET[name]
    assert quiet_by(INTERVALS, mute, active, now) == wanted
