"""Real clients get right answers: promtool, prometheus-api-client, and Grafana's requests."""

from __future__ import annotations

import json
import subprocess
from datetime import datetime, timezone
from typing import Any

import pytest
from prometheus_api_client import PrometheusConnect

from support.api_server import ApiServer
from support.peers import find

AT = 1_700_000_000


def promtool(api: ApiServer, *command: str) -> str:
    before, after = command[:2], command[2:]
    done = subprocess.run(
        [str(find("promtool")), *before, *after], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.peer("promtool")
def test_promtool_instant(api: ApiServer):
    """`promtool query instant` shows the values."""
    said = promtool(api, "query", "instant", f"--time={AT}", api.url, "sort(up)")
    assert said.splitlines() == [
        f'up{{instance="node:91", job="node"}} => 0 @[{AT}]',
        f'up{{instance="hub:80", job="hub"}} => 1 @[{AT}]',
    ]
    assert promtool(api, "query", "instant", f"--time={AT}", api.url, "1+1").startswith("scalar: 2")


@pytest.mark.peer("promtool")
def test_promtool_range(api: ApiServer):
    """`promtool query range` shows each point."""
    times = [f"--start={AT - 30}", f"--end={AT}", "--step=15s"]
    said = promtool(api, "query", "range", *times, api.url, "sum(requests_total)")
    assert said.split("\n")[1:4] == [f"399 @[{AT - 30}]", f"409.5 @[{AT - 15}]", f"420 @[{AT}]"]


@pytest.mark.peer("promtool")
def test_promtool_series_and_labels(api: ApiServer):
    """`promtool query series` and `labels` list what there was in a time."""
    times = [f"--start={AT - 60}", f"--end={AT}"]
    said = promtool(api, "query", "series", "--match=up", *times, api.url)
    assert said.splitlines() == [
        '{__name__="up", instance="hub:80", job="hub"}',
        '{__name__="up", instance="node:91", job="node"}',
    ]
    assert promtool(api, "query", "labels", *times, api.url, "job").splitlines() == ["hub", "node"]


@pytest.mark.peer("promtool")
def test_promtool_errors(api: ApiServer):
    """A wrong query is shown with our reason."""
    done = subprocess.run(
        [str(find("promtool")), "query", "instant", api.url, "sum("],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "parse error" in done.stderr


@pytest.fixture(scope="module")
def client(api: ApiServer) -> PrometheusConnect:
    return PrometheusConnect(url=api.url)


def test_api_client(client: PrometheusConnect):
    """The package's calls give what was stored."""
    begin, end = (datetime.fromtimestamp(at, timezone.utc) for at in (AT - 30, AT))
    assert client.all_metrics() == ["gone", "my.metric", "requests_total", "up"]
    assert client.get_label_names() == ["__name__", "instance", "job", "my.label", "user"]
    assert client.get_label_values("job") == ["hub", "node"]
    (row,) = client.custom_query('up{job="hub"}', params={"time": AT})
    assert row["value"] == [AT, "1"]
    (row,) = client.custom_query_range("sum(up)", start_time=begin, end_time=end, step="15")
    assert row["values"] == [[AT - 30, "1"], [AT - 15, "1"], [AT, "1"]]
    (row,) = client.get_metric_range_data(
        "requests_total", start_time=begin, end_time=end, chunk_size=end - begin
    )
    assert row["values"][-1] == [AT, "420"]
    data = client.get_metric_aggregation(
        "up", ["max", "min"], start_time=begin, end_time=end, step="15"
    )
    assert data == {"max": 1.0, "min": 0.0}


# What Grafana's Prometheus data source sends, by occasion: method, path, parameters; and what it
# needs of the answer's data.
TIMES = {"start": f"{AT - 3600}", "end": f"{AT}"}
GRAFANA: dict[str, tuple[str, str, dict[str, str], Any]] = {
    "Save & test": ("POST", "query", {"query": "1+1", "time": f"{AT}.123"}, ["scalar"]),
    "version": ("GET", "status/buildinfo", {}, ["version"]),
    "metric names": (
        "GET",
        "label/__name__/values",
        {"limit": "40000", **TIMES},
        ["gone", "my.metric", "requests_total", "up"],
    ),
    "label names": ("POST", "labels", {"limit": "40000", **TIMES}, ["job"]),
    "label names of a metric": (
        "POST",
        "labels",
        {"limit": "40000", "match[]": '{__name__="up"}', **TIMES},
        ["__name__", "instance", "job"],
    ),
    "label values": (
        "GET",
        "label/job/values",
        {"limit": "40000", "match[]": '{__name__="up"}', **TIMES},
        ["hub", "node"],
    ),
    "label values, UTF-8": ("GET", "label/U__my_2e_label/values", {**TIMES}, ["x"]),
    "metrics browser": (
        "POST",
        "series",
        {"match[]": '{__name__!=""}', "limit": "40000", **TIMES},
        [],
    ),
    "help texts": ("GET", "metadata", {"limit": "40000"}, ["up"]),
    "help texts of a metric": ("GET", "metadata", {"metric": "up"}, ["up"]),
    "a panel": (
        "POST",
        "query_range",
        {"query": "sum by(job) (up)", "step": "15", "timeout": "60s", **TIMES},
        ["matrix"],
    ),
    "a table": ("POST", "query", {"query": "up", "time": f"{AT}"}, ["vector"]),
    "a panel, GET": ("GET", "query_range", {"query": "up", "step": "15", **TIMES}, ["matrix"]),
    "exemplars": ("POST", "query_exemplars", {"query": "up", **TIMES}, []),
    "recording rules": ("GET", "rules", {}, ["groups"]),
    "alerts": ("GET", "rules", {"type": "alert"}, ["groups"]),
    "variable query_result": ("POST", "query", {"query": "count(up)", "time": f"{AT}"}, ["vector"]),
}


@pytest.mark.parametrize("case", GRAFANA.values(), ids=GRAFANA)
def test_grafana(api: ApiServer, case: tuple[str, str, dict[str, str], Any]):
    """Every request of Grafana's data source has its answer."""
    method, path, asked, needed = case
    form, url = (asked, ()) if method == "POST" else (None, asked)
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if form else None
    data = api.ask(f"/api/v1/{path}", url, form=form, headers=headers).data
    text = json.dumps(data)
    assert all(f'"{name}"' in text for name in needed), data
