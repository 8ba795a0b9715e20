"""Go's times and durations, as notification templates use them: `.StartsAt.Format "15:04"`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any

from ..alert import Millis
from ..go_template import GoObject

SECOND = 1_000_000_000
MINUTE, HOUR = 60 * SECOND, 3_600 * SECOND
UNITS = (("h", HOUR), ("m", MINUTE), ("s", SECOND))

ZERO = datetime(1, 1, 1, tzinfo=timezone.utc)

STRING_LAYOUT = "2006-01-02 15:04:05.999999999 -0700 MST"

Part = Callable[[datetime], str]


def _fraction(digits: int, at: datetime) -> str:
    return f"{at.microsecond * 1000:09d}"[:digits]


def _zone(at: datetime, *, colon: bool, z: bool) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    if z and not minutes:
        return "Z"
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02d}{':' if colon else ''}{minutes % 60:02d}"


_PARTS: dict[str, Part] = {
    "January": lambda at: at.strftime("%B"),
    "Jan": lambda at: at.strftime("%b"),
    "Monday": lambda at: at.strftime("%A"),
    "Mon": lambda at: at.strftime("%a"),
    "MST": lambda at: at.strftime("%Z"),
    "2006": lambda at: f"{at.year:04d}",
    "Z07:00": lambda at: _zone(at, colon=True, z=True),
    "-07:00": lambda at: _zone(at, colon=True, z=False),
    "Z0700": lambda at: _zone(at, colon=False, z=True),
    "-0700": lambda at: _zone(at, colon=False, z=False),
    "-07": lambda at: _zone(at, colon=False, z=False)[:3],
    "002": lambda at: f"{at.timetuple().tm_yday:03d}",
    "01": lambda at: f"{at.month:02d}",
    "02": lambda at: f"{at.day:02d}",
    "03": lambda at: f"{(at.hour - 1) % 12 + 1:02d}",
    "04": lambda at: f"{at.minute:02d}",
    "05": lambda at: f"{at.second:02d}",
    "06": lambda at: f"{at.year % 100:02d}",
    "15": lambda at: f"{at.hour:02d}",
    "_2": lambda at: f"{at.day:2d}",
    "1": lambda at: str(at.month),
    "2": lambda at: str(at.day),
    "3": lambda at: str((at.hour - 1) % 12 + 1),
    "4": lambda at: str(at.minute),
    "5": lambda at: str(at.second),
    "PM": lambda at: at.strftime("%p"),
    "pm": lambda at: at.strftime("%p").lower(),
}
"""Go's reference time, piece by piece."""

_LAYOUT = re.compile(
    r"(?P<zeros>[.,]0+(?![0-9]))|(?P<nines>[.,]9+(?![0-9]))|"
    + "|".join(re.escape(part) for part in sorted(_PARTS, key=len, reverse=True))
)


def formatted(at: datetime, layout: str) -> str:
    """Return *at* in a layout of Go's, which shows how its reference time would look."""

    def replaced(found: re.Match[str]) -> str:
        text = found[0]
        if found["zeros"]:
            return text[0] + _fraction(len(text) - 1, at)
        if found["nines"]:
            return (text[0] + _fraction(len(text) - 1, at)).rstrip("0").rstrip(".,")
        return _PARTS[text](at)

    return _LAYOUT.sub(replaced, layout)


class GoDuration(GoObject):
    """A span of *nanoseconds*."""

    __slots__ = ("nanoseconds",)
    go_type = "time.Duration"

    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds

    def go_string(self) -> str:
        """Return it as Go does: 1h2m3.5s."""
        left, text = abs(self.nanoseconds), "-" if self.nanoseconds < 0 else ""
        if left < SECOND:
            return f"{text}{left / 1_000_000:g}ms" if left else "0s"
        for unit, size in UNITS[:2]:
            if left >= size or (text not in {"", "-"}):
                text += f"{left // size}{unit}"
                left %= size
        seconds = f"{left / SECOND:.9f}".rstrip("0").rstrip(".")
        return f"{text}{seconds}s"

    def go_methods(self) -> Mapping[str, Callable[..., Any]]:
        """Return what templates may ask."""
        return {
            "String": self.go_string,
            "Seconds": lambda: self.nanoseconds / SECOND,
            "Minutes": lambda: self.nanoseconds / MINUTE,
            "Hours": lambda: self.nanoseconds / HOUR,
            "Milliseconds": lambda: self.nanoseconds // 1_000_000,
        }


class GoTime(GoObject):
    """A moment, in a zone."""

    __slots__ = ("at",)
    go_type = "time.Time"

    def __init__(self, at: datetime) -> None:
        self.at = at

    @classmethod
    def of(cls, at: Millis, zone: tzinfo = timezone.utc) -> GoTime:
        """Return the time at *at*."""
        return cls(datetime.fromtimestamp(at / 1000, zone))

    def go_string(self) -> str:
        """Return it as Go prints times."""
        return formatted(self.at, STRING_LAYOUT)

    def format(self, layout: str) -> str:
        """Return it in *layout*."""
        return formatted(self.at, layout)

    def since(self, other: GoTime) -> GoDuration:
        """Return how long after *other* it is."""
        return GoDuration(round((self.at - other.at).total_seconds() * 1e6) * 1000)

    def _before(self, other: GoTime) -> bool:
        return self.at < other.at

    def _after(self, other: GoTime) -> bool:
        return self.at > other.at

    def go_methods(self) -> Mapping[str, Callable[..., Any]]:
        """Return what templates may ask."""
        return {
            "Format": self.format,
            "String": self.go_string,
            "UTC": lambda: GoTime(self.at.astimezone(timezone.utc)),
            "Local": lambda: GoTime(self.at.astimezone()),
            "Unix": lambda: int(
                (self.at - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds()
            ),
            "Sub": self.since,
            "Before": self._before,
            "After": self._after,
            "IsZero": lambda: self.at == ZERO,
            "Year": lambda: self.at.year,
            "Day": lambda: self.at.day,
            "Hour": lambda: self.at.hour,
            "Minute": lambda: self.at.minute,
            "Second": lambda: self.at.second,
        }
