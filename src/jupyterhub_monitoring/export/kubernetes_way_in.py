"""Who may reach whom in the cluster: Prometheus the Hub, our service the pods, probes our pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .deployment import Deployment
from .objects import HUB_PODS, NAME, Object, object_of

ACCESS = {"hub.jupyter.org/network-access-hub": "true"}
"""The label of pods that the chart's NetworkPolicy lets in to the Hub."""

PORT = 8081

PATCHES: Mapping[str, tuple[str, ...]] = {
    "prometheus-pods.patch.yaml": (
        "The label with which the pods of Prometheus may reach the Hub. For the operator's object:",
        "kubectl patch prometheus NAME -n ITS-NAMESPACE --type merge --patch-file THIS-FILE",
        "With kube-prometheus-stack: prometheus.prometheusSpec.podMetadata in its values.",
    ),
    "hub-probes.patch.yaml": (
        "Probes that look into the Hub. The chart has no setting for their path:",
        "kubectl patch deployment hub -n NAMESPACE --patch-file THIS-FILE",
        "after each helm upgrade, or as a patch of a post-renderer.",
    ),
}


def way_in(deployment: Deployment) -> dict[str, Object]:
    """Return a NetworkPolicy that lets in pods with the label from other namespaces, too."""
    spec = {
        "podSelector": {"matchLabels": HUB_PODS},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": ACCESS}}],
                "ports": [{"port": PORT, "protocol": "TCP"}],
            }
        ],
    }
    made = object_of("networking.k8s.io/v1", "NetworkPolicy", NAME, deployment, {"spec": spec})
    return {"networkpolicy.yaml": made}


def usage_role(deployment: Deployment) -> dict[str, Object]:
    """Return what lets the service see users' pods and what they use."""
    rules = [
        {"apiGroups": [group], "resources": ["pods"], "verbs": ["list"]}
        for group in ("", "metrics.k8s.io")
    ]
    group, version = "rbac.authorization.k8s.io", "rbac.authorization.k8s.io/v1"
    binding: dict[str, Any] = {
        "roleRef": {"apiGroup": group, "kind": "Role", "name": NAME},
        "subjects": [
            {"kind": "ServiceAccount", "name": "hub", "namespace": deployment.cluster.namespace}
        ],
    }
    return {
        "role.yaml": object_of(version, "Role", NAME, deployment, {"rules": rules}),
        "rolebinding.yaml": object_of(version, "RoleBinding", NAME, deployment, binding),
    }


def patches(deployment: Deployment) -> dict[str, Object]:
    """Return patches of objects that are not ours, by file."""
    pods = {"spec": {"podMetadata": {"labels": ACCESS}}}
    health = f"{deployment.base_path}hub/health"
    probes = {
        "name": "hub",
        "livenessProbe": {"httpGet": {"path": f"{health}/live", "port": "http"}},
        "readinessProbe": {"httpGet": {"path": f"{health}/ready", "port": "http"}},
    }
    hub = {"spec": {"template": {"spec": {"containers": [probes]}}}}
    return dict(zip(PATCHES, (pods, hub), strict=True))
