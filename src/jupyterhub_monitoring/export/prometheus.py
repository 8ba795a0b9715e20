"""For a Prometheus: what it scrapes, with which token, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ..alerting.rules.pack import render_pack
from ..promql.numbers import format_duration
from .artefact import Artefacts, as_yaml, stamped
from .deployment import Deployment

RULES = "rules"
OWN_LABELS = ("job", "instance")
"""A series has them itself: `c.Monitoring.external_labels` of these names change nothing."""


def prometheus(deployment: Deployment) -> Artefacts:
    """Return `prometheus.yml` and the rule files that it names."""
    rules = rule_files(deployment)
    config = {
        "global": {
            "scrape_interval": format_duration(deployment.scrape_interval_ms),
            "scrape_timeout": format_duration(_timeout_ms(deployment)),
            "evaluation_interval": format_duration(deployment.evaluation_interval_ms),
        },
        "rule_files": list(rules),
        "alerting": {"alertmanagers": list(_alertmanagers(deployment))},
        "scrape_configs": scrape_configs(deployment),
    }
    made = stamped(
        as_yaml(config),
        deployment.command,
        f"{deployment.credentials_file} holds a token with the scope read:metrics"
        + (" and access:services!service=monitoring." if deployment.service else "."),
        "Where you have a prometheus.yml, take rule_files and scrape_configs from this one.",
    )
    return {"prometheus.yml": made, **rules}


def rule_files(deployment: Deployment) -> dict[str, str]:
    """Return the rule files, by their paths beside `prometheus.yml`."""
    again = f"# To make it again: {deployment.command}\n"
    return {f"{RULES}/{name}": again + text for name, text in render_pack(deployment.pack).items()}


def scrape_configs(deployment: Deployment) -> list[dict[str, Any]]:
    """Return the jobs: the Hub, and the monitoring service where there is one."""
    jobs = [(deployment.pack.hub_job, deployment.hub_metrics_path)]
    if deployment.service:
        jobs.append((deployment.pack.service_job, deployment.service_metrics_path))
    return [_job(name, path, deployment) for name, path in jobs]


def series_labels(deployment: Deployment) -> Mapping[str, str]:
    """Return the labels that all series of the Hub get, in the order of their names."""
    return {
        name: value for name, value in sorted(deployment.labels.items()) if name not in OWN_LABELS
    }


def _job(name: str, path: str, deployment: Deployment) -> dict[str, Any]:
    at = urlsplit(deployment.hub_url)
    target: dict[str, Any] = {"targets": [at.netloc]}
    labels = dict(series_labels(deployment))
    job_name = name
    if path == deployment.service_metrics_path and name == deployment.pack.hub_job:
        job_name, labels["job"] = f"{name} (service)", name  # no two may be called alike
    if labels:
        target["labels"] = labels
    return {
        "job_name": job_name,
        "scheme": at.scheme,
        "metrics_path": path,
        "authorization": {"credentials_file": deployment.credentials_file},
        "static_configs": [target],
    }


def _timeout_ms(deployment: Deployment) -> int:
    """Return the time-out of a scrape; Prometheus takes none that is above the interval."""
    return min(deployment.scrape_timeout_ms, deployment.scrape_interval_ms)


def _alertmanagers(deployment: Deployment) -> Iterator[dict[str, Any]]:
    """Yield whom Prometheus tells: the operator's, or one where Debian has it."""
    for url in deployment.telling.alertmanagers or ("http://127.0.0.1:9093",):
        at = urlsplit(url)
        host = at.netloc.rpartition("@")[2]  # who before it has a password
        entry: dict[str, Any] = {"scheme": at.scheme}
        if path := at.path.rstrip("/"):
            entry["path_prefix"] = path
        yield {**entry, "static_configs": [{"targets": [host]}]}
