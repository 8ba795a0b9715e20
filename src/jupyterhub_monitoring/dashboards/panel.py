"""One panel: a question as a title, its PromQL, and what to do about what one sees."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from ..metrics.spec import PREFIX
from .unit import Unit

_PREFIX = re.compile(r"\bjupyterhub_(?=\w)")
_PLACE = re.compile(r"\$([a-z_]+)")
_LEGEND = re.compile(r"\{\{(\w+)\}\}")


class Kind(str, Enum):
    """How a panel is drawn."""

    LINES = "lines"
    BARS = "bars"  # events in each step, on top of each other
    HEATMAP = "heatmap"  # the series are buckets with the label `le`
    STATES = "states"  # a row for each series, coloured by what it was in
    TABLE = "table"  # the values of now, a row for each series with its labels


class Tone(str, Enum):
    """What a curve's colour says."""

    SERIES = "series"  # one of the palette
    LIMIT = "limit"  # a dashed line that must not be crossed
    BAD = "bad"  # wants a person


class Fold(str, Enum):
    """What becomes of the series beyond the largest five."""

    SUM = "sum"  # "others": only where adding up makes sense
    LEAVE_OUT = "leave_out"  # counted in the legend


class Mood(str, Enum):
    """How good a state is."""

    WELL = "well"
    WARNING = "warning"
    ILL = "ill"


@dataclass(frozen=True, slots=True)
class State:
    """What *value* means to people."""

    value: float
    word: str
    mood: Mood


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number from which the rules warn: *setting* of `c.MonitoringRules`, in the panel's unit.

    With *left* it is what has to be left of 1.
    """

    setting: str
    left: bool = False

    def value(self, settings: Mapping[str, float]) -> float:
        """Return where the line is. KeyError where there is no such setting."""
        number = settings[self.setting]
        return round(1 - number, 9) if self.left else number


@dataclass(frozen=True, slots=True)
class Curve:
    """One query of a panel. `$window` is the range of a rate.

    `increase(m[$events]) * $scale` is how often something happened in each step of the plot: the
    range reaches one scrape further back, so that nothing between two steps is missed, and the
    factor takes off what `increase` adds for that.

    *legend* names its series, with `{{label}}` for a label's value.
    """

    expr: str
    legend: str
    tone: Tone = Tone.SERIES

    def query(self, values: Mapping[str, str], prefix: str = PREFIX) -> str:
        """Return PromQL with *values* for the places. KeyError where one is missing.

        What stands in quotes must be escaped already: see `quoted`.
        """
        fitted = _PREFIX.sub(f"{prefix}_", " ".join(self.expr.split()))
        return _PLACE.sub(lambda match: values[match[1]], fitted)

    def name(self, labels: Mapping[str, str]) -> str:
        """Return what the legend says of the series with *labels*."""
        return _LEGEND.sub(lambda match: labels.get(match[1], ""), self.legend)


@dataclass(frozen=True, slots=True)
class Panel:
    """*id* is part of addresses. *why* says why it matters and what to do, in two sentences."""

    id: str
    title: str
    why: str
    unit: Unit
    curves: tuple[Curve, ...]
    kind: Kind = Kind.LINES
    fold: Fold = Fold.LEAVE_OUT
    empty: str = "Nothing was recorded in this time."
    """What an empty plot says: why, and what makes it fill."""
    states: tuple[State, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    """The mildest first."""

    @property
    def places(self) -> frozenset[str]:
        """What has to be given, besides the times: username, server_name, group."""
        found = {name for curve in self.curves for name in _PLACE.findall(curve.expr)}
        return frozenset(found - {"window", "events", "scale"})


def quoted(text: str) -> str:
    """Return *text* as it may stand between PromQL's double quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
