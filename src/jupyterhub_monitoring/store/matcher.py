"""`name="value"` and its three kin: which series a selector means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import re2

from ..errors import BadMatcher


class MatchType(str, Enum):
    """How a label's value is compared; the value is PromQL's operator."""

    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label. Regular expressions are RE2's, and match the whole value."""

    name: str
    type: MatchType
    value: str

    def __post_init__(self) -> None:
        if self.type in {MatchType.REGEX, MatchType.NOT_REGEX}:
            compiled(self.value)  # a wrong one is known when it is written, not when it is used

    def test(self) -> Callable[[str], bool]:
        """Return the function that says whether a label's value (or "") satisfies this."""
        value = self.value
        if self.type is MatchType.EQUAL:
            return lambda text: text == value
        if self.type is MatchType.NOT_EQUAL:
            return lambda text: text != value
        match = compiled(value).fullmatch
        if self.type is MatchType.REGEX:
            return lambda text: match(text) is not None
        return lambda text: match(text) is None

    def __str__(self) -> str:
        escaped = self.value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'{self.name}{self.type.value}"{escaped}"'


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re2._Regexp:
    """Return *pattern* compiled by RE2, whose time is linear; `.` matches a newline, as in Go."""
    options = re2.Options()
    options.dot_nl = True
    options.log_errors = False
    options.max_mem = 1 << 20  # a thousand names joined by | fit; `\pL{100}` costs 40 ms with more
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        text = error.args[0]
        reason = text.decode() if isinstance(text, bytes) else str(text)
        raise BadMatcher(pattern, reason) from None
