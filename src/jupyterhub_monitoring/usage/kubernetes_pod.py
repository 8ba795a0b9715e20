"""What the Kubernetes API tells of a user's pod, as far as we use it.

Shapes: `Pod` of v1 and `PodMetrics` of metrics.k8s.io/v1beta1. Only what is kept here stays in
memory, a page of pods itself does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

from .kubernetes_quantity import quantity
from .model import ServerKey

USERNAME = "hub.jupyter.org/username"
SERVER_NAME = "hub.jupyter.org/servername"

MAIN_CONTAINER = "notebook"
"""KubeSpawner's name of the container that the server runs in; others are sidecars."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. Sums are over all containers that run beside each other; None is "not set".

    *owner* is whose pod KubeSpawner says it is, None where it does not say. *oom_killed* are the
    containers of which the last end that is known was the OOM killer's, by ids that no two ends
    share.
    """

    owner: ServerKey | None
    image: str
    node: str
    cpu_limit_cores: float | None
    memory_limit_bytes: float | None
    cpu_request_cores: float | None
    memory_request_bytes: float | None
    restarts: float
    oom_killed: frozenset[str]


@dataclass(frozen=True, slots=True)
class PodMetrics:
    """What a pod uses: cores over a window of the metrics server's, and the working set."""

    cpu_cores: float
    memory_bytes: float


def name_of(item: Mapping[str, Any]) -> str:
    """Return the name of what a list holds. `KeyError`, `TypeError` where it has none."""
    return str(item["metadata"]["name"])


def read_pod(item: Mapping[str, Any]) -> Pod:
    """Read a `Pod`. `LookupError`, `TypeError`, `ValueError`, `AttributeError` if it is none."""
    spec, status = item["spec"], item.get("status") or {}
    together = [*spec["containers"], *filter(_is_sidecar, spec.get("initContainers") or ())]
    main = next((c for c in together if c["name"] == MAIN_CONTAINER), together[0])
    statuses = [
        *(status.get("containerStatuses") or ()),
        *(status.get("initContainerStatuses") or ()),
    ]
    return Pod(
        _owner(item["metadata"].get("annotations") or {}),
        str(main.get("image") or ""),
        str(spec.get("nodeName") or ""),
        _limit(together, "cpu"),
        _limit(together, "memory"),
        _request(together, "cpu"),
        _request(together, "memory"),
        float(sum(status["restartCount"] for status in statuses)),
        frozenset(end for status in statuses for end in _oom_ends(item, status)),
    )


def read_metrics(item: Mapping[str, Any]) -> PodMetrics:
    """Read a `PodMetrics`. Raises as `read_pod`."""
    used = [container["usage"] for container in item["containers"]]
    if not used:
        raise ValueError("metrics of no container")
    return PodMetrics(
        fsum(quantity(usage["cpu"]) for usage in used),
        fsum(quantity(usage["memory"]) for usage in used),
    )


def _is_sidecar(init_container: Mapping[str, Any]) -> bool:
    """Whether a container that starts before the others stays beside them."""
    return init_container.get("restartPolicy") == "Always"


def _owner(annotations: Mapping[str, Any]) -> ServerKey | None:
    if USERNAME not in annotations:
        return None
    return ServerKey(str(annotations[USERNAME]), str(annotations.get(SERVER_NAME) or ""))


def _resource(container: Mapping[str, Any], kind: str, resource: str) -> float | None:
    found = ((container.get("resources") or {}).get(kind) or {}).get(resource)
    return None if found is None else quantity(str(found))


def _limit(containers: Iterable[Mapping[str, Any]], resource: str) -> float | None:
    """Return the sum; one container without a limit makes the pod one without."""
    limits = [_resource(container, "limits", resource) for container in containers]
    known = [limit for limit in limits if limit is not None]
    return fsum(known) if len(known) == len(limits) else None


def _request(containers: Iterable[Mapping[str, Any]], resource: str) -> float | None:
    known = [r for c in containers if (r := _resource(c, "requests", resource)) is not None]
    return fsum(known) if known else None


def _oom_ends(pod: Mapping[str, Any], status: Mapping[str, Any]) -> Iterable[str]:
    for state in (status.get("state"), status.get("lastState")):
        ended = (state or {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            which = ended.get("containerID") or ended.get("finishedAt") or ""
            yield f"{pod['metadata'].get('uid')}/{status['name']}/{which}"
