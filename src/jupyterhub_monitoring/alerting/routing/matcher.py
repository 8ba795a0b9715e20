"""`severity="critical"` and its kin: which alerts a route, a silence or an inhibition means.

The text form is read by `matcher_parser.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import re2

from ...promql.quoting import quote
from ...store.matcher import MatchType
from ..go_regexp import compiled

_ORDER = {kind: position for position, kind in enumerate(MatchType)}
_RESERVED = frozenset("{}!=~,\\\"'`")
_NEGATIVE = {MatchType.NOT_EQUAL, MatchType.NOT_REGEX}
_REGEX = {MatchType.REGEX, MatchType.NOT_REGEX}


@dataclass(frozen=True)
class Matcher:
    """One condition on a label; a label that an alert has not is the empty string.

    Regular expressions are RE2's and match the whole value, in which `.` is no newline (unlike
    PromQL's). A wrong one raises `BadMatcher` when it is written, not when it is used.
    """

    name: str
    type: MatchType
    value: str

    def __post_init__(self) -> None:
        if self.regex:
            compiled(self.value, whole=True)

    @property
    def regex(self) -> bool:
        """Whether the value is a regular expression."""
        return self.type in _REGEX

    @property
    def negative(self) -> bool:
        """Whether it holds where the value does not match."""
        return self.type in _NEGATIVE

    @cached_property
    def _pattern(self) -> re2._Regexp:
        return compiled(self.value, whole=True)

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether *labels* satisfy this."""
        text = labels.get(self.name, "")
        found = self._pattern.search(text) is not None if self.regex else text == self.value
        return found is not self.negative

    @property
    def matches_empty(self) -> bool:
        """Whether an alert without the label satisfies it; for `!=`, Alertmanager says no."""
        return not self.negative and self.matches({})

    @property
    def order(self) -> tuple[str, str, int]:
        """Where it stands among others: Alertmanager sorts by name, value, operator."""
        return (self.name, self.value, _ORDER[self.type])

    def __str__(self) -> str:
        if any(character in _RESERVED or character.isspace() for character in self.name):
            return f"{quote(self.name)}{self.type.value}{quote(self.value)}"
        escaped = self.value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
        return f'{self.name}{self.type.value}"{escaped}"'


Matchers = tuple[Matcher, ...]
"""Conditions that all have to hold; none hold for every alert."""


def in_order(matchers: Iterable[Matcher]) -> Matchers:
    """Return *matchers* as routes keep and print them."""
    return tuple(sorted(matchers, key=lambda matcher: matcher.order))


def all_match(matchers: Matchers, labels: Mapping[str, str]) -> bool:
    """Say whether *labels* satisfy every one of *matchers*."""
    return all(matcher.matches(labels) for matcher in matchers)


def matchers_text(matchers: Iterable[Matcher]) -> str:
    """Return `{a="b",c=~"d"}`."""
    return f"{{{','.join(map(str, matchers))}}}"
