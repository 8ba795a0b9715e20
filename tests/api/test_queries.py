"""Queries wait their turn, end in time, and never hold up the event loop."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.errors import QueryError, QueryTooLarge
from jupyterhub_monitoring.metrics.service_catalogue import (
    QUERIES,
    QUERIES_OVER_LIMIT,
    QUERIES_RUNNING,
    QUERY_SAMPLES,
    QUERY_SECONDS,
)
from jupyterhub_monitoring.promql.budget import Budget, Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.values import Result, Scalar, Vector
from jupyterhub_monitoring.querier.runner import WAITING_PER_RUNNING
from jupyterhub_monitoring.store.label_table import LabelTable
from jupyterhub_monitoring.store.symbols import Symbols
from support.api_server import ApiServer, Context

ONE = Result(Scalar(np.array([1.0])), np.array([0]))


class SlowEngine:
    """Evaluates until it is let go, checking its budget as a real one does."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.lock = threading.Lock()
        self.running = self.most = self.cancelled = 0

    def instant(self, expr: object, time_ms: int, *, budget: Budget, lookback_ms: Any) -> Result:
        with self.lock:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            while not self.let_go.wait(0.01):
                budget.check()
        except Exception:
            self.cancelled += 1
            raise
        finally:
            with self.lock:
                self.running -= 1
        return ONE


