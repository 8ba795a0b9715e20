"""The time that a report is about, in the days of a time zone: a month, a term, from day to day."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from ..errors import BadData

LONGEST_DAYS = 5 * 366
Terms = Mapping[str, tuple[str, str]]
"""First and last day of each term, as `2026-10-01`, by its name."""

_MONTH = re.compile(r"^(\d{4})-(\d{2})\.$")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A day, or what of it is in a span; its *name* is the date."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Span:
    """From *start* to *end*, Unix seconds, the end not included; *name* is for a sentence."""

    start: float
    end: float
    name: str
    tz: tzinfo

    def until(self, now: float) -> Span:
        """Return what of it is over at *now*; nothing of what is still to come."""
        return Span(self.start, max(self.start, min(self.end, now)), self.name, self.tz)

    def days(self) -> list[Piece]:
        """Return the days of the zone, the first and last as far as they are in the span.

        A day has 23 or 25 hours where clocks are changed in it.
        """
        pieces, day = [], datetime.fromtimestamp(self.start, self.tz).date()
        while (begin := midnight(day, self.tz)) < self.end:
            end = midnight(day + timedelta(days=1), self.tz)
            if end > self.start:
                pieces.append(
                    Piece(day.isoformat(), max(begin, self.start), min(end, self.end)),
                )
            day += timedelta(days=1)
        return pieces


def midnight(day: date, tz: tzinfo) -> float:
    """Return when *day* begins in *tz*: where clocks skip midnight, when they have skipped it."""
    return datetime(day.year, day.month, day.day, tzinfo=tz).timestamp()


def month(text: str, tz: tzinfo) -> Span:
    """Return the month that *text* names, as `2026-10`. Raises `BadData`."""
    try:
        year, number = map(int, _MONTH.findall(f"{text}.")[0])
        first = date(year, number, 1)
        following = date(year + number // 12, number % 12 + 1, 1)
    except (ValueError, IndexError):
        raise BadData(f"{text[:20]!r} is no month; write it as 2026-10") from None
    return Span(midnight(first, tz), midnight(following, tz), f"{first:%B %Y}", tz)


def month_of(now: float, tz: tzinfo) -> Span:
    """Return the month that *now* is in."""
    return month(f"{datetime.fromtimestamp(now, tz):%Y-%m}", tz)


def term(name: str, terms: Terms, tz: tzinfo) -> Span:
    """Return the term called *name*, its last day included. Raises `BadData`."""
    if name not in terms:
        known = ", ".join(map(repr, terms)) or "none"
        raise BadData(
            f"there is no term {name[:40]!r} in c.MonitoringReports.terms; known: {known}"
        )
    first, last = terms[name]
    found = between(first, last, tz, 0.0)
    return Span(found.start, found.end, name, tz)


def between(begin: str, until: str, tz: tzinfo, now: float) -> Span:
    """Return the time from *begin* until *until*; '' is now.

    A day, as `2026-10-31`, is whole, as the last one, too; a moment is `2026-10-31T14:00`, in *tz*
    where it names no zone, or Unix seconds. Raises `BadData`.
    """
    start = _time(begin, tz)
    end = _time(until, tz, following=True) if until else now
    if not start < end:
        raise BadData("the end of a report cannot be before its start")
    if end - start > LONGEST_DAYS * 86_400:
        raise BadData("a report is of five years at most")
    name = f"{begin} to {until}" if until else f"{begin} until now"
    return Span(start, end, begin if begin == until else name, tz)


def _time(text: str, tz: tzinfo, *, following: bool = False) -> float:
    """Return Unix seconds; with *following*, of a day, those of its end."""
    try:
        if _DAY.fullmatch(text):
            return midnight(date.fromisoformat(text) + timedelta(days=following), tz)
        if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text):
            return float(text)
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment.replace(tzinfo=moment.tzinfo or tz).timestamp()
    except (ValueError, OverflowError):
        raise BadData(f"{text[:40]!r} is no time; write 2026-10-01 or 2026-10-01T14:00") from None
