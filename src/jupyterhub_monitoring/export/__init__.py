"""The same metrics, rules and dashboards as files for Prometheus, Alertmanager, Kubernetes, Helm.

An exporter is a function from a `Deployment` to texts by their paths: nothing is read or written.
The same deployment gives the same bytes.
"""

from .artefact import Artefacts, stamped
from .deployment import Cluster, Deployment, Telling

__all__ = ["Artefacts", "Cluster", "Deployment", "Telling", "stamped"]
