"""What evaluating an expression gives, for all steps of a query at once.

Arrays are step-major: row p is the instant `steps[p]`, column n the series `labels.row(n)`, so that
a step is contiguous and the series of a tile lie side by side. Presence is kept apart from NaN,
which is a value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable


@dataclass(frozen=True, slots=True)
class Vector:
    """N series at P steps: *values* (P, N); *present* (P, N), or None where all are."""

    labels: LabelTable
    values: NDArray[np.float64]
    present: NDArray[np.bool_] | None = None

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Presence as an array in any case."""
        if self.present is None:
            return np.ones(self.values.shape, dtype=np.bool_)
        return self.present


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number per step, shape (P,)."""

    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class String:
    """A string literal, the same at every step."""

    value: str


Value = Vector | Scalar | String


@dataclass(frozen=True, slots=True)
class RawSeries:
    """One series of an instant query for a range vector: the samples as stored."""

    labels: dict[str, str]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(slots=True)
class Annotations:
    """Warnings and infos that a query gave, each once, in order, as Prometheus words them."""

    warnings: dict[str, None] = field(default_factory=dict)
    infos: dict[str, None] = field(default_factory=dict)

    def warn(self, text: str) -> None:
        """Add a warning: the result is probably not what was meant."""
        self.warnings.setdefault(text)

    def inform(self, text: str) -> None:
        """Add an info: the result may be not what was meant."""
        self.infos.setdefault(text)


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to a query.

    *value* is a `Vector` for instant vectors (P = 1, or as many steps as a range query has), a
    `Scalar`, a `String`, or for an instant query of a range vector a list of `RawSeries`.
    *steps* are the P instants in milliseconds. An instant vector's series stand in the order in
    which they are to be shown (`sort()`); a range query's are sorted by labels.
    """

    value: Value | list[RawSeries]
    steps: NDArray[np.int64]
    warnings: tuple[str, ...] = ()
    infos: tuple[str, ...] = ()
    stats: dict[str, Any] = field(default_factory=dict)
