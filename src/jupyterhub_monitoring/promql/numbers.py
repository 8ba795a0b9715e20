"""Numbers and durations as PromQL writes them, to and from floats and milliseconds."""

from __future__ import annotations

import math
import re

_NUMBER = r"""
    0[xX](?:_?[0-9a-fA-F])+                               # 0xFF
  | (?:[0-9](?:_?[0-9])*(?:\.(?:[0-9](?:_?[0-9])*)?)?     # 12  1_000.5  3.
      | \.[0-9](?:_?[0-9])*)                              # .5
    (?:[eE][+-]?[0-9](?:_?[0-9])*)?                       # e-3
"""
NUMBER_PATTERN = rf"(?:{_NUMBER})(?![0-9A-Za-z_.])"
"""A number's text, as a verbose regular expression that takes all of it or nothing."""

DURATION_PATTERN = r"(?:[0-9]+(?:ms|[smhdwy]))+(?![0-9A-Za-z_])"
"""What reads like a duration; `parse_duration` knows whether it is one."""

_OCTAL = re.compile(r"0(?:_?[0-7])+")
_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_UNITS_MS = (31_536_000_000, 604_800_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_UNIT_NAMES = ("y", "w", "d", "h", "m", "s", "ms")
_EXACT_UNITS = {"y", "w"}  # 90d reads better than 12w6d
_MOST_MS = 2**63 // 1_000_000  # Go keeps a duration as nanoseconds in 64 bits
_DIGITS = 20  # no duration has a part with more


def parse_number(text: str) -> float:
    """Return the value of a number: decimal, hexadecimal or octal (017 is 15), `inf` or `nan`.

    Raises ValueError where it is beyond what a float holds.
    """
    lowered = text.lower()
    if lowered == "nan":
        return math.nan  # always the same object, so that trees with it are equal
    if lowered == "inf":
        return math.inf
    if lowered.startswith("0x"):
        value = _float(int(lowered.replace("_", ""), 16))
    elif _OCTAL.fullmatch(text):
        value = _float(int(text.replace("_", ""), 8))
    else:
        value = float(text.replace("_", ""))
    if math.isinf(value):
        raise ValueError("value out of range")
    return value


def _float(whole: int) -> float:
    return float(whole) if whole.bit_length() < 1024 else math.inf


def parse_duration(text: str) -> int:
    """Return the milliseconds of `1h30m`: units from long to short, each once.

    Raises ValueError with Prometheus's words.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f'not a valid duration string: "{text}"')
    parts = match.groups(default="0")
    if max(map(len, parts)) > _DIGITS:
        raise ValueError("duration out of range")
    total = sum(int(part) * unit for part, unit in zip(parts, _UNITS_MS, strict=True))
    if total > _MOST_MS:
        raise ValueError("duration out of range")
    return total


def format_duration(milliseconds: int) -> str:
    """Return `1h30m` for 5,400,000, in the units that Prometheus chooses; negative ones too."""
    if not milliseconds:
        return "0s"
    rest, text = abs(milliseconds), "-" if milliseconds < 0 else ""
    for unit, name in zip(_UNITS_MS, _UNIT_NAMES, strict=True):
        if rest % unit and name in _EXACT_UNITS:
            continue
        count, rest = divmod(rest, unit)
        if count:
            text += f"{count}{name}"
    return text


def seconds_to_milliseconds(seconds: float) -> int:
    """Return whole milliseconds, as Prometheus gets them: nanoseconds rounded, the rest cut off.

    Raises ValueError where a duration cannot be that long.
    """
    if not abs(seconds) * 1e9 <= 2.0**63:
        raise ValueError("duration out of range")
    nanoseconds = math.floor(abs(seconds) * 1e9 + 0.5)
    milliseconds = nanoseconds // 1_000_000
    return -milliseconds if seconds < 0 else milliseconds
