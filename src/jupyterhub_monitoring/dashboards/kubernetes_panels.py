"""Panels of a Hub in Kubernetes, by what kube-state-metrics and cAdvisor tell of its namespace.

These are not made by us: a cluster's Prometheus has them, our service does not.
"""

from __future__ import annotations

from .panel import Curve, Fold, Kind, Panel, Tone
from .unit import Unit

_HERE = 'namespace="$namespace"'
_USERS = f'{_HERE},pod=~"jupyter-.*"'
_PARTS = f'{_HERE},pod!~"jupyter-.*"'
_NO_METRICS = "Nothing was recorded: it needs kube-state-metrics and cAdvisor."

PODS = Panel(
    "pods",
    "What phase the pods are in",
    "Pending for minutes is a cluster without room, or an image that cannot be pulled; Failed are"
    " pods that were evicted or ended.",
    Unit.COUNT,
    (Curve(f"sum by (phase) (kube_pod_status_phase{{{_HERE}}}) > 0", "{{phase}}"),),
    empty=_NO_METRICS,
)
POD_WAITS = Panel(
    "pod-waits",
    "What containers wait for",
    "ImagePullBackOff is a wrong or secret image, CrashLoopBackOff a program that ends at its"
    " start. `kubectl describe pod` tells more.",
    Unit.COUNT,
    (
        Curve(
            f"sum by (reason) (kube_pod_container_status_waiting_reason{{{_HERE}}}) > 0",
            "{{reason}}",
        ),
    ),
    empty="No container waited in this time.",
)
POD_RESTARTS = Panel(
    "pod-restarts",
    "Which parts of the Hub are restarted",
    "Hub, proxy and the like: each restart of the proxy cuts off everybody's notebooks for a"
    " moment.",
    Unit.COUNT,
    (
        Curve(
            "sum by (container) (increase("
            f"kube_pod_container_status_restarts_total{{{_PARTS}}}[$events])) * $scale",
            "{{container}}",
        ),
    ),
    Kind.BARS,
    empty=_NO_METRICS,
)
POD_ENDS = Panel(
    "pod-ends",
    "Why containers ended last",
    "OOMKilled is a memory limit that was reached: for a person a kernel that died, for the Hub a"
    " restart.",
    Unit.COUNT,
    (
        Curve(
            f"sum by (reason) (kube_pod_container_status_last_terminated_reason{{{_HERE}}}) > 0",
            "{{reason}}",
        ),
    ),
    empty="No container ended and was started anew.",
)
PARTS_MEMORY = Panel(
    "parts-memory",
    "How much memory the parts of the Hub take",
    "Hub, proxy, scheduler and the like, as the kernel counts what cannot be given back.",
    Unit.BYTES,
    (
        Curve(
            "sum by (pod) (container_memory_working_set_bytes"
            f'{{{_PARTS},container!="",container!="POD"}})',
            "{{pod}}",
        ),
    ),
    fold=Fold.SUM,
    empty=_NO_METRICS,
)
PARTS_CPU = Panel(
    "parts-cpu",
    "How much processor the parts of the Hub take",
    "The Hub is one process: near one core it is at its end.",
    Unit.CORES,
    (
        Curve(
            "sum by (pod) (rate(container_cpu_usage_seconds_total"
            f'{{{_PARTS},container!="",container!="POD"}}[$window]))',
            "{{pod}}",
        ),
    ),
    fold=Fold.SUM,
    empty=_NO_METRICS,
)
USER_PODS_MEMORY = Panel(
    "user-pods-memory",
    "What users' pods use of their memory",
    "In use, kept free by the scheduler (requests), and the limits. Requests far above the use are"
    " nodes that are paid for and idle.",
    Unit.BYTES,
    (
        Curve(
            f'sum(container_memory_working_set_bytes{{{_USERS},container!="",container!="POD"}})',
            "in use",
        ),
        Curve(
            f'sum(kube_pod_container_resource_requests{{{_USERS},resource="memory"}})',
            "kept free",
        ),
        Curve(f'sum(kube_pod_container_resource_limits{{{_USERS},resource="memory"}})', "limits"),
    ),
    empty=_NO_METRICS,
)
USER_PODS_CPU = Panel(
    "user-pods-cpu",
    "What users' pods use of their processor",
    "In use, kept free by the scheduler (requests), and the limits.",
    Unit.CORES,
    (
        Curve(
            "sum(rate(container_cpu_usage_seconds_total"
            f'{{{_USERS},container!="",container!="POD"}}[$window]))',
            "in use",
        ),
        Curve(f'sum(kube_pod_container_resource_requests{{{_USERS},resource="cpu"}})', "kept free"),
        Curve(f'sum(kube_pod_container_resource_limits{{{_USERS},resource="cpu"}})', "limits"),
    ),
    empty=_NO_METRICS,
)
PODS_BY_NODE = Panel(
    "pods-by-node",
    "How users' pods are spread over nodes",
    "Nodes with one or two are nodes that could be emptied: the chart's user scheduler packs them.",
    Unit.COUNT,
    (Curve(f'sum by (node) (kube_pod_info{{{_USERS},node!=""}})', "{{node}}"),),
    empty=_NO_METRICS,
)
NODE_MEMORY = Panel(
    "node-memory",
    "How much of each node's memory is promised",
    "To all pods on it, of other namespaces too. At 100 % no further pod is put there.",
    Unit.RATIO,
    (
        Curve(
            'sum by (node) (kube_pod_container_resource_requests{resource="memory",node!=""})'
            ' / sum by (node) (kube_node_status_allocatable{resource="memory"})',
            "{{node}}",
        ),
    ),
    empty=_NO_METRICS,
)
VOLUMES = Panel(
    "volumes",
    "How full the volumes are",
    "The Hub's database and people's homes. A full one stops the Hub, or keeps its owner from"
    " saving.",
    Unit.RATIO,
    (
        Curve(
            "max by (persistentvolumeclaim) (1 - kubelet_volume_stats_available_bytes"
            f"{{{_HERE}}} / kubelet_volume_stats_capacity_bytes{{{_HERE}}})",
            "{{persistentvolumeclaim}}",
        ),
    ),
    empty="The kubelet tells of no volume here.",
)
HUB_CONTAINER = Panel(
    "hub-memory-limit",
    "How near the Hub's container is to its limit",
    "At the dashed line the kernel ends it, and everybody sees an error until it is back.",
    Unit.BYTES,
    (
        Curve(
            f'max(container_memory_working_set_bytes{{{_HERE},pod=~"hub-.*",container="hub"}})',
            "in use",
        ),
        Curve(
            "max(kube_pod_container_resource_limits"
            f'{{{_HERE},pod=~"hub-.*",container="hub",resource="memory"}})',
            "limit",
            Tone.LIMIT,
        ),
    ),
    empty=_NO_METRICS,
)
