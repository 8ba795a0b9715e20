"""For zero-to-jupyterhub-k8s: values with which the chart's Hub is monitored."""

from __future__ import annotations

from typing import Any

from .artefact import Artefacts, as_yaml, stamped
from .deployment import Deployment

STOCK_PREFIX, PREFIX_VARIABLE = "jupyterhub", "JUPYTERHUB_METRICS_PREFIX"

NOTES = (
    "",
    "helm upgrade RELEASE jupyterhub/jupyterhub --reuse-values --values THIS-FILE",
    "hub.image: build it once, FROM the chart's own, with: pip install jupyterhub-monitoring",
    "hub.services.prometheus: the chart makes its token and keeps it in the Secret `hub`.",
    "Probes on /hub/health/ready and /live: the chart has no setting for their path; export",
    "kubernetes makes a patch.",
)


def helm(deployment: Deployment) -> Artefacts:
    """Return `values.yaml`."""
    return {"values.yaml": stamped(as_yaml(_values(deployment)), deployment.command, *NOTES)}


def _values(deployment: Deployment) -> dict[str, Any]:
    scopes = ["read:metrics"]
    if deployment.service:
        scopes.append("access:services!service=monitoring")
    hub: dict[str, Any] = {
        "image": {"name": "YOUR-REGISTRY/k8s-hub-monitoring", "tag": "YOUR-CHART-VERSION"},
        "extraConfig": {"jupyterhub-monitoring": _config(deployment)},
        "services": {"prometheus": {}},
        "loadRoles": {"prometheus": {"services": ["prometheus"], "scopes": scopes}},
    }
    if deployment.pack.prefix != STOCK_PREFIX:
        hub["extraEnv"] = {PREFIX_VARIABLE: deployment.pack.prefix}
    return {"hub": hub}


def _config(deployment: Deployment) -> str:
    """Return the code that the chart adds to the Hub's configuration."""
    lines = [
        "import jupyterhub_monitoring",
        *deployment.settings,
        "jupyterhub_monitoring.setup(c)",
    ]
    return "\n".join(lines) + "\n"
