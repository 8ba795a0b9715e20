"""The engine as rules ask it: an instant, of which they get a vector."""

from __future__ import annotations

import threading

import numpy as np

from ...errors import QueryCancelled, QueryError
from ...promql.ast import Expr
from ...promql.budget import Budget
from ...promql.engine import Engine
from ...promql.values import Scalar, Vector
from ...store.label_table import LabelTable
from ..alert import Millis


class RuleQueries:
    """Asks *engine* for one group, one query after the other. `cancel` may come from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._cancelled = False
        self._running: Budget | None = None

    def vector(self, query: str | Expr, at: Millis) -> Vector:
        """Return the value of *query* at *at*; a number is a vector of one element.

        Raises what `Engine.instant` raises, and `QueryError` where the value is something else.
        """
        budget = self._begin()
        try:
            value = self._engine.instant(query, at, budget=budget).value
        finally:
            self._running = None
        if isinstance(value, Scalar):
            nameless = LabelTable(self._engine.storage.symbols, {}, 1)
            return Vector(nameless, np.asarray(value.values).reshape(1, 1))
        if not isinstance(value, Vector):
            raise QueryError("rule result is not a vector or scalar")
        return value

    def cancel(self) -> None:
        """End the query that runs, and every later one."""
        with self._lock:
            self._cancelled = True
            if self._running is not None:
                self._running.cancel()

    def _begin(self) -> Budget:
        with self._lock:
            if self._cancelled:
                raise QueryCancelled
            self._running = budget = Budget(self._engine.limits)
            return budget
