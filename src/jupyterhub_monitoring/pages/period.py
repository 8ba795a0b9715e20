"""The time that a page looks at, read from its address."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

from ..errors import BadData

DEFAULT = "6h"
POINTS = 240
"""About as many steps as a plot has."""

STEPS = (15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800)
SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
CHOICES = ("1h", "6h", "24h", "7d", "30d", "90d")
LONGEST = 1000 * 86_400.0

_RANGE = re.compile(r"(\d{1,4})([mhdw])")


@dataclass(frozen=True, slots=True)
class Period:
    """From *start* to *end*, Unix seconds, in steps of *step* seconds.

    *name* is "6h" while it ends now, and empty for a time in the past that stands still. Of a
    period that ends now, the last step is still going on.
    *interval* is the seconds between two scrapes. *victoria* is whether VictoriaMetrics is asked:
    its `increase` counts from the last sample before the range and extrapolates nothing, and what
    it says of the last half minute repeats what was before.
    """

    start: float
    end: float
    step: float
    name: str = ""
    interval: float = 15
    victoria: bool = False

    @property
    def places(self) -> Mapping[str, str]:
        """What the queries of panels need to know (see `dashboards.Curve`)."""
        window = max(4 * self.interval, self.step + self.interval)
        reach = self.step + (0 if self.victoria else self.interval)
        return {
            "window": f"{math.ceil(window)}s",
            "events": f"{math.ceil(reach)}s",
            "scale": f"{self.step / math.ceil(reach):.6g}",
        }

    @property
    def query(self) -> str:
        """What the address of a page or a plot says of it."""
        return f"range={self.name}" if self.name else f"from={self.start:.0f}&to={self.end:.0f}"


def read_period(
    argument: Callable[[str], str], now: float, default: str = DEFAULT, interval: float = 15
) -> Period:
    """Return what `range`, or `from` and `to`, of an address say; *argument* gives their texts.

    Times are Unix seconds or ISO 8601, UTC where no zone is named. No step is shorter than
    *interval*. Raises `BadData`.
    """
    begin, until = argument("from"), argument("to")
    if not begin and not until:
        name = argument("range") or default
        return _until(now, name, interval)
    end = _time(until, "to") if until else now
    start = _time(begin, "from") if begin else end - _seconds(default)
    if not 1 <= end - start <= LONGEST:
        raise BadData("`from` must be before `to`, and at most 1,000 days")
    return Period(start, end, step_of(end - start, interval), "", interval)


def step_of(seconds: float, interval: float) -> float:
    """Return the step at which *seconds* have about `POINTS` points."""
    steps = (step for step in STEPS if step >= interval and seconds / step <= POINTS)
    return next(steps, STEPS[-1])


def _until(now: float, name: str, interval: float) -> Period:
    """End with the step that is going on; whole steps, so that what was drawn stays as it is."""
    seconds = _seconds(name)
    step = step_of(seconds, interval)
    end = math.ceil(now / step) * step
    return Period(end - seconds, end, step, name, interval)


def _seconds(name: str) -> float:
    match = _RANGE.fullmatch(name)
    seconds = int(match[1]) * SECONDS[match[2]] if match else 0
    if not match or not 60 <= seconds <= LONGEST:
        wanted = "from 1m to 1000d" if match else "a time such as 30m, 6h or 7d"
        raise BadData(f"range is not {wanted}: {name[:20]!r}")
    return float(seconds)


def _time(text: str, name: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise BadData(f"{name} is not a time such as 2026-11-25T14:00Z: {text[:40]!r}") from None
    return moment.replace(tzinfo=moment.tzinfo or timezone.utc).timestamp()
