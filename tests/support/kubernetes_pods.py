"""Pods as KubeSpawner makes them and the API shows them, and what the metrics server says."""

from __future__ import annotations

from typing import Any

LABELS = {"app": "jupyterhub", "component": "singleuser-server"}
RESOURCES = {
    "limits": {"cpu": "2", "memory": "1Gi"},
    "requests": {"cpu": "250m", "memory": "512Mi"},
}


def container(name: str = "notebook", **fields: Any) -> dict[str, Any]:
    """A container of a pod's spec."""
    return {
        "name": name,
        "image": f"quay.io/example/{name}:2026-11",
        "resources": RESOURCES,
        **fields,
    }


def status_of(name: str = "notebook", restarts: int = 0, **fields: Any) -> dict[str, Any]:
    """A container's part of a pod's status; running, unless *fields* say otherwise."""
    running = {"running": {"startedAt": "2026-11-23T10:00:05Z"}}
    return {
        "name": name,
        "ready": True,
        "restartCount": restarts,
        "containerID": f"containerd://{name}-{restarts}",
        "state": running,
        "lastState": {},
        **fields,
    }


def ended(reason: str, container_id: str, code: int = 137) -> dict[str, Any]:
    """How a container ended, for `state` or `lastState`."""
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": "2026-11-23T10:00:05Z",
            "finishedAt": "2026-11-23T11:00:00Z",
            "containerID": container_id,
        }
    }


def pod(
    username: str = "ann", server_name: str = "", *, namespace: str = "hub", **spec: Any
) -> dict[str, Any]:
    """The pod of a user's server, running on node-1."""
    name = f"jupyter-{username}{f'--{server_name}' if server_name else ''}"
    annotations = {"hub.jupyter.org/username": username}
    if server_name:
        annotations["hub.jupyter.org/servername"] = server_name
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "labels": LABELS,
            "annotations": annotations,
        },
        "spec": {"nodeName": "node-1", "containers": [container()], **spec},
        "status": {
            "phase": "Running",
            "startTime": "2026-11-23T10:00:00Z",
            "containerStatuses": [status_of()],
        },
    }


def metrics(of: dict[str, Any], **usage: tuple[str, str]) -> dict[str, Any]:
    """What the metrics server saw of a pod: CPU and memory of each container by its name."""
    used = usage or {"notebook": ("250m", "128Mi")}
    return {
        "metadata": {**of["metadata"], "creationTimestamp": "2026-11-23T12:00:00Z"},
        "timestamp": "2026-11-23T11:59:50Z",
        "window": "15.1s",
        "containers": [
            {"name": name, "usage": {"cpu": cpu, "memory": memory}}
            for name, (cpu, memory) in used.items()
        ],
    }


def state_of(of: dict[str, Any]) -> dict[str, Any]:
    """What KubeSpawner records of a server."""
    name, namespace = of["metadata"]["name"], of["metadata"]["namespace"]
    return {
        "kubespawner_version": "7.1.0",
        "pod_name": name,
        "namespace": namespace,
        "dns_name": f"{name}.{namespace}.svc.cluster.local",
    }
