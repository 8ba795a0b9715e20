"""What all objects for Kubernetes have: kind, name, namespace, labels."""

from __future__ import annotations

from typing import Any

from .deployment import Deployment

NAME = "jupyterhub-monitoring"

HUB_PODS = {"app": "jupyterhub", "component": "hub"}
PROXY_PODS = {"app": "jupyterhub", "component": "proxy"}
"""Labels that zero-to-jupyterhub-k8s puts on its objects."""

Object = dict[str, Any]


def object_of(
    version: str, kind: str, name: str, deployment: Deployment, content: Object
) -> Object:
    """Return an object in the Hub's namespace, with the labels that all of ours have."""
    labels = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "jupyterhub"}
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": deployment.cluster.namespace,
            "labels": {**labels, **deployment.cluster.labels},
        },
        **content,
    }
