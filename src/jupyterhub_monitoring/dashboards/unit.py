"""What a number of a panel is in, and how people read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import Enum

UNKNOWN = "\N{EN DASH}"
TINY, HUGE = 1e-4, 1e15
"""Numbers below, or from there on, are written with an exponent."""

_WIDE = Context(prec=400, rounding=ROUND_HALF_UP)
"""Any float has fewer digits."""


class Unit(str, Enum):
    """The base unit; `pages/static/js/units.js` writes the same texts."""

    COUNT = "count"
    PER_SECOND = "per_second"
    BYTES = "bytes"
    SECONDS = "seconds"
    RATIO = "ratio"  # 1 is all of it
    CORES = "cores"
    NUMBER = "number"  # nobody knows of what

    def text(self, value: float | None) -> str:
        """Return *value* for people: "1.4 GiB", "12 s", "97.2 %"; a dash where it is unknown."""
        if value is None or math.isnan(value):
            return UNKNOWN
        if math.isinf(value):
            return "∞" if value > 0 else "-∞"
        return _TEXTS[self](value)


def fixed(value: float, places: int) -> str:
    """Return *value* with so many decimal places, ties away from 0: as `toFixed` of JavaScript."""
    if abs(value) >= HUGE:
        return significant(value, 2)
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-places), _WIDE.rounding, _WIDE)
    return f"{rounded or abs(rounded):,f}"


def significant(value: float, places: int) -> str:
    """Return *value* with at most so many digits that count; as 4.2e-6 where it is tiny."""
    rounded = Context(places, ROUND_HALF_UP).create_decimal(value)
    if 0 < abs(float(rounded)) < TINY or abs(rounded) >= HUGE:
        mantissa, exponent = f"{rounded:.{places - 1}e}".split("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent):+}"
    return f"{float(rounded):.15g}"


def digits(value: float) -> str:
    """Return *value* with as many digits as one reads at a glance: 0.03, 1.4, 12, 1,234."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return fixed(value, 0)
    return fixed(value, 1) if size >= 1 else significant(value, 2)


def number_text(value: float) -> str:
    """Return a number of which one knows nothing: 0.03, 12, 123,456, 12.3 M, 4.2e-6."""
    size = abs(value)
    if size < HUGE:
        for each, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
            if size >= each:
                return f"{significant(value / each, 4)} {unit}"
    return digits(value)


def bytes_text(value: float) -> str:
    """Return a size in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{fixed(value, 0 if unit == 'B' else 1)} {unit}"


def seconds_text(value: float) -> str:
    """Return a duration in the unit that fits: 20 ms, 4.1 s, 12 min, 3 h, 5 days."""
    size = abs(value)
    if size == 0:
        return "0 s"
    if size < 1:
        return f"{digits(value * 1000)} ms"
    for limit, each, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if size < limit:
            return f"{digits(value / each)} {unit}"
    return f"{digits(value / 86_400)} days"


def ratio_text(value: float) -> str:
    """Return a share in percent."""
    percent = value * 100
    if percent == int(percent) or abs(percent) >= 100:
        return f"{fixed(percent, 0)} %"
    return f"{fixed(percent, 1) if abs(percent) >= 0.1 else significant(percent, 2)} %"


def per_second_text(value: float) -> str:
    """Return a rate."""
    return f"{digits(value)}/s"


def cores_text(value: float) -> str:
    """Return a number of processor cores."""
    return f"{digits(value)} {'core' if value == 1 else 'cores'}"


_TEXTS: dict[Unit, Callable[[float], str]] = {
    Unit.COUNT: digits,
    Unit.PER_SECOND: per_second_text,
    Unit.BYTES: bytes_text,
    Unit.SECONDS: seconds_text,
    Unit.RATIO: ratio_text,
    Unit.CORES: cores_text,
    Unit.NUMBER: number_text,
}
