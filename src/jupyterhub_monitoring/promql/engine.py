"""The engine: a query's text, one instant or a range, and the answer."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..errors import BadData, TooManyPoints
from ..store.label_table import LabelTable
from ..store.selection import Selectable
from .ast import Expr, RangeSelector, Subquery, ValueType
from .budget import Budget, Limits
from .check import value_type
from .dispatch import evaluate
from .evaluation import Evaluation, size
from .functions.arguments import bare
from .label_order import label_order
from .parser import parse
from .quoting import as_utf8
from .selectors import range_source
from .subquery import subquery_source
from .values import Annotations, RawSeries, Result, String, Value, Vector
from .workers import Workers

INSTANTS = {ValueType.SCALAR, ValueType.VECTOR}
"""What a range query may ask for."""

THREADS = 2
"""Lanes of one query, where the machine has as many cores."""


REMEMBERED_LENGTH = 2_000
"""Characters of the longest query whose tree is kept: what people and rules ask again."""


@lru_cache(maxsize=512)
def _parsed(query: str, limits: Limits) -> Expr:
    """Return *query* parsed: dashboards and rules ask the same again and again."""
    return parse(query, limits)


class Engine:
    """Answers queries about *storage*; may be used from several threads at once.

    *lookback_ms* is how old a sample may be to stand for now; *interval_ms* the step of a subquery
    that names none. *threads* share the work of a query; by default two, where there are cores.
    """

    def __init__(
        self,
        storage: Selectable,
        limits: Limits = Limits(),  # noqa: B008 -- frozen
        *,
        lookback_ms: int = 300_000,
        interval_ms: int = 60_000,
        threads: int | None = None,
    ) -> None:
        self.storage, self.limits = storage, limits
        self.lookback_ms, self.interval_ms = lookback_ms, interval_ms
        self._workers = Workers(threads or min(THREADS, os.cpu_count() or 1))

    def instant(
        self,
        query: str | Expr,
        time_ms: int,
        *,
        budget: Budget | None = None,
        lookback_ms: int | None = None,
    ) -> Result:
        """Return the value of *query* at one instant.

        Raises `ParseError`, `QueryError`, `QueryTimedOut` or `QueryCancelled`.
        """
        began = time.perf_counter()
        steps = np.array([time_ms], dtype=np.int64)
        expr = self._parse(query)
        ctx = self._evaluation(query, steps, budget or Budget(self.limits), lookback_ms)
        value: Value | list[RawSeries]
        if value_type(expr) is ValueType.MATRIX:
            value = _raw(ctx, expr)
        else:
            value = _only_present(ctx.evaluate(expr))
        return _result(ctx, value, began)

    def range(  # noqa: PLR0913 -- what the HTTP API's query_range takes
        self,
        query: str | Expr,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        *,
        budget: Budget | None = None,
        lookback_ms: int | None = None,
    ) -> Result:
        """Return the values of *query* from *start_ms* to at most *end_ms*, each *step_ms*.

        Raises `BadData` where the steps make no sense or are too many, and what `instant` raises.
        """
        began = time.perf_counter()
        if step_ms <= 0:
            raise BadData("zero or negative query resolution step widths are not accepted")
        if end_ms < start_ms:
            raise BadData("end timestamp must not be before start time")
        points = (end_ms - start_ms) // step_ms + 1
        if points - 1 > self.limits.max_points:  # Prometheus counts the steps between points
            raise TooManyPoints(self.limits.max_points)
        steps = start_ms + step_ms * np.arange(points, dtype=np.int64)
        expr = self._parse(query)
        ctx = self._evaluation(query, steps, budget or Budget(self.limits), lookback_ms)
        ctx = replace(ctx, step_ms=step_ms, end_ms=end_ms)
        if (kind := value_type(expr)) not in INSTANTS:
            raise BadData(
                f'invalid expression type "{_KINDS[kind]}" for range query, '
                "must be Scalar or instant Vector"
            )
        value = ctx.evaluate(expr)
        if isinstance(value, Vector):
            ctx.budget.hold(size(value))
            value = by_labels(value)
        return _result(ctx, value, began)

    def close(self) -> None:
        """End the threads. Queries that run are to be cancelled before."""
        self._workers.close()

    def _parse(self, query: str | Expr) -> Expr:
        if not isinstance(query, str):
            return query
        remembered = len(query) <= REMEMBERED_LENGTH
        return _parsed(query, self.limits) if remembered else parse(query, self.limits)

    def _evaluation(
        self,
        query: str | Expr,
        steps: NDArray[np.int64],
        budget: Budget,
        lookback_ms: int | None,
    ) -> Evaluation:
        """Return what a query at *steps* is evaluated with."""
        return Evaluation(
            storage=self.storage,
            workers=self._workers,
            dispatch=evaluate,
            steps=steps,
            step_ms=0,
            start_ms=int(steps[0]),
            end_ms=int(steps[0]),
            lookback_ms=lookback_ms or self.lookback_ms,
            interval_ms=self.interval_ms,
            symbols=self.storage.symbols.overlay(),
            annotations=Annotations(),
            budget=budget,
            query=query if isinstance(query, str) else "",
        )


_KINDS = {ValueType.MATRIX: "range vector", ValueType.STRING: "string"}


def _result(ctx: Evaluation, value: Value | list[RawSeries], began: float) -> Result:
    stats = {
        "seconds": time.perf_counter() - began,
        "samples": ctx.budget.samples,
        "peak_memory_bytes": ctx.budget.peak_memory,
    }
    notes = ctx.annotations
    return Result(value, ctx.steps, tuple(notes.warnings), tuple(notes.infos), stats)


def _only_present(value: Value) -> Value:
    """Return the value of an instant as it is shown: text as text, no absent series."""
    if isinstance(value, String):
        return String(as_utf8(value.value))
    if not isinstance(value, Vector) or value.present is None:
        return value
    there = np.flatnonzero(value.present[0])
    return Vector(value.labels.take(there), value.values[:, there])


def by_labels(vector: Vector) -> Vector:
    """Return *vector* sorted by labels, without the series that are absent at every step."""
    chosen = label_order(vector.labels)
    if vector.present is not None:
        chosen = chosen[np.any(vector.present, axis=0)[chosen]]
    present = None if vector.present is None else vector.present[:, chosen]
    return Vector(vector.labels.take(chosen), vector.values[:, chosen], present)


def _raw(ctx: Evaluation, expr: Expr) -> list[RawSeries]:
    """Return the samples of a range at an instant, series by series, sorted by labels."""
    asked = bare(expr)
    if isinstance(asked, Subquery):
        source = subquery_source(ctx, asked)
    elif isinstance(asked, RangeSelector):
        source = range_source(ctx, asked)
    else:
        raise TypeError("no range")
    found = list(source.samples())
    labels: LabelTable = source.labels
    series = [RawSeries(labels.row(row), times, values) for row, times, values in found]
    return sorted(series, key=lambda one: tuple(one.labels.items()))
