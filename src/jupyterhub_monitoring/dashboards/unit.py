"""What a number of a panel is in, and how people read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum

UNKNOWN = "\N{EN DASH}"


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


def digits(value: float) -> str:
    """Return *value* with as many digits as one reads at a glance: 0.03, 1.4, 12, 1,234."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 1 else f"{value:.2g}"


def number_text(value: float) -> str:
    """Return a number of which one knows nothing: 0.03, 12, 123,456, 12.3 M, 4.2e-06."""
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-3:
        return f"{value:.2g}"
    for each, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if size >= each:
            return f"{value / each:.4g} {unit}"
    return digits(value)


def bytes_text(value: float) -> str:
    """Return a size in binary units."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


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
        return f"{percent:.0f} %"
    return f"{percent:.1f} %" if abs(percent) >= 0.1 else f"{percent:.2g} %"


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
