"""The embedded store is asked in turn, off the loop, and only while it is open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from jupyterhub_monitoring.errors import (
    EngineError,
    QueryCancelled,
    QueryTimedOut,
    StoreNotOpen,
    TooManyQueries,
)
from jupyterhub_monitoring.promql.budget import Budget, Limits
from jupyterhub_monitoring.promql.values import Result, Scalar
from jupyterhub_monitoring.querier import EmbeddedQuerier, Kind, Metadata, asking_as, kind_of
from jupyterhub_monitoring.querier.runner import WAITING_PER_RUNNING, QueryRunner
from jupyterhub_monitoring.service.context import Context
from jupyterhub_monitoring.service.settings import read

ONE = Result(Scalar(np.array([1.0])), np.array([0]))


class SlowEngine:
    """Evaluates a query until it is let go, checking its budget as a real one does."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.running: list[str] = []
        self.begun: list[str] = []
        self.done: set[str] = set()
        self.most = 0

    def instant(self, expr: str, time_ms: int, *, budget: Budget) -> Result:
        with self.lock:
            self.running.append(expr)
            self.begun.append(expr)
            self.most = max(self.most, len(self.running))
        try:
            while not self.done & {expr, "all"}:
                time.sleep(0.002)
                budget.check()
        finally:
            with self.lock:
                self.running.remove(expr)
        return ONE


@dataclass
class Parts:
    """A service whose store is open, unless `unavailable` says why not."""

    engine: Any = field(default_factory=SlowEngine)
    store: Any = None
    unavailable: str | None = None


@dataclass
class Rig:
    """A querier with four places, and what it is made of."""

    parts: Parts
    runner: QueryRunner
    querier: EmbeddedQuerier

    @property
    def engine(self) -> SlowEngine:
        return self.parts.engine  # type: ignore[no-any-return]

    def ask(self, expr: str, who: str = "") -> asyncio.Task[Any]:
        async def page() -> Any:
            asking_as(who)
            return await self.querier.instant(expr)

        return asyncio.create_task(page())


def rig(**limits: Any) -> Rig:
    parts, runner = Parts(), QueryRunner(Limits(**limits))
    return Rig(parts, runner, EmbeddedQuerier(runner, parts))


@pytest.fixture
async def four() -> AsyncIterator[Rig]:
    made = rig(max_concurrent=4)
    yield made
    made.engine.done.add("all")
    made.runner.close()


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


async def test_a_page_with_many_panels(four: Rig):
    """Hundred queries of one page are all answered, and never have all places at once."""
    four.engine.done.add("all")
    asked = [four.ask(f"q{number}", "ann") for number in range(100)]
    answers = await asyncio.gather(*asked)
    assert [answer.value for answer in answers] == [1.0] * 100
    assert four.engine.most <= 3


async def test_somebody_else_does_not_wait(four: Rig):
    """While one page's slow queries wait for each other, another viewer's is answered."""
    slow = [four.ask(f"slow{number}", "ann") for number in range(12)]
    await until(lambda: len(four.engine.running) == 3)
    four.engine.done.add("quick")
    assert (await four.ask("quick", "bob")).value == 1.0
    assert not any(task.done() for task in slow)


async def test_places_go_round(four: Rig):
    """Two viewers with many queries each are served alike, whoever came first."""
    asked = [four.ask(f"ann{number}", "ann") for number in range(8)]
    await until(lambda: len(four.engine.running) == 3)
    asked += [four.ask(f"bob{number}", "bob") for number in range(8)]
    await until(lambda: len(four.engine.running) == 4)
    for _ in range(8):
        four.engine.done.add(four.engine.running[0])
        before = len(four.engine.begun)
        await until(lambda before=before: len(four.engine.begun) > before)  # type: ignore[misc]
    begun = four.engine.begun[4:]
    assert 3 <= sum(expr.startswith("bob") for expr in begun) <= 5
    four.engine.done.add("all")
    await asyncio.gather(*asked)


async def test_one_place_is_enough():
    """With one place only, a named asker has it."""
    one = rig(max_concurrent=1)
    one.engine.done.add("all")
    assert (await one.ask("q", "ann")).value == 1.0
    one.runner.close()


async def test_too_many(four: Rig):
    """Somebody who asks without an end is refused, nobody else is."""
    most = 4 * WAITING_PER_RUNNING
    asked = [four.ask("slow", "ann") for _ in range(3 + most)]
    await until(lambda: len(four.runner._turns) == most)
    with pytest.raises(TooManyQueries) as refused:
        await four.ask("slow", "ann")
    assert kind_of(refused.value) is Kind.BUSY
    four.engine.done.add("all")
    assert (await four.ask("slow", "bob")).value == 1.0
    await asyncio.gather(*asked)


