"""Numbers for people, as the templates of Prometheus and Alertmanager write them.

Each takes a number or a text that is one. Source: prometheus/prometheus, `template/template.go`,
and prometheus/common, `helpers/templates`.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ...promql.numbers import parse_duration
from ..go_template.times import SECOND, GoDuration, GoTime
from ..go_template.values import type_name

_FLOAT = re.compile(
    r"[+-]?(?:inf(?:inity)?|nan"
    r"|(?:[0-9](?:_?[0-9])*\.?(?:[0-9](?:_?[0-9])*)?|\.[0-9](?:_?[0-9])*)(?:e[+-]?[0-9]+)?)",
    re.IGNORECASE | re.ASCII,
)
_HEX_FLOAT = re.compile(
    r"[+-]?0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)p[+-]?[0-9]+", re.IGNORECASE | re.ASCII
)
_LONGEST = 1000  # characters of a number
_DECIMAL = ("k", "M", "G", "T", "P", "E", "Z", "Y")
_BINARY = ("ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi")
_SMALL = ("m", "u", "n", "p", "f", "a", "z", "y")
_MOST_NANOSECONDS = 1 << 63


def to_float(value: Any) -> float:
    """Return a template's number or text as a number. Raises ValueError."""
    if isinstance(value, GoDuration):
        return value.nanoseconds / SECOND
    if isinstance(value, str):
        return _parsed(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        reason = f"can't convert {type_name(value)} to float"
        raise ValueError(reason)  # noqa: TRY004 -- how a function ends a rendering
    return float(value)


def _parsed(text: str) -> float:
    if len(text) <= _LONGEST and _FLOAT.fullmatch(text):
        value = float(text)
        if math.isfinite(value) or not any(character.isdigit() for character in text):
            return value
        raise ValueError(f'strconv.ParseFloat: parsing "{text:.40}": value out of range')
    if len(text) <= _LONGEST and _HEX_FLOAT.fullmatch(text):
        return float.fromhex(text)
    raise ValueError(f'strconv.ParseFloat: parsing "{text:.40}": invalid syntax')


def _four_digits(value: float) -> str:
    """Return *value* as `%.4g` writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.4g}"


def humanize(value: Any) -> str:
    """Return a number with a metric prefix: 1.234k, 12m."""
    number = to_float(value)
    if number == 0 or not math.isfinite(number):
        return _four_digits(number)
    if abs(number) >= 1:
        return _scaled(number, 1000, _DECIMAL)
    return _small(number)


def _scaled(number: float, base: int, prefixes: tuple[str, ...]) -> str:
    prefix = ""
    for larger in prefixes:
        if abs(number) < base:
            break
        prefix, number = larger, number / base
    return _four_digits(number) + prefix


def _small(number: float) -> str:
    prefix = ""
    for smaller in _SMALL:
        if abs(number) >= 1:
            break
        prefix, number = smaller, number * 1000
    return _four_digits(number) + prefix


def humanize1024(value: Any) -> str:
    """Return a number with a binary prefix: 1.5Mi."""
    number = to_float(value)
    if abs(number) <= 1 or not math.isfinite(number):
        return _four_digits(number)
    return _scaled(number, 1024, _BINARY)


def humanize_duration(value: Any) -> str:
    """Return seconds as 1d 2h 3m 4s, or below a minute with four digits: 1.5s, 20ms."""
    number = to_float(value)
    if not math.isfinite(number):
        return _four_digits(number)
    if number == 0:
        return _four_digits(number) + "s"
    if abs(number) < 1:
        return _small(number) + "s"
    sign, number = ("-", -number) if number < 0 else ("", number)
    whole = int(min(number, _MOST_NANOSECONDS - 1))
    parts = ((whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "m"))
    first = next((i for i, (count, _) in enumerate(parts) if count), None)
    if first is None:
        return f"{sign}{_four_digits(number)}s"
    return sign + " ".join(f"{count}{unit}" for count, unit in (*parts[first:], (whole % 60, "s")))


def humanize_percentage(value: Any) -> str:
    """Return a ratio as a percentage: 0.123 is 12.3%."""
    return _four_digits(to_float(value) * 100) + "%"


def humanize_timestamp(value: Any) -> str:
    """Return Unix seconds as a date and a time in UTC."""
    number = to_float(value)
    if not math.isfinite(number):
        return _four_digits(number)
    return to_time(number).go_string()


def to_time(value: Any) -> GoTime:
    """Return Unix seconds as a time in UTC, to the millisecond. Raises ValueError."""
    number = to_float(value)
    if not math.isfinite(number):
        raise ValueError("value is NaN or Inf")
    if abs(number * SECOND) > _MOST_NANOSECONDS:
        raise ValueError(
            f"{number:g} cannot be represented as a nanoseconds timestamp since it overflows int64"
        )
    nanoseconds = int(number * SECOND)
    millis = abs(nanoseconds) // 1_000_000
    return GoTime.of_millis(-millis if nanoseconds < 0 else millis)


def seconds_of(text: str) -> float:
    """Return the seconds of a duration as Prometheus writes it: `1h30m` is 5400.0."""
    return parse_duration(text) / 1000
