"""What a query knows while it runs: its instants, its bounds, and how to evaluate a part of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable
from ..store.selection import Selectable
from ..store.symbols import Symbols
from .ast import Expr, Span
from .budget import Budget
from .values import Annotations, Scalar, String, Value
from .workers import Workers

_STEP_BYTES = 40
"""Of one step of a part of a query: its number, where its window begins and ends ..."""

_GROUPING_BYTES = 64
"""Of one series: codes, their order, its inverse ... eight integers at once."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One query, or a subquery of it, at the instants *steps*.

    *start_ms* and *end_ms* are the whole query's, also inside a subquery: what `@ start()` means.
    *step_ms* is 0 for an instant query. *symbols* takes what the query itself writes into labels.
    """

    storage: Selectable
    workers: Workers
    dispatch: Callable[[Evaluation, Expr], Value]
    steps: NDArray[np.int64]
    step_ms: int
    start_ms: int
    end_ms: int
    lookback_ms: int
    interval_ms: int
    symbols: Symbols
    annotations: Annotations
    budget: Budget
    query: str = ""

    @property
    def is_range(self) -> bool:
        """Whether the whole query is a range query, whose series are always sorted by labels."""
        return self.start_ms != self.end_ms

    def evaluate(self, expr: Expr) -> Value:
        """Return the value of *expr* at all steps; of the memory budget it holds its own size."""
        self.budget.check()
        before = self.budget.memory
        self.budget.hold(_STEP_BYTES * len(self.steps))
        value = self.dispatch(self, expr)
        self.settle(before, value)
        return value

    def settle(self, before: int, value: Value) -> None:
        """Give back what was held since *before*, except for what *value* takes itself."""
        self.budget.hold(before + size(value) - self.budget.memory)

    def at(self, steps: NDArray[np.int64], step_ms: int) -> Evaluation:
        """Return the same query at other instants."""
        return replace(self, steps=steps, step_ms=step_ms)

    def where(self, span: Span) -> str:
        """Return `line:column` of *span* in the query's text, as annotations end with it."""
        line = self.query.count("\n", 0, span.start) + 1
        column = span.start - (self.query.rfind("\n", 0, span.start) + 1) + 1
        return f"{line}:{column}"


def size(value: Value) -> int:
    """Return the bytes that the arrays of *value* take."""
    if isinstance(value, String):
        return 0
    if isinstance(value, Scalar):
        return value.values.nbytes
    present = 0 if value.present is None else value.present.nbytes
    return value.values.nbytes + present + labels_size(value.labels)


def labels_size(labels: LabelTable) -> int:
    """Return the bytes that *labels* take, and what grouping or sorting them takes for a while."""
    return len(labels) * (_GROUPING_BYTES + 4 * len(labels.columns))
