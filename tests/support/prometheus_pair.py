"""A real Prometheus and a real Alertmanager beside a Hub, with our rule files and our routing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.alerting.rules.pack import render_pack
from jupyterhub_monitoring.alerting.rules.pack_settings import default_parameters
from support.alertmanager import RealAlertmanager
from support.peers import find
from support.prometheus import RealPrometheus
from support.service_hub import PAGE, ServiceHub

ROUTING = """
route:
  receiver: hook
  group_by: [component, job, severity]
  group_wait: {wait}
  group_interval: {interval}
  repeat_interval: 4h
receivers:
  - name: hook
    webhook_configs: [{{url: "{url}"}}]
"""


@dataclass
class WatchingPrometheus(RealPrometheus):
    """Scrapes the Hub and the service as the service does itself, and evaluates our rules."""

    hub: ServiceHub | None = None
    alertmanager: str = ""
    evaluation: str = "5s"
    extra_rules: str = ""

    def config_text(self) -> str:
        hub = self.hub
        assert hub is not None
        rules = {**render_pack(default_parameters())}
        if self.extra_rules:
            rules["extra.yaml"] = self.extra_rules
        for name, text in rules.items():
            (self.folder / name).write_text(text)
        credentials = {"type": "token", "credentials": self.token}

        def job(name: str, instance: str, path: str) -> dict[str, Any]:
            static = {"targets": [f"127.0.0.1:{hub.port}"], "labels": {"instance": instance}}
            return {
                "job_name": name,
                "metrics_path": path,
                "authorization": credentials,
                "static_configs": [static],
            }

        timing = {
            "scrape_interval": self.interval,
            "scrape_timeout": self.interval,
            "evaluation_interval": self.evaluation,
        }
        return json.dumps(
            {
                "global": timing,
                "rule_files": [str(self.folder / name) for name in rules],
                "scrape_configs": [
                    job("jupyterhub", "hub", "/hub/metrics"),
                    job("jupyterhub-monitoring", "self", f"/{PAGE}metrics"),
                ],
                "alerting": {
                    "alertmanagers": [{"static_configs": [{"targets": [self.alertmanager]}]}]
                },
            }
        )


def beside(
    hub: ServiceHub,
    folder: Path,
    hook: str,
    *,
    scrape: str = "1s",
    evaluation: str = "5s",
    wait: str = "2s",
    rules: str = "",
) -> tuple[RealAlertmanager, WatchingPrometheus]:
    """Return both for *hub*, not started; *hook* is told, *rules* are evaluated too."""
    routing = ROUTING.format(wait=wait, interval=wait, url=hook)
    alertmanager = RealAlertmanager(folder / "alertmanager", routing)
    prometheus = WatchingPrometheus(
        str(find("prometheus")),
        folder / "prometheus",
        {},
        hub.token,
        scrape,
        hub=hub,
        alertmanager=f"127.0.0.1:{alertmanager.port}",
        evaluation=evaluation,
        extra_rules=rules,
    )
    return alertmanager, prometheus
