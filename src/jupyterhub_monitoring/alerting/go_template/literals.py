"""Constants as Go writes them: numbers of any base, characters and strings."""

from __future__ import annotations

import re

from ...promql.quoting import unquote
from .values import LARGEST_INT

_INTEGER = re.compile(
    r"([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)"
    r"|([1-9](?:_?[0-9])*|0))"
)
_DECIMAL = re.compile(
    r"[+-]?(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)"
    r"(?:[eE][+-]?[0-9](?:_?[0-9])*)?"
)
_HEXADECIMAL = re.compile(
    r"[+-]?0[xX](?:(?:_?[0-9a-fA-F])+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+"
)
_BASES = (16, 2, 8, 10)
_LONGEST = 400  # digits; beyond that no number fits a float


def parse_number(text: str) -> int | float:
    """Return the value of a number; a float where it is written as one, as in `1e3` or `2.0`.

    Raises ValueError where it is no number, or too large.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"bad number syntax: {text[:20]}... is too long")
    if match := _INTEGER.fullmatch(text):
        return _integer(match, text)
    try:
        if _DECIMAL.fullmatch(text):
            value = float(text.replace("_", ""))
        elif _HEXADECIMAL.fullmatch(text):
            value = float.fromhex(text.replace("_", ""))
        else:
            raise ValueError(f"illegal number syntax: {text}")
    except OverflowError:
        value = float("inf")
    if value in {float("inf"), float("-inf")}:
        raise ValueError(f"number out of range: {text}")
    if not set(text) & set(".eEpP"):
        raise ValueError(f"integer overflow: {text}")
    return value


def _integer(match: re.Match[str], text: str) -> int:
    sign, *digits = match.groups()
    for written, base in zip(digits, _BASES, strict=True):
        if written:
            value = int(written.replace("_", ""), base) * (-1 if sign == "-" else 1)
            if -LARGEST_INT - 1 <= value <= LARGEST_INT:
                return value
    raise ValueError(f"{text} overflows int")


def parse_character(text: str) -> int:
    """Return the code point of `'x'`. Raises ValueError unless it is one character."""
    value = unquote(text)
    if len(value) != 1:
        raise ValueError(f"malformed character constant: {text}")
    return ord(value)


def parse_string(text: str) -> str:
    """Return what a string in double quotes or backquotes means. Raises ValueError."""
    return unquote(text).replace("\r", "") if text[0] == "`" else unquote(text)
