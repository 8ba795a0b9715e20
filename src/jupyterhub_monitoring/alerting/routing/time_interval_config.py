"""Reads `time_intervals`: weekdays and months by name, days from the end of a month, hours."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

from yaml.nodes import Node

from ..rules.checks import needs
from .strict_yaml import Reading, list_of, record, text
from .time_interval import LOCAL, Range, TimeInterval

_WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")


def _range(node: Node, reading: Reading, member: Callable[[str], int]) -> Range:
    """Read `first:last`, or one that is both."""
    written = text(node, reading).lower()
    parts = written.split(":")
    if len(parts) > 2:
        raise reading.wrong(node, f"{written!r} is no range; write first:last")
    try:
        return member(parts[0]), member(parts[-1])
    except ValueError as error:
        raise reading.wrong(node, str(error)) from None


def _number(word: str) -> int:
    if not _NUMBER.fullmatch(word):
        raise ValueError(f"{word!r} is no number")
    return int(word)


def _weekday(word: str) -> int:
    if word not in _WEEKDAYS:
        raise ValueError(f"{word!r} is no weekday; write monday, tuesday ...")
    return _WEEKDAYS.index(word)


def _month(word: str) -> int:
    return _MONTHS.index(word) + 1 if word in _MONTHS else _number(word)


def _ascending(what: str, member: Callable[[str], int]) -> Callable[[Node, Reading], Range]:
    def read(node: Node, reading: Reading) -> Range:
        first, last = _range(node, reading, member)
        if first > last:
            raise reading.wrong(node, f"the last {what} is before the first")
        return first, last

    return read


def _days_of_month(node: Node, reading: Reading) -> Range:
    first, last = _range(node, reading, _number)
    if not (1 <= abs(first) <= 31 and 1 <= abs(last) <= 31):
        raise reading.wrong(node, "days of a month are 1 to 31, or -31 to -1 from its end")
    if first < 0 < last:
        raise reading.wrong(node, "the last day must be negative if the first is")
    if _in_shortest_month(first) > _in_shortest_month(last):
        raise reading.wrong(node, f"day {last} is always before day {first}")
    return first, last


def _in_shortest_month(day: int) -> int:
    return 28 + day if day < 0 else day


def _minute(node: Node, reading: Reading) -> int:
    written = text(node, reading)
    found = _TIME.fullmatch(written)
    if found is None:
        raise reading.wrong(node, f"{written!r} is no time; write 09:00, 24:00 ...")
    return int(found[1] or 24) * 60 + int(found[2] or 0)


_times = record(
    "times",
    {"start_time": _minute, "end_time": _minute},
    lambda settings: None if len(settings) == 2 else "both start_time and end_time must be there",
)


def _time_range(node: Node, reading: Reading) -> Range:
    settings = _times(node, reading)
    start, end = settings["start_time"], settings["end_time"]
    if start >= end:
        raise reading.wrong(node, "start_time must be before end_time; write two for a night")
    return start, end


def _location(node: Node, reading: Reading) -> str:
    name = text(node, reading)
    if name in {"", "UTC"}:
        return ""
    if name != LOCAL:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise reading.wrong(
                node, f"no time zone {name!r} is known here (pip install tzdata has all)"
            ) from None
    return name


_interval = record(
    "a time interval",
    {
        "times": list_of(_time_range),
        "weekdays": list_of(_ascending("weekday", _weekday)),
        "days_of_month": list_of(_days_of_month),
        "months": list_of(_ascending("month", _month)),
        "years": list_of(_ascending("year", _number)),
        "location": _location,
    },
)


def _time_interval(node: Node, reading: Reading) -> TimeInterval:
    settings = _interval(node, reading)
    location = settings.pop("location", "")
    return TimeInterval(
        **{key: tuple(ranges) for key, ranges in settings.items()}, location=location
    )


named_intervals = record(
    "time_intervals", {"name": text, "time_intervals": list_of(_time_interval)}, needs("name")
)
"""Reads one entry: a name, and the intervals that it stands for."""
