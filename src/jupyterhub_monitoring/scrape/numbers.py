"""Numbers as expositions write them: what Go's `ParseFloat` takes, and what it would write."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

LONGEST = 400
"""Characters of a number; the longest that a float64 needs are some 330."""

_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?)|nan", re.IGNORECASE
)
_USUAL_BYTES = b"0123456789+-.eEnaifNIFtyTY "


def parse_value(text: str) -> float:
    """Return the number that *text* is. `ValueError` with the reason where it is none.

    Stricter than `float()`, as Prometheus is: no `1_000`, no `-nan`, no `1e999`.
    """
    if len(text) > LONGEST or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no number")
    value = float(text)
    if value in {float("inf"), float("-inf")} and "n" not in text.lower():
        raise ValueError(f"{text[:40]!r} is out of the range of a float64")
    return value


def parse_values(texts: Sequence[bytes]) -> NDArray[np.float64]:
    """Return the numbers that *texts*, each without spaces, are; shape (len(texts),).

    `ValueError`, which does not say where, if one is none.
    """
    joined = b" ".join(texts)
    if joined.translate(None, _USUAL_BYTES) or len(joined) > LONGEST * (len(texts) or 1):
        raise ValueError("a value is no number")
    values = np.fromiter(map(float, texts), dtype=np.float64, count=len(texts))
    for index in np.flatnonzero(~np.isfinite(values)).tolist():
        parse_value(texts[index].decode())
    return values


def float_label(text: str) -> str:
    """Return the value of an `le` or `quantile` label as Prometheus 3 keeps it: "1" is "1.0"."""
    try:
        value = parse_value(text)
    except ValueError:
        return text
    if value != value:  # noqa: PLR0124 -- NaN
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "+Inf" if value > 0 else "-Inf"
    shortest = _shortest(value)
    return shortest if "e" in shortest or "." in shortest else shortest + ".0"


def _shortest(value: float) -> str:
    """Return *value* as Go's `FormatFloat(value, 'g', -1, 64)` does."""
    sign, digits, tail = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(tail, int)  # noqa: S101 -- for the type checker: value is finite
    minus, text, exponent = "-" * sign, "".join(map(str, digits)), len(digits) + tail - 1
    if value and not -4 <= exponent < 6:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        return f"{minus}{text[0]}{fraction}e{exponent:+03d}"
    return f"{minus}{Decimal(text).scaleb(tail):f}"
