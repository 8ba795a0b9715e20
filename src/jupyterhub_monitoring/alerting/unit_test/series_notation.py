"""Series as promtool's rule tests write them: `up{job="hub"}` with the values `1 0x5 _ stale`.

1 2 3        three samples
1+2x3        1 3 5 7          -2-1x2   -2 -3 -4
5x3          5 5 5 5          _x2      two times no sample
stale        the series ends here
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from ...errors import BadData
from ...promql.numbers import parse_number
from ...promql.parser import parse_selector
from ...store.matcher import MatchType
from ...store.selection import STALE, Labels
from ..alert import labels_of

MOST_VALUES = 1_000_000
"""Values that one series may have: a slip of the finger must not take all memory."""

_NUMBER = r"""(?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?|\.[0-9](?:_?[0-9])*)
    (?:[eE][+-]?[0-9](?:_?[0-9])*)?"""
_VALUE = rf"(?:{_NUMBER}|(?i:inf|nan)(?![0-9A-Za-z_:]))"
_ITEM = re.compile(
    rf"""(?P<blank>_)(?:x(?P<blanks>[0-9]{{1,18}}))?
    | stale
    | (?P<start>[-+]?{_VALUE})(?P<step>[-+]{_VALUE})?(?:(?<!inf)(?<!nan)x(?P<times>[0-9]{{1,18}}))?
    """,
    re.VERBOSE,
)


def parse_metric(text: str) -> Labels:
    """Return the label set that `name{label="value"}` names; nothing, or `{}`, is no label.

    Raises `BadData`.
    """
    if not text.strip():
        return ()
    labels: dict[str, str] = {}
    for matcher in parse_selector(text):
        if matcher.type is not MatchType.EQUAL:
            raise BadData(f'{text}: {matcher} is no label: write {matcher.name}="..."')
        if matcher.name in labels:
            raise BadData(f"{text}: label {matcher.name} is there twice")
        labels[matcher.name] = matcher.value
    return labels_of(labels)


def parse_values(text: str) -> list[float | None]:
    """Return the values of a series at one interval after the other; None is no sample.

    Raises `BadData`.
    """
    values: list[float | None] = []
    for word in text.split():
        values += islice(_item(word), MOST_VALUES + 1)
        if len(values) > MOST_VALUES:
            raise BadData(f"{word!r}: a series may have {MOST_VALUES:,} values at most")
    return values


def _item(word: str) -> Iterator[float | None]:
    """Yield the values that one word stands for."""
    if word.startswith("{{"):
        raise BadData(f"{word!r}: native histograms are not supported")
    found = _ITEM.fullmatch(word)
    if found is None:
        raise BadData(f'{word!r} is no value: expected a number, "_", "stale" or "1+2x3"')
    if found["blank"]:
        for _ in range(int(found["blanks"] or 1)):
            yield None
    elif found["start"] is None:
        yield float(STALE)
    else:
        yield from _numbers(word, found)


def _numbers(word: str, found: re.Match[str]) -> Iterator[float]:
    if found["step"] and not found["times"]:
        raise BadData(f"{word!r}: how often? Write {word}x5 for five more values")
    value, step = _signed(found["start"]), _signed(found["step"] or "0")
    for _ in range(int(found["times"] or 0) + 1):
        yield value
        value += step


def _signed(text: str) -> float:
    digits = text.lstrip("+-")
    try:
        value = parse_number(digits)
    except ValueError as error:
        raise BadData(f"{text!r}: {error}") from None
    return -value if text.startswith("-") else value
