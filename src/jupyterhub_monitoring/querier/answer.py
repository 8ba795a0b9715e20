"""What is asked of an engine, and what it answers: plain records, the same from every engine."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData

LATEST_SECONDS = 2.0**53 / 1000
"""Times are taken to be between minus this and this: exact as a float, also in milliseconds."""


def milliseconds(seconds: float) -> int:
    """Return *seconds* as engines take them. Raises `BadData` where that is no time."""
    if not abs(seconds) <= LATEST_SECONDS:
        raise BadData(f"{seconds} is no time: give seconds since 1970")
    return round(seconds * 1000)


@dataclass(frozen=True, slots=True)
class Span:
    """The instants from *start* to at most *end*, *step* apart: Unix seconds, by milliseconds.

    Raises `BadData` where there is no such instant.
    """

    start: float
    end: float
    step: float

    def __post_init__(self) -> None:
        if self.step_ms < 1:
            raise BadData("the step between two points has to be at least a millisecond")
        if self.end_ms < self.start_ms:
            raise BadData("the end of a period cannot be before its start")

    @property
    def start_ms(self) -> int:
        """The first instant, in milliseconds."""
        return milliseconds(self.start)

    @property
    def end_ms(self) -> int:
        """What no instant is after, in milliseconds."""
        return milliseconds(self.end)

    @property
    def step_ms(self) -> int:
        """Milliseconds from one instant to the next."""
        return milliseconds(self.step)

    @property
    def points(self) -> int:
        """How many instants there are."""
        return (self.end_ms - self.start_ms) // self.step_ms + 1

    def times(self) -> NDArray[np.float64]:
        """Return the instants in seconds, shape (points,)."""
        instants = self.start_ms + self.step_ms * np.arange(self.points, dtype=np.int64)
        return instants / 1000


class Shape(str, Enum):
    """What kind of value an instant has; named as in Prometheus's API."""

    VECTOR = "vector"
    SCALAR = "scalar"
    STRING = "string"
    MATRIX = "matrix"


@dataclass(frozen=True, slots=True)
class Sample:
    """One series at an instant. Its *value* may be a real NaN: a series without one is absent."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One series of a range such as `up[5m]`: the samples as they are kept, the oldest first."""

    labels: Mapping[str, str]
    times: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Instant:
    """The value of an expression *at* an instant, in Unix seconds.

    A vector's *samples* are in the order in which they are to be shown; a scalar is one sample
    without labels; a string is *text*; a range is in *stored*.
    """

    at: float
    shape: Shape
    samples: tuple[Sample, ...] = ()
    text: str = ""
    stored: tuple[Stored, ...] = ()
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        """The only value; NaN where there is none, or several."""
        return self.samples[0].value if len(self.samples) == 1 else math.nan


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One series: *values* has a number for each time.

    NaN is "no sample" and a real NaN alike: a plot draws neither. `Instant` tells them apart.
    """

    labels: Mapping[str, str]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """The values of an expression at *times*, in Unix seconds: series with a sample, by labels.

    A scalar is one line without labels.
    """

    times: NDArray[np.float64]
    lines: tuple[Line, ...] = ()
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """Names or values, sorted; *more* is whether there are others beyond the limit."""

    names: tuple[str, ...]
    more: bool = False
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is told of a metric family; *kind* is counter, gauge, histogram and the like."""

    kind: str
    help: str
    unit: str


def by_labels(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return what series are sorted by."""
    return tuple(sorted(labels.items()))
