"""Which metrics there are, and with which labels: for tests of what asks for them."""

from __future__ import annotations

import re
from typing import Any

from jupyterhub_monitoring.metrics import (
    alerting_catalogue,  # noqa: F401 -- declares what the service shows of alerts
    catalogue,
)
from jupyterhub_monitoring.metrics.service_catalogue import SERVICE_CATALOGUE
from jupyterhub_monitoring.metrics.spec import Kind, Label, MetricSpec
from jupyterhub_monitoring.metrics.usage_catalogue import USAGE_CATALOGUE

STOCK = {
    spec.name: spec
    for spec in (
        *catalogue.STOCK,
        MetricSpec(
            "server_spawn_duration_seconds",
            Kind.HISTOGRAM,
            "",
            (Label("status"), Label("reason")),
        ),
        MetricSpec("event_loop_interval_seconds", Kind.HISTOGRAM, ""),
    )
}
"""JupyterHub's own metrics that we ask for."""

OF_ANY_TARGET = {
    "up",
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "scrape_duration_seconds",
    "ALERTS",
}
FOREIGN_METRICS = {
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
    "kube_node_status_allocatable",
    "kube_pod_container_resource_limits",
    "kube_pod_container_resource_requests",
    "kube_pod_container_status_last_terminated_reason",
    "kube_pod_container_status_restarts_total",
    "kube_pod_container_status_waiting_reason",
    "kube_pod_info",
    "kube_pod_status_phase",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
}
"""Of cAdvisor, kube-state-metrics and the kubelet, by their documentation."""
OF_THE_TARGET = {"job", "instance"}


def spec_of(name: str) -> MetricSpec | None:
    hub = {name: metric.spec for name, metric in catalogue_of_the_hub().items()}
    service = {name: metric.spec for name, metric in SERVICE_CATALOGUE.items()}
    every = {**STOCK, **hub, **service, **USAGE_CATALOGUE}
    short = name.removeprefix("jupyterhub_")
    spec = every.get(short)
    if spec is not None:
        return spec if spec.kind in {Kind.COUNTER, Kind.GAUGE} else None
    stem = re.sub(r"_(bucket|count|sum|gcount|gsum)$", "", short)
    spec = every.get(stem)
    return spec if spec and spec.kind in {Kind.HISTOGRAM, Kind.GAUGE_HISTOGRAM} else None


def catalogue_of_the_hub() -> dict[str, Any]:
    found = [
        m for m in vars(catalogue).values() if isinstance(getattr(m, "spec", None), MetricSpec)
    ]
    return {metric.spec.name: metric for metric in found}