class RaisingEngine:
    """Fails with *error*."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def instant(self, expr: object, time_ms: int, *, budget: Budget, lookback_ms: Any) -> Result:
        raise self.error


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count(metric: Any, *labels: str) -> float:
    child = metric.labels(*labels) if labels else metric
    return float(child._value.get())


@contextmanager
def counts(metric: Any, *labels: str, by: float = 1) -> Iterator[None]:
    before = count(metric, *labels)
    yield
    until(lambda: count(metric, *labels) == before + by)


@pytest.fixture
def slow() -> Iterator[ApiServer]:
    with ApiServer(Context(SlowEngine(), limits=Limits(max_concurrent=2))) as server:
        yield server
        server.context.engine.let_go.set()


def test_so_many_at_once(slow: ApiServer):
    """As many queries run as may; the others wait for their turn and are answered, too."""
    engine = slow.context.engine
    with ThreadPoolExecutor(6) as clients:
        asked = [clients.submit(slow.get, "query", query="1") for _ in range(6)]
        until(lambda: engine.running == 2)
        assert count(QUERIES_RUNNING) == 2
        time.sleep(0.1)
        engine.let_go.set()
        assert [reply.result().status for reply in asked] == [200] * 6
    assert engine.most == 2


def test_the_loop_goes_on(slow: ApiServer):
    """While all workers are busy, health, names and status are answered at once."""
    with ThreadPoolExecutor(4) as clients:
        for _ in range(4):
            clients.submit(slow.get, "query", query="1")
        until(lambda: slow.context.engine.running == 2)
        begun = time.monotonic()
        assert slow.ask("/-/healthy").status == 200
        assert slow.get("format_query", query="a").status == 200
        assert time.monotonic() - begun < 30  # the workers wait for ever
        slow.context.engine.let_go.set()


def test_timeout(slow: ApiServer):
    """A query that takes longer than `timeout` is ended, and its worker free again."""
    with counts(QUERIES, "timeout"), counts(QUERIES_OVER_LIMIT, "time"):
        status, kind, text = slow.get("query", query="1", timeout="1s").error
    assert (status, kind) == (503, "timeout")
    assert text == "query timed out after 1 s in expression evaluation"
    until(lambda: slow.context.engine.running == 0)


def test_timeout_while_waiting(slow: ApiServer):
    """Waiting counts: who comes to no turn in time is told so, and takes no turn later."""
    engine = slow.context.engine
    with ThreadPoolExecutor(2) as clients:
        busy = [clients.submit(slow.get, "query", query="1") for _ in range(2)]
        until(lambda: engine.running == 2)
        status, kind, text = slow.get("query", query="1", timeout="0.2").error
        engine.let_go.set()
        assert [reply.result().status for reply in busy] == [200, 200]
    assert (status, kind, text) == (503, "timeout", "query timed out after 0.2 s in query queue")
    assert engine.most == 2
    assert slow.get("query", query="1").status == 200


@pytest.mark.parametrize("timeout", ["0", "-1"])
def test_no_time_at_all(slow: ApiServer, timeout: str):
    """A timeout of nothing is over at once, as in Prometheus."""
    status, kind, _ = slow.get("query", query="1", timeout=timeout).error
    assert (status, kind) == (503, "timeout")


def test_timeouts_are_no_longer_than_the_setting():
    """A client cannot ask for more time than the operator gives."""
    with ApiServer(Context(SlowEngine(), limits=Limits(timeout_seconds=0.1))) as server:
        assert server.get("query", query="1", timeout="1h").error[1] == "timeout"


def hang(server: ApiServer) -> socket.socket:
    """Ask a query, and do not read the answer."""
    client = socket.create_connection(("127.0.0.1", server.port))
    client.sendall(b"GET /api/v1/query?query=1 HTTP/1.1\r\nHost: x\r\n\r\n")
    return client


def test_a_client_that_goes_away(slow: ApiServer):
    """Its query is ended, whether it ran or waited."""
    engine = slow.context.engine
    clients = [hang(slow) for _ in range(2)]
    until(lambda: engine.running == 2)
    clients += [hang(slow) for _ in range(3)]
    until(lambda: len(slow.context.queries._turns) == 3)
    with counts(QUERIES, "cancelled", by=5):
        for client in clients:
            client.close()
        until(lambda: engine.running == 0 and not slow.context.queries._turns)
    assert engine.cancelled == 2
    engine.let_go.set()
    assert slow.get("query", query="1").status == 200


def test_the_queue_has_an_end(slow: ApiServer):
    """When as many wait as may, one more is refused at once, and told to come again."""
    most = slow.context.limits.max_concurrent * WAITING_PER_RUNNING
    clients = [hang(slow) for _ in range(2 + most)]
    until(lambda: len(slow.context.queries._turns) == most)
    with counts(QUERIES, "refused"), counts(QUERIES_OVER_LIMIT, "concurrency"):
        status, kind, text = slow.get("query", query="1").error
    assert (status, kind) == (503, "unavailable")
    assert "ask again" in text
    for client in clients:
        client.close()


def test_the_end_of_the_service():
    """Queries that run or wait when the service ends are told that they were canceled."""
    context = Context(SlowEngine(), limits=Limits(max_concurrent=1))
    with ThreadPoolExecutor(2) as clients, ApiServer(context) as server:
        asked = [clients.submit(server.get, "query", query="1") for _ in range(2)]
        until(lambda: len(context.queries._turns) == 1)
        server.loop.call_soon_threadsafe(context.queries.close)
        errors = [reply.result().error for reply in asked]
    assert [(status, kind) for status, kind, _ in errors] == [(503, "canceled")] * 2


FAULTS = [
    (QueryError("no"), 422, "execution", "no", "error", None),
    (
        QueryTooLarge("samples", 5),
        422,
        "execution",
        (
            "query processing would use more than 5 samples; "
            "ask for fewer series, a shorter range or a longer step"
        ),
        "refused",
        "samples",
    ),
    (QueryTooLarge("memory bytes", 5), 422, "execution", None, "refused", "memory"),
    (
        RuntimeError("secret"),
        500,
        "internal",
        "the service failed; its log says how",
        "error",
        None,
    ),
]


@pytest.mark.parametrize("case", FAULTS, ids=lambda case: type(case[0]).__name__)
def test_faults(case: tuple[Any, ...]):
    """Each kind of error has its status and type; a fault of ours shows nothing of itself."""
    error, status, kind, text, outcome, limit = case
    with ApiServer(Context(RaisingEngine(error))) as server, counts(QUERIES, outcome):
        before = count(QUERIES_OVER_LIMIT, limit) if limit else 0
        said = server.get("query", query="1").error
        assert said[:2] == (status, kind)
        assert text is None or said[2] == text
        assert not limit or count(QUERIES_OVER_LIMIT, limit) == before + 1


class Nothing:
    """A storage that nobody gets to ask."""

    symbols = Symbols()


LONG = "+".join(["1"] * 502)
REFUSED = {
    "length": {"query": "1" + " " * 20_000},
    "operators": {"query": LONG},
    "nesting": {"query": "(" * 60 + "1" + ")" * 60},
    "points": {"query": "1", "start": 0, "end": 11_001, "step": 1},
}


@pytest.mark.parametrize("limit", REFUSED)
def test_limits_that_refuse_a_query(limit: str):
    """Each limit refuses with a reason, and has a counter of its own."""
    path = "query_range" if limit == "points" else "query"
    server = ApiServer(Context(Engine(Nothing())))
    with server, counts(QUERIES, "refused"), counts(QUERIES_OVER_LIMIT, limit):
        status, kind, text = server.get(path, **REFUSED[limit]).error
    assert (status, kind) == (400, "bad_data")
    assert text


class ReadingEngine:
    def instant(self, expr: object, time_ms: int, *, budget: Budget, lookback_ms: Any) -> Result:
        budget.read(12)
        return ONE


def test_what_queries_cost():
    """Time and samples of each query are counted."""
    with ApiServer(Context(ReadingEngine())) as server:
        begun = QUERY_SECONDS._sum.get()
        with counts(QUERY_SAMPLES, by=12), counts(QUERIES, "success"):
            reply = server.get("query", query="1", stats="all")
        assert QUERY_SECONDS._sum.get() > begun
    stats = reply.data["stats"]
    assert stats["samples"]["totalQueryableSamples"] == 12
    assert stats["timings"]["execTotalTime"] >= stats["timings"]["evalTotalTime"] > 0


# --- Large answers -----------------------------------------------------------------------------


class LargeEngine:
    """Answers with *series* times *steps* points."""

    def __init__(self, series: int, steps: int) -> None:
        labels = LabelTable.of(Symbols(), [{"i": str(number)} for number in range(series)])
        values = np.random.default_rng(1).random((steps, series))
        self.result = Result(Vector(labels, values), np.arange(steps) * 1000)

    def range(self, expr: object, *when: int, budget: Budget, lookback_ms: Any) -> Result:
        return self.result


RANGE = {"query": "x", "start": "0", "end": "1000", "step": "1"}


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_a_large_answer(encoding: str):
    """It comes whole, compressed where the client likes it."""
    with ApiServer(Context(LargeEngine(50, 1000))) as server:
        reply = server.ask("/api/v1/query_range", RANGE, headers={"Accept-Encoding": encoding})
    assert reply.headers.get("Content-Encoding") == ("gzip" if encoding == "gzip" else None)
    body = gzip.decompress(reply.body) if encoding == "gzip" else reply.body
    result = json.loads(body)["data"]["result"]
    assert [len(row["values"]) for row in result] == [1000] * 50


def test_a_client_that_does_not_read():
    """It is hung up on when its query's time is over, and its place is free."""
    limits = Limits(max_concurrent=1, timeout_seconds=0.5)
    with ApiServer(Context(LargeEngine(400, 1000), limits=limits)) as server:
        client = socket.create_connection(("127.0.0.1", server.port))
        client.sendall(
            b"GET /api/v1/query_range?query=x&start=0&end=1000&step=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        until(lambda: count(QUERIES_RUNNING) == 1)
        until(lambda: count(QUERIES_RUNNING) == 0)
        received = b""
        while chunk := client.recv(1 << 20):
            received += chunk
        assert not received.endswith(b"0\r\n\r\n")  # nobody takes it for whole
        client.close()