@pytest.mark.parametrize("place", ["running", "waiting"])
async def test_a_page_that_is_left(four: Rig, place: str):
    """Its queries end, and their places are free again."""
    asked = [four.ask(f"slow{number}", "ann") for number in range(4)]
    await until(lambda: len(four.engine.running) == 3)
    gone = asked[0] if place == "running" else asked[3]
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    await until(lambda: len(four.engine.begun) == (4 if place == "running" else 3))
    four.engine.done.add("all")
    await asyncio.gather(*(task for task in asked if task is not gone))
    assert len(set(four.engine.begun)) == len(four.engine.begun)
    assert not four.runner._turns
    assert not four.runner._places._running


async def test_left_in_the_moment_of_its_turn(four: Rig):
    """A query that is cancelled just when a place is given to it does not keep the place."""
    turns = four.runner._places
    for _ in range(4):
        assert await turns.take("", asyncio.get_running_loop().create_future(), 60)
    waiting = four.ask("slow", "ann")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert turns.waiting == 1
    turns.give_back("")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    for _ in range(3):
        turns.give_back("")
    assert not turns._running


async def test_time_is_up():
    """Waiting counts: a query whose turn comes too late is told so, like one that runs long."""
    one = rig(max_concurrent=1, timeout_seconds=0.2)
    errors = await asyncio.gather(one.ask("a", "ann"), one.ask("b", "ann"), return_exceptions=True)
    assert [type(error) for error in errors] == [QueryTimedOut] * 2
    assert {kind_of(error) for error in errors if isinstance(error, QueryTimedOut)} == {
        Kind.TIMED_OUT
    }
    one.runner.close()


async def test_the_service_stops(four: Rig):
    """Queries that run or wait then end as cancelled."""
    asked = [four.ask(f"slow{number}", "ann") for number in range(4)]
    await until(lambda: len(four.engine.running) == 3)
    four.runner.close()
    errors = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(error) for error in errors] == [QueryCancelled] * 4


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda querier: querier.instant("up"), id="query"),
        pytest.param(lambda querier: querier.metric_names(), id="names"),
        pytest.param(lambda querier: querier.metadata(), id="metadata"),
    ],
)
async def test_not_open(four: Rig, ask: Callable[[EmbeddedQuerier], Any]):
    """While the store is not open, asking says why."""
    four.parts.unavailable = "the store is being opened; ask again in a moment"
    with pytest.raises(StoreNotOpen, match="being opened") as refused:
        await ask(four.querier)
    assert kind_of(refused.value) is Kind.NOT_OPEN


@dataclass
class Told:
    """A store that knows what scrapes told of two families."""

    def metadata(self) -> dict[str, tuple[str, str, str]]:
        return {"requests": ("counter", "Requests.", ""), "up": ("gauge", "Whether it is up.", "")}


METADATA = {
    "": ["requests", "up"],
    "up": ["up"],
    "requests_total": ["requests"],
    "requests": ["requests"],
    "request": [],
}


@pytest.mark.parametrize("metric", METADATA)
async def test_metadata(four: Rig, metric: str):
    """All families, or the one that a metric is of."""
    four.parts.store = Told()
    found = await four.querier.metadata(metric)
    assert list(found) == METADATA[metric]
    if metric.startswith("requests"):
        assert found["requests"] == Metadata("counter", "Requests.", "")


class Broken:
    """An engine with a fault of ours."""

    def instant(self, expr: str, time_ms: int, *, budget: Budget) -> Result:
        raise RuntimeError("oh no")


async def test_a_fault_of_ours(four: Rig):
    """It comes through as it is, for the log, and the place is free again."""
    four.parts.engine, good = Broken(), four.engine
    for _ in range(8):
        with pytest.raises(RuntimeError):
            await four.ask("q", "ann")
    four.parts.engine = good
    good.done.add("all")
    assert (await four.ask("q", "ann")).value == 1


def test_every_error_has_a_kind():
    """What tells of a query or of its engine is never just "failed" to a page."""
    kinds = {
        error: kind_of(error.__new__(error))
        for error in (*EngineError.__subclasses__(), EngineError)
    }
    assert Kind.FAILED not in kinds.values()
    assert len(set(kinds.values())) == len(EngineError.__subclasses__())


async def test_the_service_gives_one():
    """The service has a querier from its start; it says that the store is being opened."""
    queries = QueryRunner(Limits())
    context = Context(read("{}"), queries, CollectorRegistry())
    assert context.querier is context.querier
    with pytest.raises(StoreNotOpen, match="being opened"):
        await context.querier.instant("up")
    queries.close()
