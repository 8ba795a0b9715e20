"""Everything that can be made, by the word that asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .alertmanager import alertmanager
from .artefact import Artefacts
from .deployment import Deployment
from .grafana import dashboards, grafana
from .helm import helm
from .kubernetes import kubernetes
from .prometheus import prometheus

Exporter = Callable[[Deployment], Artefacts]


EXPORTERS: Mapping[str, Exporter] = {
    "grafana": grafana,
    "prometheus": prometheus,
    "alertmanager": alertmanager,
    "kubernetes": lambda deployment: kubernetes(deployment, dashboards(deployment.in_cluster())),
    "helm": helm,
}

EVERYTHING = "all"


def files_of(target: str, deployment: Deployment) -> Artefacts:
    """Return the files of *target*; of `all`, each target's in a folder of its name."""
    if target != EVERYTHING:
        return EXPORTERS[target](deployment)
    return {
        f"{name}/{path}": text
        for name, make in EXPORTERS.items()
        for path, text in make(deployment).items()
    }
