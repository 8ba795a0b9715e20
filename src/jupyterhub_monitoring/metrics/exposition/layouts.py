"""How the children of each of prometheus_client's metric types are written: their lines.

A layout knows which values a child holds and writes its lines from them. There is one for each
class of which we know every line (`LAYOUTS`, by exact class: a subclass may add samples); other
collectors are asked with `collect()`, as prometheus_client does.
"""

from __future__ import annotations

import itertools
import math
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import prometheus_client
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

from .. import instruments
from .formats import Format

# `Gauge.set_function` puts another one on the gauge itself.
SAMPLES_FUNCTION = operator.attrgetter("_child_samples.__func__")

LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)

number: Callable[[float], str] = floatToGoString
# Counts of buckets and their bounds are few different numbers, and never -0.0 (which a cache
# would take for 0.0).
count = lru_cache(maxsize=8192)(floatToGoString)


class Layout:
    """The lines of the children of one *metric* in one format."""

    has_exemplars = False
    _suffix = ""

    def __init__(self, metric: Any, format_: Format, *, shows_created: bool) -> None:
        self._family = metric._get_metric()
        self._name: str = metric._name
        self._labelnames: tuple[str, ...] = tuple(metric._labelnames)
        self._order = sorted(range(len(self._labelnames)), key=self._labelnames.__getitem__)
        self._format = format_
        self.shows_created = shows_created
        self.header = format_.header(self._family)

    @property
    def width(self) -> int:
        """How many values a child holds."""
        return 1

    def sources(self, child: Any) -> Iterable[Any]:
        """Return the values that *child* holds."""
        return (child._value,)

    def write(self, child: Any, read: list[list[Any]]) -> bytes:
        """Return the lines of *child*; *read* is values, then exemplars and `_created` if shown."""
        if self.has_exemplars and self._format.openmetrics:
            if any(read[1]):
                return self.ask(child)
            read = [read[0], *read[2:]]
        text = self.lines(child, read[0])
        if len(read) > 1:
            text += self._created_line(child, read[1][0])
        return text.encode()

    def lines(self, child: Any, values: list[float]) -> str:
        """Return the lines of *child* that show *values*."""
        return self._line(self._suffix, self._labels(child), number(values[0]))

    def ask(self, child: Any) -> bytes:
        """Return what *child* itself says, written by prometheus_client: for the unusual."""
        shared = dict(zip(self._labelnames, child._labelvalues, strict=False))
        samples = [
            Sample(self._name + suffix, {**shared, **labels}, *rest)
            for suffix, labels, *rest in child._samples()
            if self._format.openmetrics or suffix != "_created"
        ]
        return self._format.lines(self._family, samples)

    def is_unusual(self, children: Sequence[Any]) -> bool:  # noqa: ARG002 -- gauges look
        """Whether one of *children* must be asked each time."""
        return False

    def created_header(self) -> bytes:
        """Return the header of the `_created` gauges that follow the family in the text format."""
        sample = Sample(self._name + "_created", {}, 0.0)
        written = self._format.lines(self._family, [sample])
        return written[: written.rindex(b"\n", 0, -1) + 1]

    def write_created(self, child: Any, read: list[list[Any]]) -> bytes:
        """Return the `_created` line of *child*."""
        return self._created_line(child, read[0][0]).encode()

    def _created_line(self, child: Any, created: float) -> str:
        return self._line("_created", self._labels(child), number(created))

    def _line(self, suffix: str, labels: str, value: str) -> str:
        if labels:
            return f"{self._name}{suffix}{{{labels}}} {value}\n"
        return f"{self._name}{suffix} {value}\n"

    def _labels(self, child: Any) -> str:
        return self._pairs(child, self._order)

    def _pairs(self, child: Any, order: Iterable[int]) -> str:
        names, values = self._labelnames, child._labelvalues
        return ",".join([f'{names[i]}="{_escaped(values[i])}"' for i in order])


class CounterLayout(Layout):
    """One line, and an exemplar in OpenMetrics."""

    has_exemplars = True
    _suffix = "_total"


class GaugeLayout(Layout):
    """One line; a gauge with a function is asked."""

    _samples_of: Any = prometheus_client.Gauge._child_samples

    def is_unusual(self, children: Sequence[Any]) -> bool:
        """Whether one of *children* takes its value from a function."""
        usual = itertools.repeat(type(self)._samples_of)
        return any(map(operator.is_not, map(SAMPLES_FUNCTION, children), usual))


class GapGaugeLayout(GaugeLayout):
    """Our own gauge: no line while the value is not known."""

    _samples_of = instruments.Gauge._child_samples

    def lines(self, child: Any, values: list[float]) -> str:
        """Return the line of *child*, or nothing."""
        return "" if math.isnan(values[0]) else super().lines(child, values)


class SummaryLayout(Layout):
    """The number of events and their sum."""

    @property
    def width(self) -> int:
        """How many values a child holds."""
        return 2

    def sources(self, child: Any) -> Iterable[Any]:
        """Return the values that *child* holds."""
        return child._count, child._sum

    def lines(self, child: Any, values: list[float]) -> str:
        """Return the lines of *child* that show *values*."""
        labels = self._labels(child)
        return self._line("_count", labels, number(values[0])) + self._line(
            "_sum", labels, number(values[1])
        )


class HistogramLayout(Layout):
    """A line for each bucket, cumulative; the count; and the sum where it can only grow."""

    has_exemplars = True

    def __init__(self, metric: Any, format_: Format, *, shows_created: bool) -> None:
        super().__init__(metric, format_, shows_created=shows_created)
        self._bounds = [number(bound) for bound in metric._upper_bounds]
        self._shows_sum = metric._upper_bounds[0] >= 0
        self._before_le = [i for i in self._order if self._labelnames[i] < "le"]
        self._after_le = [i for i in self._order if self._labelnames[i] > "le"]

    @property
    def width(self) -> int:
        """How many values a child holds."""
        return len(self._bounds) + 1

    def sources(self, child: Any) -> Iterable[Any]:
        """Return the values that *child* holds."""
        return *child._buckets, child._sum

    def lines(self, child: Any, values: list[float]) -> str:
        """Return the lines of *child* that show *values*."""
        before, after = self._pairs(child, self._before_le), self._pairs(child, self._after_le)
        head = f'{self._name}_bucket{{{before}{"," * bool(before)}le="'
        tail = f'"{"," * bool(after)}{after}}} '
        total, lines = 0.0, []
        for bound, value in zip(self._bounds, values, strict=False):
            total += value
            lines.append(f"{head}{bound}{tail}{count(total)}\n")
        labels = self._labels(child)
        lines.append(self._line("_count", labels, count(total)))
        if self._shows_sum:
            lines.append(self._line("_sum", labels, number(values[-1])))
        return "".join(lines)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


LAYOUTS: dict[type, tuple[type[Layout], bool]] = {
    prometheus_client.Counter: (CounterLayout, True),
    prometheus_client.Gauge: (GaugeLayout, False),
    prometheus_client.Summary: (SummaryLayout, True),
    prometheus_client.Histogram: (HistogramLayout, True),
    instruments.Counter: (CounterLayout, False),
    instruments.Gauge: (GapGaugeLayout, False),
    instruments.Histogram: (HistogramLayout, False),
}
"""By exact class: its layout, and whether it has `_created` series."""
