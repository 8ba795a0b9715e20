"""The parameters of a request: times, durations, limits and selectors, as Prometheus reads them.

The texts of the errors are Prometheus's: clients and people search for them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence

from tornado.httputil import HTTPServerRequest

from ..alerting.rfc3339 import parse_rfc3339
from ..errors import BadData
from ..promql.parser import parse_selector
from ..promql.selector_parser import LARGEST_REGEXES
from ..store.matcher import Matcher, MatchType, compiled

EARLIEST_MS = -(2**53)
LATEST_MS = 2**53
"""All times are taken to be between these: 285,000 years, exact as a float, far from overflow."""

# How Go writes the first and the last time that Prometheus knows; its years have six digits.
_BOUNDARIES = {
    "-292273086-05-16T16:47:06Z": EARLIEST_MS,
    "292277025-08-18T07:12:54.999999999Z": LATEST_MS,
}

_FLOAT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_UNIT_MS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1000, 1)

_REGEX = {MatchType.REGEX, MatchType.NOT_REGEX}

_LONGEST = 100
"""Characters of any number, time or duration; a form can bring a million of them."""

MAX_BODY_BYTES = 1 << 20
"""What a server of the API should take as a form; tornado reads forms in the event loop."""

INT64_MAX = 2**63 - 1
NANOSECONDS = 1e9
TRUNCATED = "results truncated due to limit"


def invalid(name: str, reason: object) -> BadData:
    """Return the error of the parameter *name*."""
    return BadData(f"invalid parameter {quoted(name)}: {reason}")


def quoted(text: str) -> str:
    """Return *text* in double quotes, as Go's `%q` for all that people write."""
    return json.dumps(text, ensure_ascii=False)


class Parameters:
    """The parameters of one request. A form's come before those of the URL, as in Go."""

    def __init__(self, request: HTTPServerRequest) -> None:
        self._sources = (request.body_arguments, request.query_arguments)

    def all(self, name: str) -> list[str]:
        """Return every value of *name*, in order."""
        values = [value for source in self._sources for value in source.get(name, ())]
        try:
            return [value.decode() for value in values]
        except UnicodeDecodeError:
            raise invalid(name, "not valid UTF-8") from None

    def text(self, name: str) -> str:
        """Return the first value of *name*; "" is the same as none."""
        values = self.all(name)
        return values[0] if values else ""

    def time_ms(self, name: str) -> int:
        """Return the time *name*, which has to be there, in milliseconds since 1970."""
        try:
            return parse_time(self.text(name))
        except ValueError as error:
            raise invalid(name, error) from None

    def optional_time_ms(self, name: str, default: int) -> int:
        """Return the time *name* in milliseconds since 1970, *default* without one."""
        text = self.text(name)
        if not text:
            return default
        try:
            return parse_time(text)
        except ValueError as error:
            raise invalid(name, f"invalid time value for '{name}': {error}") from None

    def range_ms(self) -> tuple[int, int]:
        """Return `start` and `end`, all of time where they are not given."""
        return (
            self.optional_time_ms("start", EARLIEST_MS),
            self.optional_time_ms("end", LATEST_MS),
        )

    def limit(self) -> int:
        """Return `limit`: how many series or names to show at most; 0 is all."""
        text = self.text("limit")
        if not text:
            return 0
        try:
            limit = parse_integer(text)
        except ValueError as error:
            raise invalid("limit", error) from None
        if limit < 0:
            raise invalid("limit", "limit must be non-negative")
        return limit

    def count(self, name: str) -> int | None:
        """Return the number *name* of the metadata's kind, None without one."""
        text = self.text(name)
        if not text:
            return None
        try:
            return parse_integer(text)
        except ValueError:
            raise BadData(f"{name} must be a number") from None

    def timeout_seconds(self) -> float | None:
        """Return `timeout`, which may be 0 or less: over before it began."""
        text = self.text("timeout")
        if not text:
            return None
        try:
            return parse_duration(text) / NANOSECONDS
        except ValueError as error:
            raise invalid("timeout", error) from None

    def lookback_ms(self) -> int | None:
        """Return `lookback_delta`; None where the engine's own holds."""
        text = self.text("lookback_delta")
        if not text:
            return None
        try:
            lookback = parse_duration(text) // 1_000_000
        except ValueError as error:
            raise BadData(f"error parsing lookback delta duration: {error}") from None
        return lookback if lookback > 0 else None


def parse_selectors(texts: Sequence[str]) -> list[tuple[Matcher, ...]]:
    """Return the matchers of each selector; `BadData` when one would match everything.

    For a worker: regular expressions take long to compile.
    """
    sets = parse_any_selectors(texts)
    for matchers in sets:
        if all(matcher.test()("") for matcher in matchers):
            raise BadData("match[] must contain at least one non-empty matcher")
    return sets


def parse_any_selectors(texts: Sequence[str]) -> list[tuple[Matcher, ...]]:
    """Return the matchers of each selector.

    `BadData` where their regular expressions are larger together than those of a query may be.
    """
    sets, size = [], 0
    for text in texts:
        matchers = parse_selector(text)
        size += sum(compiled(m.value).programsize for m in matchers if m.type in _REGEX)
        if size > LARGEST_REGEXES:
            raise BadData("the regular expressions of all match[] are too large together")
        sets.append(matchers)
    return sets


def parse_time(text: str) -> int:
    """Return milliseconds since 1970 of seconds ("1435781430.781") or RFC 3339. ValueError."""
    if _matched(_FLOAT, text):
        return _clamped(float(text))
    if text in _BOUNDARIES:
        return _BOUNDARIES[text]
    try:
        return parse_rfc3339(text)
    except ValueError:
        raise ValueError(f"cannot parse {quoted(text)} to a valid timestamp") from None


def _clamped(seconds: float) -> int:
    if not abs(seconds) < LATEST_MS / 1000:
        return LATEST_MS if seconds > 0 else EARLIEST_MS
    fraction, whole = math.modf(seconds)
    # Half a millisecond goes away from zero, as in Go.
    return int(whole) * 1000 + int(math.copysign(math.floor(abs(fraction) * 1000 + 0.5), fraction))


def parse_duration(text: str) -> int:
    """Return nanoseconds of seconds ("15", "0.5") or of "1h30m". ValueError."""
    if _matched(_FLOAT, text):
        nanoseconds = float(text) * NANOSECONDS
        if not abs(nanoseconds) <= INT64_MAX:
            raise ValueError(f"cannot parse {quoted(text)} to a valid duration. It overflows int64")
        return int(nanoseconds)
    found = _matched(_DURATION, text)
    if text and found is not None:
        parts = zip(found.groups(default="0"), _UNIT_MS, strict=True)
        exactly = sum(int(number) * unit for number, unit in parts) * 1_000_000
        if exactly <= INT64_MAX:
            return exactly
    raise ValueError(f"cannot parse {quoted(text)} to a valid duration")


def parse_integer(text: str) -> int:
    """Return the integer *text*; the ValueError reads as Go's."""
    if not _matched(_INTEGER, text):
        raise ValueError(f"strconv.Atoi: parsing {quoted(text)}: invalid syntax")
    if not -INT64_MAX - 1 <= int(text) <= INT64_MAX:
        raise ValueError(f"strconv.Atoi: parsing {quoted(text)}: value out of range")
    return int(text)


def _matched(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return pattern.fullmatch(text) if len(text) <= _LONGEST else None
