"""Whatever well-typed query is asked: an answer or an error of ours, in time, within its memory.

`QUERY_FUZZ_SECONDS=300` looks for longer than the few seconds of the suite.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.errors import (
    BadData,
    MonitoringError,
    QueryCancelled,
    QueryError,
    QueryTimedOut,
)
from jupyterhub_monitoring.promql.ast import At, Expr, RangeSelector, Selector, Subquery, ValueType
from jupyterhub_monitoring.promql.budget import Budget, Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.printer import one_line
from jupyterhub_monitoring.promql.values import RawSeries, Result, Scalar, String, Vector
from jupyterhub_monitoring.store.matcher import Matcher, MatchType
from jupyterhub_monitoring.store.selection import ABSENT, STALE
from support.heartbeat import heartbeat
from support.memory_store import MemoryStore, Target
from support.query_trees import trees

SECONDS = float(os.environ.get("QUERY_FUZZ_SECONDS", "2"))

START_MS, ROWS, STEP_MS = 1_700_000_000_000, 480, 15_000
END_MS = START_MS + ROWS * STEP_MS
SPAN_MS = END_MS - START_MS

LIMITS = Limits(max_memory_bytes=24 << 20, max_samples=20_000_000, timeout_seconds=0.5)
SLACK_SECONDS = 0.25
SLACK_BYTES = 16 << 20
"""What a query may take that is not in its estimate: its tree, labels, the trace itself."""
HELD_SECONDS = 0.1
"""No query may hold the interpreter for so long."""

ENDINGS = (BadData, QueryError, QueryTimedOut, QueryCancelled)


def dense(random: np.random.Generator, series: int) -> np.ndarray:
    """Counters, some of which begin again now and then."""
    grown = random.integers(0, 9, (ROWS, series)).cumsum(axis=0).astype(float)
    grown[:, ::3] %= 700
    return grown


def churned(random: np.random.Generator, series: int) -> np.ndarray:
    """Gauges that come and go, with staleness markers where they go."""
    values = random.normal(0, 100, (ROWS, series))
    for column in range(series):
        begin, end = np.sort(random.integers(0, ROWS, 2))
        values[:begin, column] = ABSENT
        values[end:, column] = ABSENT
        values[end - 1, column] = STALE
    return values


def odd(random: np.random.Generator, series: int) -> np.ndarray:
    """Numbers that are hard: NaN, infinities, zeros of both signs, the largest and the least."""
    hard = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.7e308, -1.7e308, 5e-324, 1.0, -1.0]
    return random.choice(hard, (ROWS, series))


ODD_LABELS = ["", "ü", "a\nb", '"\\', "+Inf", "0.1", "NaN", "1_0", "x" * 5000, "\U0001f98a", "$1"]
NAMES = ["up", "a:b:rate5m", "sum", "offset", "and", "Start", "by", "fill", "range.x", "up.x"]


def labelled(series: int, name: str, **more: str) -> list[dict[str, str]]:
    """Label sets with the label names that queries use."""
    return [
        {"__name__": name, "job": f"job-{i % 3}", "service.name": str(i), **more}
        | ({"le": ODD_LABELS[i % len(ODD_LABELS)]} if i % 2 else {"ünïcode": ODD_LABELS[i % 7]})
        for i in range(series)
    ]


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    random = np.random.default_rng(2)
    times = START_MS + STEP_MS * np.arange(ROWS, dtype=np.int64) + 137
    makers = [dense, churned, odd]
    targets = []
    for number, name in enumerate(NAMES):
        series = [3, 40, 600][number % 3]
        values = makers[number % 2 + number % 5 // 4](random, series)
        targets.append(Target(labelled(series, name), times + number % 4, values))
    buckets = [
        {"__name__": "up", "le": le, "on": str(i)}
        for i in range(20)
        for le in ("0.1", "1", "1.0", "+Inf", "x")
    ]
    targets.append(Target(buckets, times, dense(random, len(buckets))))
    return MemoryStore(targets)


@pytest.fixture(scope="module")
def engine(store: MemoryStore) -> Iterator[Engine]:
    found = Engine(store, LIMITS, threads=2)
    yield found
    found.close()


def near(milliseconds: int) -> int:
    """A time or a duration that means something to the data, made of any."""
    return milliseconds % SPAN_MS


def likely(matcher: Matcher) -> bool:
    """Whether some series may satisfy *matcher*: hardly any has a text that was made up."""
    return matcher.name == "__name__" or matcher.type is MatchType.NOT_EQUAL


def aimed(node: object) -> object:
    """Return a tree whose times and ranges lie where there is data."""
    if isinstance(node, tuple):
        return tuple(aimed(part) for part in node)
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {part.name: aimed(getattr(node, part.name)) for part in fields(node)}
    if isinstance(node, Selector):
        changed["matchers"] = tuple(m for m in node.matchers if likely(m))
    if isinstance(node, (Selector, Subquery)):
        changed["offset_ms"] = near(node.offset_ms) // 4 if node.offset_ms % 2 else 0
    if isinstance(node, (RangeSelector, Subquery)):
        changed["range_ms"] = 1 + near(node.range_ms)
    if isinstance(node, Subquery) and node.step_ms is not None:
        changed["step_ms"] = 1000 + near(node.step_ms)
    if isinstance(node, At) and node.timestamp_ms is not None:
        changed["timestamp_ms"] = START_MS + near(node.timestamp_ms)
    return replace(node, **changed)


@st.composite
def expressions(draw: st.DrawFn) -> Expr:
    """Mostly about times at which there is data: far from it nothing happens."""
    kind = draw(st.sampled_from([ValueType.VECTOR] * 8 + list(ValueType)))
    expr = draw(trees(kind, draw(st.sampled_from([1, 1, 2, 3, 4]))))
    return aimed(expr) if draw(st.integers(0, 5)) else expr


@dataclass(frozen=True)
class Asked:
    """A query, at one instant or at several."""

    query: str
    steps: int
    step_ms: int

    def of(self, engine: Engine, budget: Budget) -> Result:
        if self.steps == 1:
            return engine.instant(self.query, END_MS, budget=budget)
        start = END_MS - self.steps * self.step_ms
        return engine.range(self.query, start, END_MS, self.step_ms, budget=budget)


questions = st.builds(
    Asked,
    expressions().map(one_line),
    st.sampled_from([1, 1, 2, 60, 480, 11_000]),
    st.sampled_from([1, 1_000, 15_000, 60_000]),
)


def ended(asked: Asked, engine: Engine, limits: Limits = LIMITS) -> Result | MonitoringError:
    """Return the answer or the error. What both say can be sent, whatever bytes they are about."""
    try:
        result = asked.of(engine, Budget(limits))
    except ENDINGS as error:
        str(error).encode()
        return error
    check(result)
    return result


def check(result: Result) -> None:
    """The parts of an answer fit together, and its texts are text."""
    "".join([*result.warnings, *result.infos]).encode()
    value, steps = result.value, len(result.steps)
    if isinstance(value, Vector):
        assert value.values.shape == value.mask.shape == (steps, len(value.labels))
        rows = value.labels.rows()
        assert len({tuple(row.items()) for row in rows}) == len(rows), "a label set comes twice"
        "".join(text for row in rows for pair in row.items() for text in pair).encode()
    elif isinstance(value, Scalar):
        assert value.values.shape == (steps,)
    elif isinstance(value, String):
        value.value.encode()
    else:
        assert all(isinstance(one, RawSeries) for one in value)
        assert all(len(one.values) == len(one.timestamps) > 0 for one in value)


def explored(seconds: float):
    """Return Hypothesis's settings for about so long, at eighty queries a second."""
    return settings(
        max_examples=max(20, int(80 * seconds)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@explored(SECONDS / 2)
@given(asked=questions)
def test_every_query_ends_in_time_and_lets_others_run(engine: Engine, asked: Asked):
    """Within its timeout there is an answer or an error of ours, and no other thread waits."""
    for _attempt in range(20):  # others use the machine too
        began = time.monotonic()
        with heartbeat() as others:
            ended(asked, engine)
            took = time.monotonic() - began
        if took < LIMITS.timeout_seconds + SLACK_SECONDS and others.longest < HELD_SECONDS:
            return
    assert took < LIMITS.timeout_seconds + SLACK_SECONDS
    assert others.longest < HELD_SECONDS


@explored(SECONDS / 2)
@given(asked=questions)
def test_every_query_keeps_to_its_memory(engine: Engine, asked: Asked):
    """What a query has at once is what it may have, and little more."""
    tracemalloc.start(1)
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        ended(asked, engine, replace(LIMITS, timeout_seconds=1.5))
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < LIMITS.max_memory_bytes + SLACK_BYTES
