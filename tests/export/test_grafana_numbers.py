"""What the dashboards' queries give on series that are known: counts, and Kubernetes' names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.rules.pack_settings import default_parameters
from jupyterhub_monitoring.dashboards import DASHBOARDS
from jupyterhub_monitoring.export import Deployment
from jupyterhub_monitoring.export.grafana import dashboards
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.values import Vector
from support.grafana_answers import Question, filled, questions
from support.memory_store import MemoryStore

SCRAPE, STEP = 15_000, 60_000
START = 1_764_000_000_000
END = START + 20 * STEP
VALUES = {
    "__interval_ms": str(STEP),
    "__rate_interval_ms": str(STEP + SCRAPE),
    "__rate_interval": f"{(STEP + SCRAPE) // 1000}s",
    "job": ".+",
    "hub": ".*",
    "namespace": "jhub",
}
"""As Grafana fills them in for steps of a minute and a scrape interval of 15 s."""

Series = list[tuple[dict[str, str], dict[int, float]]]


def engine_of(series: Series) -> Engine:
    return Engine(MemoryStore.of(series), threads=1)


def times() -> Iterator[int]:
    return iter(range(START - 4 * STEP, END + 1, SCRAPE))


def drawn() -> dict[str, dict[str, Any]]:
    made = dashboards(Deployment(default_parameters()))
    return {name.removesuffix(".json"): json.loads(text) for name, text in made.items()}


def ask(engine: Engine, expr: str) -> list[list[float]]:
    """Return the numbers of each series, of those steps at which it has one."""
    found = engine.range(expr, START, END, STEP).value
    assert isinstance(found, Vector)
    columns = zip(found.values.T, found.mask.T, strict=True)
    return [column[there].tolist() for column, there in columns if there.any()]


@pytest.mark.parametrize("every", [SCRAPE, 45_000, 130_000, 400_000], ids="each {} ms".format)
def test_events_are_all_counted_once(every: int):
    """The bars of all steps add up to what happened, however the events lie between scrapes."""
    labels = {"__name__": "jupyterhub_spawn_success_total", "job": "jupyterhub", "instance": "a"}
    points = {at + 7: float((at + 7 - START) // every + 1000) for at in times()}
    (panel,) = [one for one in drawn()["hub"]["panels"] if one["title"] == "How spawns ended"]
    engine = engine_of([(labels, points)])
    (bars,) = ask(engine, filled(panel["targets"][0]["expr"], VALUES))
    engine.close()
    before, last = (
        max(at for at in points if at <= START - STEP),
        max(at for at in points if at <= END),
    )
    assert sum(bars) == pytest.approx(points[last] - points[before])


POD = {"namespace": "jhub", "pod": "hub-7d5f9c-x2x", "uid": "a1", "node": "node-1"}
USER = {"namespace": "jhub", "pod": "jupyter-ana", "uid": "a2", "node": "node-1"}
HUB_BOX = {**POD, "container": "hub"}
USER_BOX = {**USER, "container": "notebook"}
VOLUME = {"namespace": "jhub", "persistentvolumeclaim": "hub-db-dir", "node": "node-1"}
RECORDED: list[tuple[str, dict[str, str], float]] = [
    ("kube_pod_status_phase", {**POD, "phase": "Running"}, 1),
    ("kube_pod_status_phase", {**USER, "phase": "Pending"}, 1),
    ("kube_pod_container_status_waiting_reason", {**USER_BOX, "reason": "ImagePullBackOff"}, 1),
    ("kube_pod_container_status_restarts_total", HUB_BOX, 3),
    ("kube_pod_container_status_last_terminated_reason", {**HUB_BOX, "reason": "OOMKilled"}, 1),
    ("kube_pod_info", {**USER, "host_ip": "10.0.0.1", "created_by_kind": "<none>"}, 1),
    ("container_memory_working_set_bytes", {**HUB_BOX, "image": "hub", "id": "/kubepods/a"}, 3e8),
    ("container_memory_working_set_bytes", {**USER_BOX, "image": "n", "id": "/kubepods/b"}, 1e9),
    ("container_cpu_usage_seconds_total", {**HUB_BOX, "cpu": "total"}, 100),
    ("container_cpu_usage_seconds_total", {**USER_BOX, "cpu": "total"}, 100),
    *(
        (f"kube_pod_container_resource_{kind}", {**box, "resource": what, "unit": unit}, value)
        for kind in ("requests", "limits")
        for box in (HUB_BOX, USER_BOX)
        for what, unit, value in (("memory", "byte", 2e9), ("cpu", "core", 1.0))
    ),
    (
        "kube_node_status_allocatable",
        {"node": "node-1", "resource": "memory", "unit": "byte"},
        16e9,
    ),
    ("kubelet_volume_stats_available_bytes", VOLUME, 2e8),
    ("kubelet_volume_stats_capacity_bytes", VOLUME, 1e9),
]
"""Series as kube-state-metrics, cAdvisor and the kubelet document them, of one small cluster."""


def of_kubernetes() -> list[Question]:
    (dashboard,) = [one for one in DASHBOARDS if one.foreign]
    return questions(dashboard, drawn()[dashboard.id], VALUES)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Engine]:
    engine = engine_of(
        [
            ({"__name__": name, **labels}, dict.fromkeys(times(), value))
            for name, labels, value in RECORDED
        ]
    )
    yield engine
    engine.close()


@pytest.mark.parametrize(
    "question", of_kubernetes(), ids=lambda question: f"{question.panel}: {question.legend}"
)
def test_kubernetes_has_data(cluster: Engine, question: Question):
    """Each query of the dashboard for Kubernetes gives series, but for more than ten parts."""
    assert bool(ask(cluster, question.expr)) == (question.legend != "others")
