"""PromQL of the embedded store: in the threads, and within the limits, of the HTTP API."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, TypeVar

import numpy as np

from ..errors import BadData, StoreNotOpen
from ..promql.budget import Budget
from ..promql.engine import Engine
from ..promql.values import RawSeries, Result, Scalar, String, Value, Vector
from ..store.matcher import Matcher
from ..store.store import Store
from .answer import (
    LATEST_SECONDS,
    Instant,
    Line,
    Matrix,
    Metadata,
    Names,
    Sample,
    Shape,
    Span,
    Stored,
    milliseconds,
)
from .counted import counted
from .querier import MOST_NAMES, families_of
from .reading import read_selector
from .runner import QueryRunner
from .turns import asker

T = TypeVar("T")


class Parts(Protocol):
    """Where the series are. `engine` and `store` are asked for while `unavailable` is None."""

    @property
    def engine(self) -> Engine:
        """What evaluates queries."""

    @property
    def store(self) -> Store:
        """Where the series are."""

    @property
    def unavailable(self) -> str | None:
        """Why nothing can be asked for, or None."""


class EmbeddedQuerier:
    """A `Querier` of *parts*, whose queries wait and run in *runner*."""

    def __init__(self, runner: QueryRunner, parts: Parts) -> None:
        self._runner, self._parts = runner, parts

    async def instant(self, expr: str, at: float | None = None) -> Instant:
        """Return the value of *expr* at one instant."""
        time_ms = milliseconds(time.time() if at is None else at)

        def work(engine: Engine, budget: Budget) -> Instant:
            return instant_of(engine.instant(expr, time_ms, budget=budget))

        return await self._query(work)

    async def range(self, expr: str, span: Span) -> Matrix:
        """Return the values of *expr* at each instant of *span*."""
        when = span.start_ms, span.end_ms, span.step_ms

        def work(engine: Engine, budget: Budget) -> Matrix:
            return matrix_of(engine.range(expr, *when, budget=budget))

        return await self._query(work)

    async def metric_names(self, prefix: str = "", limit: int = MOST_NAMES) -> Names:
        """Return the names of metrics that begin with *prefix*."""

        def work(store: Store) -> Names:
            every = store.label_values("__name__", (), *_between(None, None))
            return _cut([name for name in every if name.startswith(prefix)], limit)

        return await self._look_up(work)

    async def label_names(
        self,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the labels of the series that *match*."""
        between = _between(start, end)

        def work(store: Store) -> Names:
            return _cut(store.label_names(_selectors(match), *between), limit)

        return await self._look_up(work)

    async def label_values(
        self,
        label: str,
        match: str = "",
        start: float | None = None,
        end: float | None = None,
        limit: int = MOST_NAMES,
    ) -> Names:
        """Return the values of *label* of the series that *match*."""
        if not label:
            raise BadData("say of which label")
        between = _between(start, end)

        def work(store: Store) -> Names:
            return _cut(store.label_values(label, _selectors(match), *between), limit)

        return await self._look_up(work)

    async def metadata(self, metric: str = "") -> Mapping[str, Metadata]:
        """Return what scrapes told of each family, or of *metric*'s."""

        def work(store: Store) -> Mapping[str, Metadata]:
            told = store.metadata()
            names = sorted(told) if not metric else [n for n in families_of(metric) if n in told]
            return {name: Metadata(*told[name]) for name in names[: 1 if metric else None]}

        return await self._look_up(work)

    async def _query(self, work: Callable[[Engine, Budget], T]) -> T:
        """Return what *work* returns, in a thread, when it is this asker's turn."""
        with counted():
            self._need_store()
            budget = Budget(self._runner.limits)
            try:
                async with self._runner.slot(budget, asker()):
                    self._need_store()  # it may have been closed meanwhile
                    engine = self._parts.engine
                    return await self._runner.in_thread(lambda: work(engine, budget))
            except asyncio.CancelledError:
                self._runner.cancel(budget)
                raise

    async def _look_up(self, work: Callable[[Store], T]) -> T:
        self._need_store()
        store = self._parts.store
        return await self._runner.look_up(lambda: work(store))

    def _need_store(self) -> None:
        if (reason := self._parts.unavailable) is not None:
            raise StoreNotOpen(reason)


# --- The engine's results as answers -----------------------------------------------------------


def instant_of(result: Result) -> Instant:
    """Return the answer that the result of an instant query is."""
    found = _instant(float(result.steps[0]) / 1000, result.value)
    return replace(found, warnings=result.warnings, infos=result.infos)


def _instant(at: float, value: Value | list[RawSeries]) -> Instant:
    if isinstance(value, String):
        return Instant(at, Shape.STRING, text=value.value)
    if isinstance(value, Scalar):
        return Instant(at, Shape.SCALAR, (Sample({}, float(value.values[0])),))
    if isinstance(value, Vector):
        pairs = zip(value.labels.rows(), value.values[0].tolist(), value.mask[0], strict=True)
        there = tuple(Sample(labels, number) for labels, number, present in pairs if present)
        return Instant(at, Shape.VECTOR, there)
    stored = tuple(_stored(series) for series in value if len(series.timestamps))
    return Instant(at, Shape.MATRIX, stored=stored)


def _stored(series: RawSeries) -> Stored:
    return Stored(series.labels, series.timestamps / 1000, series.values)


def matrix_of(result: Result) -> Matrix:
    """Return the answer that the result of a range query is."""
    value, times = result.value, result.steps / 1000
    if isinstance(value, Scalar):
        lines: tuple[Line, ...] = (Line({}, value.values),)
    elif isinstance(value, Vector):
        present = value.present
        cells = value.values if present is None else np.where(present, value.values, np.nan)
        table = np.ascontiguousarray(cells.T)
        lines = tuple(map(Line, value.labels.rows(), table))
    else:
        raise TypeError("no result of a range query")
    return Matrix(times, lines, result.warnings, result.infos)


# --- Parts of the questions --------------------------------------------------------------------


def _between(start: float | None, end: float | None) -> tuple[int, int]:
    """Return milliseconds; all of time where a side is open."""
    low = -LATEST_SECONDS if start is None else start
    return milliseconds(low), milliseconds(LATEST_SECONDS if end is None else end)


def _selectors(match: str) -> list[tuple[Matcher, ...]]:
    return [read_selector(match)] if match else []


def _cut(found: list[str], limit: int) -> Names:
    return Names(tuple(found[:limit]), len(found) > limit)
