"""Where queries wait and run: so many at once, each within its time, none on the event loop.

As in Prometheus, a query over the number waits for its turn, and its waiting counts as its time.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from ..errors import (
    QueryCancelled,
    QueryTimedOut,
    QueryTooComplex,
    QueryTooLarge,
    TooManyPoints,
    TooManyQueries,
)
from ..metrics.service_catalogue import (
    QUERIES,
    QUERIES_OVER_LIMIT,
    QUERIES_RUNNING,
    QUERY_SAMPLES,
    QUERY_SECONDS,
    QueryLimit,
    QueryOutcome,
)
from ..promql.budget import Budget, Limits
from .failures import outcome

WAITING_PER_RUNNING = 32
"""Queries that may wait for each one that may run; a dashboard asks some dozens at once."""

LOOKUP_THREADS = 2
"""Workers for names, labels and pages of the status, which never wait for queries."""

T = TypeVar("T")


class QueryRunner:
    """Runs queries in threads of their own. All methods are for the event loop's thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._free = limits.max_concurrent
        self._turns: OrderedDict[Budget, asyncio.Future[None]] = OrderedDict()
        self._running: set[Budget] = set()
        self._threads = ThreadPoolExecutor(limits.max_concurrent, thread_name_prefix="query")
        self._lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")

    @asynccontextmanager
    async def slot(self, budget: Budget) -> AsyncIterator[None]:
        """Wait until a query with *budget* may run, and hold its place meanwhile.

        Raises `TooManyQueries`, `QueryTimedOut` or `QueryCancelled` where it comes to no turn.
        """
        await self._wait(budget)
        self._running.add(budget)
        QUERIES_RUNNING.inc()
        try:
            yield
        finally:
            self._running.discard(budget)
            QUERIES_RUNNING.dec()
            QUERY_SAMPLES.inc(budget.samples)
            self._leave()

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Return what *work* returns; for the holder of a slot."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def look_up(self, work: Callable[[], T]) -> T:
        """Return what *work* returns, which reads from the store but evaluates nothing."""
        return await asyncio.get_running_loop().run_in_executor(self._lookups, work)

    def cancel(self, budget: Budget) -> None:
        """End the query with *budget*, whether it waits or runs: nobody wants its answer."""
        budget.cancel()
        turn = self._turns.pop(budget, None)
        if turn is not None and not turn.done():
            turn.set_exception(QueryCancelled())

    def close(self) -> None:
        """End all queries and take no more. Their threads end at their next check."""
        for budget in [*self._turns, *self._running]:
            self.cancel(budget)
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._lookups.shutdown(wait=False, cancel_futures=True)

    async def _wait(self, budget: Budget) -> None:
        if budget.remaining_seconds <= 0:
            raise QueryTimedOut(budget.timeout, "query queue")
        if self._free:
            self._free -= 1
            return
        if len(self._turns) >= self.limits.max_concurrent * WAITING_PER_RUNNING:
            raise TooManyQueries(self.limits.max_concurrent, len(self._turns))
        turn = self._turns[budget] = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait([turn], timeout=budget.remaining_seconds)
        except asyncio.CancelledError:
            turn.cancel()
            raise
        if not turn.done():
            turn.cancel()
            raise QueryTimedOut(budget.timeout, "query queue")
        turn.result()  # raises if it was cancelled meanwhile

    def _leave(self) -> None:
        """Give the place to who waits longest."""
        while self._turns:
            _, turn = self._turns.popitem(last=False)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


@contextmanager
def counted() -> Iterator[None]:
    """Count how the query inside ended, and how long it took, waiting included."""
    begun = time.perf_counter()
    ended = QueryOutcome.SUCCESS
    try:
        yield
    except BaseException as error:
        reason = error.__cause__ or error  # a wrong query, in the words of the API
        ended, limit = outcome(reason), _limit(reason)
        if limit is not None:
            QUERIES_OVER_LIMIT.labels(limit.value).inc()
        raise
    finally:
        QUERIES.labels(ended.value).inc()
        QUERY_SECONDS.observe(time.perf_counter() - begun)


def _limit(error: BaseException) -> QueryLimit | None:
    """Return the limit that *error* speaks of, if any."""
    if isinstance(error, QueryTooLarge | QueryTooComplex):
        return _LIMITS.get(error.what)
    return next((limit for kind, limit in _LIMIT_OF.items() if isinstance(error, kind)), None)


_LIMITS = {limit.value: limit for limit in QueryLimit} | {"memory bytes": QueryLimit.MEMORY}
_LIMIT_OF = {
    QueryTimedOut: QueryLimit.TIME,
    TooManyPoints: QueryLimit.POINTS,
    TooManyQueries: QueryLimit.CONCURRENCY,
}
