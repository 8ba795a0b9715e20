"""No query uses more than it may: points, samples, memory, time; and none is left running."""

from __future__ import annotations

import threading
import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from jupyterhub_monitoring.errors import (
    BadData,
    QueryCancelled,
    QueryError,
    QueryTimedOut,
    QueryTooLarge,
)
from jupyterhub_monitoring.promql.budget import Budget, Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.parser import parse
from support.best_of import best_of
from support.heartbeat import heartbeat
from support.memory_store import MemoryStore, Target

HOUR = 3_600_000
SERIES, ROWS = 512, 2_000


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    random = np.random.default_rng(1)
    labels = [{"__name__": "m", "i": str(i)} for i in range(SERIES)]
    times = 15_000 * np.arange(1, ROWS + 1, dtype=np.int64)
    return MemoryStore([Target(labels, times, random.normal(size=(ROWS, SERIES)))])


SLOW = "stddev_over_time(m[4h]) + quantile_over_time(0.5, m[4h])"
"""A query that takes many seconds."""


def run(
    store: MemoryStore,
    query: str,
    limits: Limits,
    budget: Budget | None = None,
    step_ms: int = 15_000,
) -> None:
    engine = Engine(store, limits, threads=2)
    try:
        engine.range(query, 0, 8 * HOUR, step_ms, budget=budget or Budget(limits))
    finally:
        engine.close()


def test_points(store: MemoryStore):
    """More steps than allowed are refused as Prometheus does."""
    with pytest.raises(BadData, match="maximum resolution of 100 points"):
        run(store, "m", Limits(max_points=100))


def test_samples(store: MemoryStore):
    """A query that reads too much ends there, and says which limit that was."""
    budget = Budget(limits := Limits(max_samples=100_000))
    with pytest.raises(QueryTooLarge, match="samples"):
        run(store, "sum(avg_over_time(m[1h]))", limits, budget)
    assert budget.samples < 2_000_000


@pytest.mark.parametrize(
    "query",
    [
        "m",
        "m + m",
        "sum by (i) (m)",
        "sum_over_time(vector(1)[100000d:1ms])",
        "max_over_time(vector(1)[9y:1s])",
    ],
)
def test_memory_is_refused_before_it_is_taken(store: MemoryStore, query: str):
    """What would not fit is refused at once: asking costs neither memory nor time."""
    began = time.process_time()
    engine = Engine(store, Limits(max_memory_bytes=4 << 20))
    with pytest.raises(QueryTooLarge, match="memory"):
        engine.range(query, 0, 8 * HOUR, 15_000)
    assert time.process_time() - began < 1


def test_memory_is_given_back(store: MemoryStore):
    """What an operand took is free again for the next one: a chain needs no more than a pair."""
    budget = Budget(Limits())
    run(store, "sum(m) + sum(m)", Limits(), budget)
    few = budget.peak_memory
    run(store, " + ".join(["sum(m)"] * 8), Limits(), budget := Budget(Limits()))
    assert budget.peak_memory < 2 * few
    assert budget.memory < few


DOLLARS, XS = "$1" * 2_000, "x" * 10_000
FILLED = f"label_replace(m, 'a', '{DOLLARS}', 'i', '(.*)')"
IS = ", ".join(["'i'"] * 100)
LARGE = [
    "max_over_time(m[8h])",
    "changes(m[8h])",
    "quantile_over_time(0.5, m[8h])",
    "rate(m[8h] @ end()) + m",
    "m[8h]",
    "count_values('v', m)",
    "topk(400, m)",
    "-m or m",
    "m * on () group_left () sum(m)",
    "m * m @ 600",
    "sum(m) * on () group_right () m @ 600",
    "m{i='1'} * m @ 600",
    "clamp(m, -1, 1)",
    "day_of_year(abs(m))",
    "histogram_quantile(0.5, label_replace(m, 'le', '$1', 'i', '(.*)'))",
    f"label_replace({FILLED}, 'b', '{DOLLARS}', 'a', '(.*)')",
    f"label_join(m, 'a', '{XS}', {IS})",
    "sum_over_time(vector(time())[9d:1s])",
]


