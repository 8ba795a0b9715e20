"""Where queries wait and run: so many at once, each within its time, none on the event loop.

As in Prometheus, a query over the number waits for its turn, and its waiting counts as its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from ..errors import QueryCancelled, QueryTimedOut
from ..metrics.service_catalogue import QUERIES_RUNNING, QUERY_SAMPLES
from ..promql.budget import Budget, Limits
from .turns import ANYBODY, Turns

WAITING_PER_RUNNING = 32
"""Queries of an asker that may wait for each that may run; a dashboard asks some dozens at once."""

LOOKUP_THREADS = 2
"""Workers for names, labels and pages of the status, which never wait for queries."""

T = TypeVar("T")


class QueryRunner:
    """Runs queries in threads of their own. All methods are for the event loop's thread."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._places = Turns(limits.max_concurrent, limits.max_concurrent * WAITING_PER_RUNNING)
        self._turns: dict[Budget, asyncio.Future[None]] = {}
        self._running: set[Budget] = set()
        self._threads = ThreadPoolExecutor(limits.max_concurrent, thread_name_prefix="query")
        self._lookups = ThreadPoolExecutor(LOOKUP_THREADS, thread_name_prefix="lookup")

    @asynccontextmanager
    async def slot(self, budget: Budget, asker: str = ANYBODY) -> AsyncIterator[None]:
        """Wait until a query of *asker* with *budget* may run, and hold its place meanwhile.

        Raises `TooManyQueries`, `QueryTimedOut` or `QueryCancelled` where it comes to no turn.
        """
        await self._wait(budget, asker)
        self._running.add(budget)
        QUERIES_RUNNING.inc()
        try:
            yield
        finally:
            self._running.discard(budget)
            QUERIES_RUNNING.dec()
            QUERY_SAMPLES.inc(budget.samples)
            self._places.give_back(asker)

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

    async def _wait(self, budget: Budget, asker: str) -> None:
        if budget.remaining_seconds <= 0:
            raise QueryTimedOut(budget.timeout, "query queue")
        turn = self._turns[budget] = asyncio.get_running_loop().create_future()
        try:
            in_time = await self._places.take(asker, turn, budget.remaining_seconds)
        finally:
            self._turns.pop(budget, None)
        if not in_time:
            raise QueryTimedOut(budget.timeout, "query queue")
