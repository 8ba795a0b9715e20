"""A Hub whose pages ask an engine beside it, which scrapes it: Prometheus or VictoriaMetrics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.ports import free_port
from support.prometheus_pair import WatchingPrometheus
from support.service_hub import PAGE, ServiceHub
from support.victoria_metrics import RealVictoriaMetrics

from .peers import find

ENGINES = ("prometheus", "victoria-metrics")
SCRAPE = 1
CONFIG = """
c.Monitoring.prometheus_url = {url!r}
c.MonitoringPrometheus.scrape_interval_seconds = {scrape}
c.MonitoringUsage.interval_seconds = 2
"""


def hub_beside(name: str, folder: Path, config: str) -> tuple[ServiceHub, Engine]:
    """Return a Hub and the engine called *name*, both not started yet."""
    hub = ServiceHub(folder / "hub", config=config)
    engine: Engine = (_prometheus if name == "prometheus" else _victoria_metrics)(hub, folder)
    hub.config += CONFIG.format(url=f"http://127.0.0.1:{engine.port}/", scrape=SCRAPE)
    return hub, engine


Engine = WatchingPrometheus | RealVictoriaMetrics


def _prometheus(hub: ServiceHub, folder: Path) -> WatchingPrometheus:
    return WatchingPrometheus(
        str(find("prometheus")),
        folder / "prometheus",
        {},
        hub.token,
        f"{SCRAPE}s",
        hub=hub,
        alertmanager=f"127.0.0.1:{free_port()}",
        evaluation="2s",
    )


def _victoria_metrics(hub: ServiceHub, folder: Path) -> RealVictoriaMetrics:
    def job(name: str, path: str) -> dict[str, Any]:
        return {
            "job_name": name,
            "metrics_path": path,
            "authorization": {"type": "token", "credentials": hub.token},
            "static_configs": [{"targets": [f"127.0.0.1:{hub.port}"]}],
        }

    timing = {"scrape_interval": f"{SCRAPE}s", "scrape_timeout": f"{SCRAPE}s"}
    jobs = [job("hub", "/hub/metrics"), job("its-monitoring", f"/{PAGE}metrics")]
    place = folder / "victoria-metrics"
    place.mkdir(parents=True)
    config = place / "scrape.yml"
    config.write_text(json.dumps({"global": timing, "scrape_configs": jobs}))  # JSON is YAML
    flags = (f"-promscrape.config={config}", f"-search.latencyOffset={SCRAPE}s")
    return RealVictoriaMetrics(place, flags)
