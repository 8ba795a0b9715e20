"""For Kubernetes: monitors, rules, dashboards, who may reach whom; beside the Helm chart's Hub.

The objects that are selected are those of zero-to-jupyterhub-k8s. `kubectl apply -k DIR` makes all
but the patches, which are for objects of others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

from .artefact import Artefacts, as_yaml, stamped
from .deployment import Deployment
from .kubernetes_scraping import OPERATOR, in_cluster_scrape, monitors
from .kubernetes_way_in import PATCHES, patches, usage_role, way_in
from .objects import NAME, Object, object_of
from .prometheus import rule_files

DASHBOARD_LABEL = {"grafana_dashboard": "1"}
"""What Grafana's sidecar looks for, in the charts of Grafana and kube-prometheus-stack."""

FOLDER = {"grafana_folder": "JupyterHub"}
"""The annotation that the sidecar takes for the folder, where its chart is told to."""


def kubernetes(deployment: Deployment, dashboards: Mapping[str, str]) -> Artefacts:
    """Return one file for each object. *dashboards* are texts of JSON by their files' names."""
    deployment = deployment.in_cluster()
    objects = _objects(deployment, dashboards)
    files = {path: as_yaml(content) for path, content in objects.items()}
    files["kustomization.yaml"] = as_yaml(_kustomization(list(objects)))
    files |= {path: as_yaml(content) for path, content in patches(deployment).items()}
    if not deployment.cluster.operator:
        files["scrape.yml"] = as_yaml(in_cluster_scrape(deployment))
    return {path: stamped(text, deployment.command, *_notes(path)) for path, text in files.items()}


def _objects(deployment: Deployment, dashboards: Mapping[str, str]) -> dict[str, Object]:
    operator = deployment.cluster.operator
    return {
        **(monitors(deployment) if operator else {}),
        **(_rule(deployment) if operator else _rule_map(deployment)),
        **way_in(deployment),
        **(usage_role(deployment) if deployment.service else {}),
        **_secret(deployment),
        **_dashboard_maps(deployment, dashboards),
    }


def _rule(deployment: Deployment) -> dict[str, Object]:
    groups: list[Any] = []
    for text in rule_files(deployment).values():
        groups += yaml.safe_load(text)["groups"]
    made = object_of(OPERATOR, "PrometheusRule", NAME, deployment, {"spec": {"groups": groups}})
    return {"prometheusrule.yaml": made}


def _rule_map(deployment: Deployment) -> dict[str, Object]:
    """Return the rules for a Prometheus that reads them from a folder."""
    data = {path.rpartition("/")[2]: text for path, text in rule_files(deployment).items()}
    return {
        "configmap-rules.yaml": object_of(
            "v1", "ConfigMap", f"{NAME}-rules", deployment, {"data": data}
        )
    }


def _secret(deployment: Deployment) -> dict[str, Object]:
    """Return our own Secret, where we were given a token; the chart has one otherwise."""
    if not deployment.cluster.token:
        return {}
    content = {"type": "Opaque", "stringData": {"token": deployment.cluster.token}}
    return {"secret.yaml": object_of("v1", "Secret", f"{NAME}-token", deployment, content)}


def _dashboard_maps(deployment: Deployment, dashboards: Mapping[str, str]) -> dict[str, Object]:
    """Return a ConfigMap for each dashboard: together they are more than one may hold."""
    found = {}
    for file, text in sorted(dashboards.items()):
        name = re.sub(r"[^a-z0-9]+", "-", file.removesuffix(".json").lower()).strip("-")
        made = object_of(
            "v1", "ConfigMap", f"{NAME}-{name}", deployment, {"data": {f"{name}.json": text}}
        )
        made["metadata"]["labels"] |= DASHBOARD_LABEL
        made["metadata"]["annotations"] = dict(FOLDER)
        found[f"dashboards/{name}.yaml"] = made
    return found


def _kustomization(paths: list[str]) -> Object:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": paths,
    }


def _notes(path: str) -> tuple[str, ...]:
    return ("", *NOTES[path]) if path in NOTES else ()


NOTES: Mapping[str, tuple[str, ...]] = {
    "kustomization.yaml": (
        "kubectl apply --server-side -k FOLDER",
        "(a dashboard may be longer than what an apply without --server-side notes on it)",
    ),
    "scrape.yml": (
        "For the scrape_configs of a Prometheus in the cluster. credentials_file is the token,",
        "mounted into its pod from a Secret.",
    ),
    "secret.yaml": (
        "The Hub has to know this token: hub.services.prometheus.apiToken in the chart's values.",
    ),
    **PATCHES,
}