@pytest.mark.parametrize("steps", [1, 1_000])
@pytest.mark.parametrize("query", LARGE)
def test_what_a_query_takes_is_what_is_counted(store: MemoryStore, query: str, steps: int):
    """A query ends before its arrays and texts take more than it may, whatever it is made of."""
    limits = Limits(max_memory_bytes=24 << 20, timeout_seconds=5)
    engine = Engine(store, limits, threads=2)
    tracemalloc.start(1)
    try:
        if steps == 1 or query == "m[8h]":
            engine.instant(query, 8 * HOUR)
        else:
            engine.range(query, 8 * HOUR - 20_000 * steps, 8 * HOUR, 20_000)
    except (QueryError, QueryTimedOut):
        pass  # refused in time is as good as answered
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        engine.close()
    assert peak < limits.max_memory_bytes + (8 << 20)


def test_large_regular_expressions_are_refused_together():
    """A query cannot be kept busy with compiling: what is large once is refused many times."""
    large = ", ".join(rf'a!~"{i}\\pL{{30}}"' for i in range(700))
    began = time.process_time()
    with pytest.raises(BadData, match="too large together"):
        parse(f"{{{large}}}")
    assert time.process_time() - began < 1


LATE_SECONDS = 0.1
"""How much later than it should a query may end, on a machine with nothing else to do."""


@pytest.mark.parametrize(
    "query", [SLOW, "m ^ m ^ m ^ m ^ m", "day_of_year(clamp(m, -1, time()))", "changes(m[4h])"]
)
def test_a_query_ends_when_its_time_is_up(store: MemoryStore, query: str):
    """A timeout is an error within a tenth of a second of it, also in the other thread."""
    limits = replace(Limits(), timeout_seconds=0.05)  # each takes longer, also on a quick machine

    def late() -> float:
        began = time.monotonic()
        with pytest.raises(QueryTimedOut):
            run(store, query, limits, step_ms=3_000)  # `close` waits for the threads
        return time.monotonic() - began - limits.timeout_seconds

    assert best_of(30, late, LATE_SECONDS) < LATE_SECONDS


def test_a_query_ends_when_it_is_cancelled(store: MemoryStore):
    """Who goes away takes the query with them; its threads are free again."""

    def late() -> float:
        budget, cancelled_at = Budget(Limits()), []

        def cancel() -> None:
            cancelled_at.append(time.monotonic())
            budget.cancel()

        timer = threading.Timer(0.2, cancel)
        timer.start()
        with pytest.raises(QueryCancelled):
            run(store, SLOW, Limits(), budget)
        return time.monotonic() - cancelled_at[0]

    assert best_of(30, late, LATE_SECONDS) < LATE_SECONDS


@pytest.mark.parametrize(
    "query",
    [SLOW, "topk(5, m)", "count_values('v', m)", "quantile by (i) (0.5, m)", "changes(m[1h])"],
)
def test_others_run_meanwhile(store: MemoryStore, query: str):
    """No query holds the interpreter for long: scrapes go on while it runs."""
    limits = replace(Limits(), timeout_seconds=1.0)

    def waited() -> float:
        with heartbeat() as others, suppress(QueryTimedOut, QueryError):
            run(store, query, limits)  # how far it comes in a second is not the question
        return others.longest

    assert best_of(10, waited, 0.1) < 0.1


def test_long_chains_need_no_deep_stack(store: MemoryStore):
    """As many operators as a query may have are evaluated one after the other."""
    chain = " + ".join(["sum(m)"] * 400)
    Engine(store).instant(chain, HOUR)
    Engine(store).instant("m" + " + 1" * 499, HOUR)
