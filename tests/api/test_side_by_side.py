"""A real Prometheus 2.42 with the same samples gives the same answers, byte for byte."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.store import Store
from support.api_server import ApiServer, Context
from support.peers import find
from support.prometheus import RealPrometheus

AT = 1_700_000_007.25
"""Off the steps that are asked for: 2.42's windows are closed on the left, ours are not."""

VALUES = [0, 1, -2.5, 1e-7, 1.5e300, 1 / 3, 1e16, 1e21, float("inf"), float("nan"), 123456.789]
SERIES = {f"s{number:02}": value for number, value in enumerate(VALUES)}
SCRAPES = [AT - 60 + 15 * number for number in range(5)]


def open_metrics() -> str:
    lines = [
        f'number{{s="{name}",x="é\\"\\\\"}} {value} {at:.3f}'
        for name, value in SERIES.items()
        for at in SCRAPES
    ]
    return "\n".join(["# TYPE number gauge", *lines, "# EOF", ""])


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "data.om").write_text(open_metrics())
    command = [find("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    files = [folder / "data.om", folder / "data"]
    subprocess.run([*command, *files], check=True, capture_output=True)
    with RealPrometheus(str(find("prometheus")), folder, {}, token="x") as running:
        yield running


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    folder: Path = tmp_path_factory.mktemp("store")
    store = Store.open(folder, now_ms=lambda: int(AT * 1000))
    ids = store.series_ids(
        [(("__name__", "number"), ("s", name), ("x", 'é"\\')) for name in SERIES]
    )
    values = np.array(list(SERIES.values()))
    store.append([Row(round(at * 1000), ids, values) for at in SCRAPES])
    engine = Engine(store)
    with ApiServer(Context(engine, store)) as server:
        yield server
    engine.close()
    store.close()


NOW = {"time": f"{AT + 1}"}
RANGE = {"start": f"{AT - 50}", "end": f"{AT + 1}", "step": "10"}
TIMES = {"start": f"{AT - 100}", "end": f"{AT + 1}"}
# Left out is what 3.14 words otherwise than 2.42: the errors of optional times, and of the type of
# a range query; tests with the texts of 3.14 are in test_lookups.py and test_evaluation.py.
REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "all numbers": ("query", {"query": "sort(number)", **NOW}),
    "one series over time": ("query_range", {"query": 'number{s="s05"}', **RANGE}),
    "all series over time": ("query_range", {"query": "number", **RANGE}),
    "raw samples": ("query", {"query": 'number{s="s10"}[1m]', **NOW}),
    "a scalar": ("query", {"query": "1/3", **NOW}),
    "a small scalar": ("query", {"query": "1/30000000", **NOW}),
    "a string": ("query", {"query": '"a<b>"', "time": "0"}),
    "nothing": ("query", {"query": "nothing", **NOW}),
    "nothing over time": ("query_range", {"query": "nothing", **RANGE}),
    "a scalar over time": ("query_range", {"query": "time()", **RANGE}),
    "label names": ("labels", TIMES),
    "label names of nothing": ("labels", {"match[]": "nothing", **TIMES}),
    "label values": ("label/s/values", TIMES),
    "label values of nothing": ("label/nothing/values", TIMES),
    "series": ("series", {"match[]": 'number{s=~"s0."}', **TIMES}),
    "series of nothing": ("series", {"match[]": "nothing", **TIMES}),
    "metadata": ("metadata", {}),
    "rules": ("rules", {}),
    "alerts": ("alerts", {}),
    "format": ("format_query", {"query": "sum by(a)(rate(x[5m]))/2"}),
    "no query": ("query", {}),
    "a wrong query": ("query", {"query": "sum("}),
    "another wrong query": ("query", {"query": "a{b"}),
    "wrong types": ("query", {"query": 'rate("a")'}),
    "a wrong timeout": ("query", {"query": "1", "timeout": "x"}),
    "a wrong start": ("query_range", {"query": "1", **RANGE, "start": "x"}),
    "no end": ("query_range", {"query": "1", "start": "1"}),
    "an end before the start": ("query_range", {"query": "1", "start": "2", "end": "1"}),
    "a wrong step": ("query_range", {"query": "1", **RANGE, "step": "x"}),
    "a step of nothing": ("query_range", {"query": "1", **RANGE, "step": "0"}),
    "a step that overflows": ("query_range", {"query": "1", **RANGE, "step": "1e300"}),
    "too many points": ("query_range", {"query": "1", **RANGE, "step": "0.001"}),
    "no selector": ("series", {}),
    "a selector of everything": ("series", {"match[]": "{}"}),
    "label names of everything": ("labels", {"match[]": '{a=~".*"}'}),
    "a wrong selector": ("series", {"match[]": "a{"}),
    "a wrong metadata limit": ("metadata", {"limit": "x"}),
}


@pytest.mark.peer("prometheus")
@pytest.mark.parametrize("case", REQUESTS.values(), ids=REQUESTS)
def test_same_answer(ours: ApiServer, prometheus: RealPrometheus, case: tuple[str, dict[str, str]]):
    """Status and body are Prometheus's."""
    path, query = case
    there = ApiServer(Context())
    there.port = prometheus.port
    answer, expected = ours.ask(f"/api/v1/{path}", query), there.ask(f"/api/v1/{path}", query)
    assert (answer.status, answer.body.decode()) == (expected.status, unescaped(expected.body))


def unescaped(body: bytes) -> str:
    """Go's JSON escapes for HTML what needs no escape."""
    text = body.decode()
    for letter in "<>&":
        text = text.replace(f"\\u{ord(letter):04x}", letter)
    return text
