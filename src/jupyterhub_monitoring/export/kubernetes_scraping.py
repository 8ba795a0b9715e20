"""How a Prometheus in the cluster finds and scrapes the Hub: by its operator, or by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..promql.numbers import format_duration
from .deployment import CHART_SECRET, NAMESPACE, Deployment
from .objects import HUB_PODS, NAME, PROXY_PODS, Object, object_of
from .prometheus import scrape_configs, series_labels

OPERATOR = "monitoring.coreos.com/v1"

IN_CLUSTER = ("hub.{}.svc:8081", "proxy-public.{}.svc:80")
"""Where the Hub and the service are, by the Services of the chart, in a namespace."""

MOUNTED = f"/etc/prometheus/secrets/{NAME}-token/token"
"""Where the token is when its Secret is mounted by its name."""


def monitors(deployment: Deployment) -> dict[str, Object]:
    """Return a ServiceMonitor for the Hub, and a PodMonitor for our service behind the proxy.

    The proxy is asked itself: which Service leads to it, and by which port, depends on where the
    chart ends TLS.
    """
    pack = deployment.pack
    hub = {
        "selector": {"matchLabels": HUB_PODS},
        "endpoints": [_endpoint(deployment, "hub", pack.hub_job, deployment.hub_metrics_path)],
    }
    found = {"servicemonitor.yaml": _of_operator("ServiceMonitor", deployment, hub)}
    if deployment.service:
        endpoint = _endpoint(deployment, "http", pack.service_job, deployment.service_metrics_path)
        service = {"selector": {"matchLabels": PROXY_PODS}, "podMetricsEndpoints": [endpoint]}
        found["podmonitor.yaml"] = _of_operator("PodMonitor", deployment, service)
    return found


def _of_operator(kind: str, deployment: Deployment, spec: Object) -> Object:
    return object_of(OPERATOR, kind, NAME, deployment, {"spec": spec})


def _endpoint(deployment: Deployment, port: str, job: str, path: str) -> Object:
    secret, key = (f"{NAME}-token", "token") if deployment.cluster.token else CHART_SECRET
    labels = {"job": job, **series_labels(deployment)}
    return {
        "port": port,
        "path": path,
        "interval": format_duration(deployment.scrape_interval_ms),
        "scrapeTimeout": format_duration(
            min(deployment.scrape_timeout_ms, deployment.scrape_interval_ms)
        ),
        "authorization": {"type": "Bearer", "credentials": {"name": secret, "key": key}},
        "relabelings": [
            # In a replacement `$` begins the number of a group; `$$` is the character.
            {"targetLabel": name, "replacement": value.replace("$", "$$")}
            for name, value in labels.items()
        ],
    }


def in_cluster_scrape(deployment: Deployment) -> dict[str, Any]:
    """Return the jobs for a Prometheus without the operator: one Hub, so its name is enough."""
    namespace = deployment.cluster.namespace
    scraped = replace(
        deployment,
        credentials_file=MOUNTED,
        labels={**deployment.labels, NAMESPACE: namespace},
    )
    jobs = scrape_configs(scraped)
    for job, place in zip(jobs, IN_CLUSTER, strict=False):  # the second is not always there
        job["scheme"] = "http"
        job["static_configs"][0]["targets"] = [place.format(namespace)]
    return {"scrape_configs": jobs}
