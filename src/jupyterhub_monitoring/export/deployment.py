"""What files for other tools are made for: a Hub, how it is reached, and what its settings say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from ..alerting.rules.pack import HUB_LABEL, PackParameters

CHART_SECRET = ("hub", "hub.services.prometheus.apiToken")
"""Where zero-to-jupyterhub-k8s keeps the token of a service `prometheus`: Secret and key."""

NAMESPACE = "namespace"
"""The label that tells Hubs apart in a cluster: a pod's address changes when the Hub restarts."""


@dataclass(frozen=True)
class Telling:
    """Who is told of alerts, as `c.Monitoring` and `c.MonitoringAlerts` say. It may hold secrets.

    *routing_text* is the operator's own Alertmanager configuration, its secrets hidden;
    *routing_file* is where it stands. Both are empty where there is none.
    """

    notify: tuple[str, ...] = field(default=(), repr=False)
    receivers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    alertmanagers: tuple[str, ...] = field(default=(), repr=False)
    routing_file: str = ""
    routing_text: str = field(default="", repr=False)
    group_wait_ms: int = 30_000
    group_interval_ms: int = 300_000
    repeat_interval_ms: int = 14_400_000


@dataclass(frozen=True)
class Cluster:
    """Where in Kubernetes the Hub runs, and who watches it.

    *labels* are those by which the operator finds monitors and rules. *token*, when it is given,
    goes into a Secret of our own; else the chart's is used.
    """

    namespace: str = "jhub"
    operator: bool = True  # Prometheus's operator is there, with its kinds of objects
    labels: Mapping[str, str] = field(default_factory=dict)
    token: str = field(default="", repr=False)


@dataclass(frozen=True)
class Grafana:
    """Where dashboards go. *datasource* is the uid of a data source; "" takes Grafana's default."""

    datasource: str = ""
    folder: str = "JupyterHub"


@dataclass(frozen=True)
class Deployment:
    """One Hub. *hub_url* has its base path; *labels* are on everything that is scraped of it.

    *settings* are lines of Python for `jupyterhub_config.py` that say what differs from defaults.
    *command* is what makes the files again.
    """

    pack: PackParameters
    command: str = "jupyterhub-monitoring export all --output DIR"
    hub_url: str = "http://127.0.0.1:8000/"
    service: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    scrape_interval_ms: int = 15_000
    scrape_timeout_ms: int = 10_000
    evaluation_interval_ms: int = 15_000
    credentials_file: str = "/etc/prometheus/jupyterhub.token"
    telling: Telling = field(default_factory=Telling)
    cluster: Cluster = field(default_factory=Cluster)
    grafana: Grafana = field(default_factory=Grafana)
    settings: tuple[str, ...] = ()

    @property
    def base_path(self) -> str:
        """The path of the Hub's address, with a slash at both ends."""
        return f"/{urlsplit(self.hub_url).path.strip('/')}/".replace("//", "/")

    @property
    def hub_metrics_path(self) -> str:
        """Where the Hub's metrics are."""
        return f"{self.base_path}hub/metrics"

    @property
    def service_metrics_path(self) -> str:
        """Where the monitoring service's metrics are."""
        return f"{self.base_path}services/monitoring/metrics"

    def in_cluster(self) -> Deployment:
        """Return the same for a Prometheus in the cluster: Hubs are told apart by namespace."""
        if self.pack.hub_label != HUB_LABEL:
            return self
        return replace(self, pack=replace(self.pack, hub_label=NAMESPACE))
