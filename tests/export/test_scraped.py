"""A real Prometheus with what we export, beside a real Hub."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterhub_monitoring.cli import main
from support.eventually import eventually
from support.peers import find
from support.prometheus import RealPrometheus
from support.real_hub import RealHub

CONFIG = """
c.JupyterHub.services.append({{"name": "prometheus", "api_token": {token!r}}})
c.JupyterHub.load_roles.append({{
    "name": "prometheus",
    "services": ["prometheus"],
    "scopes": ["read:metrics", "access:services!service=monitoring"],
}})
c.Monitoring.external_labels = {{"hub": "o'brien"}}
c.MonitoringRules.hub_label = "hub"
c.MonitoringScrape.interval_seconds = 1
c.MonitoringAlerts.evaluation_interval_seconds = 1
"""


class Exported(RealPrometheus):
    """A Prometheus with the configuration that lies in its folder."""

    def config_text(self) -> str:
        return (self.folder / "prometheus.yml").read_text()


@pytest.mark.peer("prometheus")
def test_it_scrapes_and_evaluates(make_hub: Callable[..., RealHub], tmp_path: Path):
    """With the exported files and nothing else both jobs are up, and the rules find the Hub."""
    token = secrets.token_hex(16)
    hub = make_hub(config=CONFIG.format(token=token), service=True).start()
    (tmp_path / "token").write_text(token)
    folder = tmp_path / "prometheus"
    arguments = ["export", "prometheus", "-f", str(hub.folder / "jupyterhub_config.py")]
    arguments += ["--output", str(folder), "--credentials-file", str(tmp_path / "token")]
    assert main(arguments) == 0
    with Exported(str(find("prometheus")), folder, {}, "") as prometheus:

        def up() -> dict[str, float]:
            found = prometheus.api("query", query='up{hub="o\'brien"}')["result"]
            return {row["metric"]["job"]: float(row["value"][1]) for row in found}

        both = {"jupyterhub": 1.0, "jupyterhub-monitoring": 1.0}
        eventually(lambda: up() == both, within_seconds=120)
        started = "hub:jupyterhub_start_time_seconds:max"
        labels = frozenset({("__name__", started), ("hub", "o'brien")})
        eventually(lambda: labels in prometheus.query(started), within_seconds=120)
        groups = prometheus.api("rules")["groups"]
        assert [rule for group in groups for rule in group["rules"] if rule.get("lastError")] == []
        alerts = prometheus.api("alerts")["alerts"]
        firing = {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}
        assert "JupyterHubWatchdog" in firing
        assert not firing & {"JupyterHubDown", "JupyterHubMonitoringDown"}
