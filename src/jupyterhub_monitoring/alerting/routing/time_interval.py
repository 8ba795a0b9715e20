"""Alertmanager's time intervals: at which moments a route may tell, or may not."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from ..alert import Millis

Range = tuple[int, int]
"""The first and the last one that belong to it."""

LOCAL = "Local"
"""Go's name of the zone that the machine is set to."""


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """Moments that satisfy each condition that is set; None sets none, () is never satisfied."""

    times: tuple[Range, ...] | None = None  # minutes of the day; the last is not part of it
    weekdays: tuple[Range, ...] | None = None  # 0 is Sunday
    days_of_month: tuple[Range, ...] | None = None  # from 1; -1 is the last of the month
    months: tuple[Range, ...] | None = None  # 1 is January
    years: tuple[Range, ...] | None = None
    location: str = ""  # a zone's name; empty is UTC

    def contains(self, now: Millis) -> bool:
        """Say whether *now* is within the interval, by the clock on the wall at its location."""
        at = _at(now, self.location)
        minute = at.hour * 60 + at.minute
        return (
            (self.times is None or any(first <= minute < end for first, end in self.times))
            and _within(self.weekdays, at.isoweekday() % 7)
            and _within(self.months, at.month)
            and _within(self.years, at.year)
            and (self.days_of_month is None or _day_within(self.days_of_month, at))
        )


TimeIntervals = Mapping[str, Sequence[TimeInterval]]
"""By name; a moment belongs to a name if it does to one of its intervals."""


def quiet_by(
    intervals: TimeIntervals, mute: Iterable[str], active: Iterable[str], now: Millis
) -> tuple[str, ...]:
    """Return the names of intervals because of which a route may not tell at *now*.

    Those of *mute* that contain it, or all of *active* where none does; empty: it may tell.
    """
    active = tuple(active)
    if active and not any(_contains(intervals[name], now) for name in active):
        return active
    return tuple(name for name in mute if _contains(intervals[name], now))


def _contains(intervals: Iterable[TimeInterval], now: Millis) -> bool:
    return any(interval.contains(now) for interval in intervals)


def _at(now: Millis, location: str) -> datetime:
    if location == LOCAL:
        return datetime.fromtimestamp(now / 1000, timezone.utc).astimezone()
    zone = ZoneInfo(location) if location else timezone.utc
    return datetime.fromtimestamp(now / 1000, zone)


def _within(ranges: tuple[Range, ...] | None, value: int) -> bool:
    return ranges is None or any(first <= value <= last for first, last in ranges)


def _day_within(ranges: Iterable[Range], at: datetime) -> bool:
    length = monthrange(at.year, at.month)[1]
    for written in ranges:
        first, last = (day + length + 1 if day < 0 else day for day in written)
        if first <= at.day <= last:
            return True
    return False
