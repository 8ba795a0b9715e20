"""`query` and `query_range`: what is asked, and the answer to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BadData, TooManyPoints
from ..promql.budget import Budget, Limits
from ..promql.values import Result
from ..querier.counted import counted
from .body import Body
from .encoding import encode_result
from .handler import GET_AND_POST, ApiHandler
from .parameters import Parameters, invalid, parse_duration, quoted

if TYPE_CHECKING:
    from ..promql.engine import Engine

SAMPLE_BYTES = 8


@dataclass(frozen=True, slots=True)
class Instant:
    """An instant: the value at *time_ms*."""

    time_ms: int

    @classmethod
    def of(cls, parameters: Parameters, _limits: Limits) -> Instant:
        """Read `time`, by default now."""
        return cls(parameters.optional_time_ms("time", int(time.time() * 1000)))

    def evaluate(
        self, engine: Engine, query: str, budget: Budget, lookback_ms: int | None
    ) -> Result:
        """Return the values then."""
        return engine.instant(query, self.time_ms, budget=budget, lookback_ms=lookback_ms)


@dataclass(frozen=True, slots=True)
class Range:
    """Instants from *start_ms* to *end_ms*, *step_ms* apart."""

    start_ms: int
    end_ms: int
    step_ms: int

    @classmethod
    def of(cls, parameters: Parameters, limits: Limits) -> Range:
        """Read `start`, `end` and `step`."""
        start_ms, end_ms = parameters.time_ms("start"), parameters.time_ms("end")
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        step_ms = _step_ms(parameters.text("step"))
        if (end_ms - start_ms) // step_ms > limits.max_points:
            raise TooManyPoints(limits.max_points)
        return cls(start_ms, end_ms, step_ms)

    def evaluate(
        self, engine: Engine, query: str, budget: Budget, lookback_ms: int | None
    ) -> Result:
        """Return the values at each step."""
        return engine.range(
            query, self.start_ms, self.end_ms, self.step_ms, budget=budget, lookback_ms=lookback_ms
        )


def _step_ms(text: str) -> int:
    try:
        nanoseconds = parse_duration(text)
    except ValueError as error:
        raise invalid("step", error) from None
    if nanoseconds < 1_000_000:  # Prometheus takes less than a millisecond, and then divides by 0
        raise invalid(
            "step",
            "zero or negative query resolution step widths are not accepted. "
            "Try a positive integer",
        )
    return nanoseconds // 1_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: the query, when, and how the answer is to look."""

    query: str
    when: Instant | Range
    limit: int
    timeout_seconds: float | None
    lookback_ms: int | None
    stats: str

    @classmethod
    def of(cls, parameters: Parameters, when: type[Instant | Range], limits: Limits) -> Asked:
        """Read all parameters, in the order in which Prometheus complains of them."""
        limit = parameters.limit()
        return cls(
            when=when.of(parameters, limits),
            timeout_seconds=parameters.timeout_seconds(),
            lookback_ms=parameters.lookback_ms(),
            query=parameters.text("query"),
            limit=limit,
            stats=parameters.text("stats"),
        )

    def answer(self, engine: Engine, budget: Budget, waited_seconds: float) -> Iterator[bytes]:
        """Evaluate, then give the JSON in pieces. For a worker."""
        begun = time.perf_counter()
        result = self._result(engine, budget)
        took = time.perf_counter() - begun
        yield from encode_result(
            result,
            is_range=isinstance(self.when, Range),
            limit=self.limit,
            stats=query_stats(budget, waited_seconds, took) if self.stats else None,
            warnings=self._doubts(),
        )

    def _result(self, engine: Engine, budget: Budget) -> Result:
        try:
            return self.when.evaluate(engine, self.query, budget, self.lookback_ms)
        except BadData as error:
            raise invalid("query", error) from error

    def _doubts(self) -> list[str]:
        if self.stats in {"", "true", "all"}:
            return []
        doubt = (
            f'value {quoted(self.stats)} for parameter "stats" is deprecated and will be rejected '
            'in the next major release, use "true" or "all"'
        )
        return [doubt]


def query_stats(budget: Budget, waited_seconds: float, took_seconds: float) -> dict[str, object]:
    """Return Prometheus's `stats`. What it times and we do not is 0."""
    return {
        "timings": {
            "evalTotalTime": took_seconds,
            "resultSortTime": 0,
            "queryPreparationTime": 0,
            "innerEvalTime": took_seconds,
            "execQueueTime": waited_seconds,
            "execTotalTime": waited_seconds + took_seconds,
        },
        "samples": {
            "totalQueryableSamples": budget.samples,
            "samplesRead": budget.samples,
            "peakSamples": budget.peak_memory // SAMPLE_BYTES,
        },
    }


class QueryHandler(ApiHandler):
    """Evaluates `query` at the instants that `when` reads."""

    SUPPORTED_METHODS = GET_AND_POST
    asks_store = True
    when: type[Instant | Range]

    async def answer(self, *_args: str) -> None:
        """Wait for a turn, evaluate in a worker, and send while writing."""
        with counted():
            await self._answer()

    async def _answer(self) -> None:
        runner, engine = self.context.queries, self.context.engine
        asked = Asked.of(self.parameters, self.when, runner.limits)
        budget = Budget(runner.limits, asked.timeout_seconds)
        self._on_close = lambda: runner.cancel(budget)
        begun = time.perf_counter()

        def evaluated(waited_seconds: float) -> tuple[Body, bytes]:
            budget.check()
            body = Body(
                asked.answer(engine, budget, waited_seconds), self.accepts_gzip, budget.check
            )
            return body, body.block()

        async with runner.slot(budget):
            waited_seconds = time.perf_counter() - begun
            body, block = await runner.in_thread(lambda: evaluated(waited_seconds))
            await self.send(body, block, lambda: budget.remaining_seconds)


class InstantQuery(QueryHandler):
    """`/api/v1/query`."""

    endpoint = "/api/v1/query"
    when = Instant


class RangeQuery(QueryHandler):
    """`/api/v1/query_range`."""

    endpoint = "/api/v1/query_range"
    when = Range
