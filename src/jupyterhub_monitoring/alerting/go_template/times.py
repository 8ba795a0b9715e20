"""Go's `time.Time` and `time.Duration`, with the methods that templates use."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from .calls import bounded
from .values import GoObject, Method

SECOND = 1_000_000_000
"""Nanoseconds."""

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND

RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00"
"""The layout of times in JSON."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_ZERO = -62_135_596_800 * SECOND  # the year 1, Go's zero time
_LAST = 253_402_300_800 * SECOND  # the year 10000


@dataclass(frozen=True)
class GoDuration(GoObject):
    """A span of time, written as `1h30m0s`."""

    nanoseconds: int
    go_type = "time.Duration"

    def go_string(self) -> str:
        """`1h30m0s`, `1.5s`, `20ms`."""
        return format_go_duration(self.nanoseconds)

    def go_methods(self) -> Mapping[str, Method]:
        """Those that give numbers, and rounding."""
        return {
            "Hours": lambda: self.nanoseconds / HOUR,
            "Minutes": lambda: self.nanoseconds / MINUTE,
            "Seconds": lambda: self.nanoseconds / SECOND,
            "Milliseconds": lambda: _toward_zero(self.nanoseconds, 1_000_000),
            "Nanoseconds": lambda: self.nanoseconds,
            "Round": self._round,
            "Truncate": self._truncate,
            "String": self.go_string,
        }

    def _truncate(self, unit: GoDuration) -> GoDuration:
        step = max(1, unit.nanoseconds)
        return GoDuration(_toward_zero(self.nanoseconds, step) * step)

    def _round(self, unit: GoDuration) -> GoDuration:
        step = max(1, unit.nanoseconds)
        sign = -1 if self.nanoseconds < 0 else 1
        return GoDuration(sign * ((abs(self.nanoseconds) + step // 2) // step * step))


def _toward_zero(value: int, step: int) -> int:
    return value // step if value >= 0 else -(-value // step)


def format_go_duration(nanoseconds: int) -> str:
    """Return a duration as Go's `String()` writes it."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if not rest:
        return "0s"
    if rest < SECOND:
        unit, name = next((u, n) for u, n in ((10**6, "ms"), (10**3, "µs"), (1, "ns")) if rest >= u)
        return f"{sign}{_fraction(rest, unit)}{name}"
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    text = f"{_fraction(rest, SECOND)}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return sign + (f"{hours}h{text}" if hours else text)


def _fraction(value: int, unit: int) -> str:
    whole, part = divmod(value, unit)
    digits = f"{part:0{len(str(unit)) - 1}d}".rstrip("0") if part else ""
    return f"{whole}.{digits}" if digits else str(whole)


@dataclass(frozen=True)
class GoTime(GoObject):
    """A moment: nanoseconds since 1970, shown in *zone*; None is the zone of this machine."""

    nanoseconds: int
    zone: tzinfo | None = timezone.utc
    go_type = "time.Time"

    @classmethod
    def of_millis(cls, millis: int) -> GoTime:
        """Return the moment that is *millis* milliseconds after 1970 began, in UTC."""
        return cls(millis * 1_000_000)

    def in_zone(self, zone: tzinfo | None) -> GoTime:
        """Return the same moment, shown in *zone*."""
        return GoTime(self.nanoseconds, zone)

    @property
    def local(self) -> datetime:
        """The time in its zone, to the microsecond; ValueError before year 1 or after 9999."""
        if not _ZERO <= self.nanoseconds < _LAST:
            raise ValueError("time is before the year 1 or after 9999")
        moment = _EPOCH + timedelta(microseconds=self.nanoseconds // 1000)
        try:
            return moment.astimezone(self.zone)
        except OverflowError:  # the zero time west of Greenwich is in a year that Python has not
            return moment

    def format(self, layout: str) -> str:
        """Return the time as *layout* shows it, which is written as of Mon Jan 2 15:04:05 2006."""
        bounded(2 * len(layout))
        local = self.local
        return _LAYOUT.sub(lambda match: self._element(match[0], local), layout)

    def _element(self, element: str, local: datetime) -> str:
        if element[0] in ".,":
            digits = f"{self.nanoseconds % SECOND:09d}"[: len(element) - 1]
            digits = digits if element[1] == "0" else digits.rstrip("0")
            return element[0] + digits if digits else ""
        return _ELEMENTS[element](local)

    def go_string(self) -> str:
        """`2006-01-02 15:04:05.999999999 -0700 MST`."""
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def go_methods(self) -> Mapping[str, Method]:
        """Those that tell and compare times."""
        return {
            "Format": self.format,
            "String": self.go_string,
            "UTC": lambda: self.in_zone(timezone.utc),
            "Local": lambda: self.in_zone(None),
            "Unix": lambda: self.nanoseconds // SECOND,
            "UnixMilli": lambda: self.nanoseconds // 1_000_000,
            "UnixNano": lambda: self.nanoseconds,
            "IsZero": lambda: self.nanoseconds == _ZERO,
            **{name: lambda read=read: read(self.local) for name, read in _PARTS.items()},
            "Add": self._add,
            "Sub": self._sub,
            "After": self._after,
            "Before": self._before,
            "Equal": self._equal,
        }

    def _add(self, duration: GoDuration) -> GoTime:
        return GoTime(self.nanoseconds + duration.nanoseconds, self.zone)

    def _sub(self, other: GoTime) -> GoDuration:
        return GoDuration(self.nanoseconds - other.nanoseconds)

    def _after(self, other: GoTime) -> bool:
        return self.nanoseconds > other.nanoseconds

    def _before(self, other: GoTime) -> bool:
        return self.nanoseconds < other.nanoseconds

    def _equal(self, other: GoTime) -> bool:
        return self.nanoseconds == other.nanoseconds


ZERO_TIME = GoTime(_ZERO)
"""The year 1, which in Go means no time at all: the end of an alert that fires."""


_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PARTS: dict[str, Callable[[datetime], Any]] = {
    "Year": lambda t: t.year,
    "Month": lambda t: _MONTHS[t.month - 1],
    "Day": lambda t: t.day,
    "Hour": lambda t: t.hour,
    "Minute": lambda t: t.minute,
    "Second": lambda t: t.second,
    "Weekday": lambda t: _DAYS[t.weekday()],
    "YearDay": lambda t: t.timetuple().tm_yday,
}


def _offset(separator: str, parts: int, zulu: bool) -> Callable[[datetime], str]:
    """Return what writes the zone's offset with *parts* of hours, minutes and seconds."""

    def offset(moment: datetime) -> str:
        seconds = int((moment.utcoffset() or timedelta()).total_seconds())
        if zulu and not seconds:
            return "Z"
        size = abs(seconds)
        numbers = (size // 3600, size // 60 % 60, size % 60)[:parts]
        return ("-" if seconds < 0 else "+") + separator.join(f"{n:02d}" for n in numbers)

    return offset


def _zone_name(moment: datetime) -> str:
    name = moment.tzname() or ""
    return _offset("", 2, False)(moment) if name.startswith("UTC") and name != "UTC" else name


_ELEMENTS: dict[str, Callable[[datetime], str]] = {
    "January": lambda t: _MONTHS[t.month - 1],
    "Jan": lambda t: _MONTHS[t.month - 1][:3],
    "Monday": lambda t: _DAYS[t.weekday()],
    "Mon": lambda t: _DAYS[t.weekday()][:3],
    "MST": _zone_name,
    "2006": lambda t: f"{t.year:04d}",
    "06": lambda t: f"{t.year % 100:02d}",
    "01": lambda t: f"{t.month:02d}",
    "02": lambda t: f"{t.day:02d}",
    "03": lambda t: f"{t.hour % 12 or 12:02d}",
    "04": lambda t: f"{t.minute:02d}",
    "05": lambda t: f"{t.second:02d}",
    "002": lambda t: f"{t.timetuple().tm_yday:03d}",
    "__2": lambda t: f"{t.timetuple().tm_yday:3d}",
    "_2": lambda t: f"{t.day:2d}",
    "15": lambda t: f"{t.hour:02d}",
    "1": lambda t: str(t.month),
    "2": lambda t: str(t.day),
    "3": lambda t: str(t.hour % 12 or 12),
    "4": lambda t: str(t.minute),
    "5": lambda t: str(t.second),
    "PM": lambda t: "PM" if t.hour >= 12 else "AM",
    "pm": lambda t: "pm" if t.hour >= 12 else "am",
    "-07:00:00": _offset(":", 3, False),
    "-07:00": _offset(":", 2, False),
    "-070000": _offset("", 3, False),
    "-0700": _offset("", 2, False),
    "-07": _offset("", 1, False),
    "Z07:00:00": _offset(":", 3, True),
    "Z07:00": _offset(":", 2, True),
    "Z070000": _offset("", 3, True),
    "Z0700": _offset("", 2, True),
    "Z07": _offset("", 1, True),
}
_LAYOUT = re.compile(
    r"[.,](?:0+|9+)(?![0-9])|"
    + "|".join(re.escape(element) for element in sorted(_ELEMENTS, key=len, reverse=True))
    .replace("Jan|", "Jan(?![a-z])|")
    .replace("Mon|", "Mon(?![a-z])|")
    # "_2006" is an underscore and the year
    .replace("_2|", "_2(?!006)|")
)
