"""What `jupyterhub-monitoring export TOOL` writes, for Hubs that are as usual and for odd ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from jupyterhub_monitoring.cli import main


@dataclass(frozen=True)
class Hub:
    """A Hub: its `jupyterhub_config.py`, and options of the command."""

    config: str = ""
    options: tuple[str, ...] = ()


HUBS = {
    "default": Hub(),
    "another prefix": Hub(options=("--prefix", "jhub_prod")),
    "a Hub called o'brien": Hub(
        """
c.Monitoring.external_labels = {"hub": "o'brien", "cost": '$5 \\\\ "a": #b', "n": "1e3"}
c.MonitoringRules.hub_label = "hub"
"""
    ),
    "no service": Hub("c.Monitoring.service = False\n"),
    "one job for both": Hub('c.MonitoringRules.service_job = "jupyterhub"\n'),
    "without the operator": Hub(options=("--no-operator",)),
    "all of it at once": Hub(
        """import jupyterhub_monitoring
c.JupyterHub.bind_url = "http://:8443/jupyter/"
c.Monitoring.service = False
c.Monitoring.external_labels = {"hub": "o'brien", "instance": "no"}
c.Monitoring.alertmanagers = ["https://u:geheim@alerts.example.org/am", "http://b:9093"]
c.MonitoringScrape.interval_seconds = 5
c.MonitoringRules.memory_warning_ratio = 0.7
c.MonitoringRules.disabled = ["JupyterHubWatchdog"]
c.MonitoringHealth.extra_checks = {"mine": lambda app: None}
jupyterhub_monitoring.setup(c)
""",
        ("--prefix", "jhub_prod", "--job", "o'brien's hub"),
    ),
}


def export(folder: Path, tool: str, hub: Hub = HUBS["default"], *options: str) -> Path:
    """Run `export TOOL`; return the folder of what it wrote."""
    config = folder / "jupyterhub_config.py"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(hub.config)
    more = () if hub.options[:1] == ("--no-operator",) and not has_cluster(tool) else hub.options
    out = folder / "out"
    arguments = ["export", tool, "--output", str(out), "-f", str(config), *more, *options]
    assert main(arguments) == 0
    return out


def has_cluster(tool: str) -> bool:
    """Whether *tool* has options about Kubernetes."""
    return tool in {"kubernetes", "all"}


def texts(folder: Path) -> dict[str, str]:
    """Return each file below *folder*, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def objects(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects that `kubectl apply -k` would make, in its order."""
    listed = yaml.safe_load((folder / "kustomization.yaml").read_text())
    for path in listed["resources"]:
        yield yaml.safe_load((folder / path).read_text())
