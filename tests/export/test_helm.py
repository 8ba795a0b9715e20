"""Values for zero-to-jupyterhub-k8s: shaped as the chart wants them, and their code runs.

The chart's `values.schema.yaml` is in no package; what is checked of it here is written by hand.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from traitlets.config import Config

from jupyterhub_monitoring.configuration import only_reading
from support.exported import HUBS, Hub, export

# Keys below `hub` that the chart has, and what stands there.
CHART = {
    "image": dict,
    "extraConfig": dict,
    "extraEnv": dict,
    "services": dict,
    "loadRoles": dict,
}


def values(folder: Path, hub: Hub) -> dict[str, Any]:
    text = (export(folder, "helm", hub) / "values.yaml").read_text()
    said = yaml.safe_load(text)
    assert list(said) == ["hub"]
    return said["hub"]


def run(code: str) -> Config:
    """Run what the chart adds to the Hub's configuration, as the chart does: with `c`."""
    c = Config()
    with only_reading():
        exec(code, {"c": c})
    return c


@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_the_chart_knows_it(tmp_path: Path, hub: Hub):
    """Only keys of the chart are used, with values of its types; the added code runs."""
    said = values(tmp_path, hub)
    for key, value in said.items():
        assert isinstance(value, CHART[key]), key
    for code in said["extraConfig"].values():
        run(code)


def test_prometheus_gets_its_scopes(tmp_path: Path):
    """The service `prometheus` may read the Hub's metrics and, if there is one, the service's."""
    said = values(tmp_path, Hub())
    assert said["services"] == {"prometheus": {}}
    role = said["loadRoles"]["prometheus"]
    assert role == {
        "services": ["prometheus"],
        "scopes": ["read:metrics", "access:services!service=monitoring"],
    }
    without = values(tmp_path / "b", HUBS["no service"])
    assert without["loadRoles"]["prometheus"]["scopes"] == ["read:metrics"]


def test_the_prefix_is_a_variable(tmp_path: Path):
    """Another prefix is set where the Hub reads it, before any of its code."""
    said = values(tmp_path, HUBS["another prefix"])
    assert said["extraEnv"] == {"JUPYTERHUB_METRICS_PREFIX": "jhub_prod"}
    assert "extraEnv" not in values(tmp_path / "b", Hub())


def test_settings_go_along(tmp_path: Path):
    """What is set in the configuration is set in the values; secrets and code are named only."""
    config = HUBS["all of it at once"].config + (
        'c.Monitoring.notify = ["https://hook.example.org/S3cretSauce"]\n'
        'c.MonitoringScrape.targets = [{"url": "http://a", "job": "a", "token": "S3cretSauce"}]\n'
        'c.MonitoringRules.for_seconds.update({"JupyterHubDown": 60})\n'
    )
    code = values(tmp_path, Hub(config))["extraConfig"]["jupyterhub-monitoring"]
    assert "S3cretSauce" not in code
    assert "geheim" not in code
    for left_out in (
        "Monitoring.notify",
        "Monitoring.alertmanagers",
        "MonitoringScrape.targets",
        "MonitoringHealth.extra_checks",
    ):
        assert f"# c.{left_out} is left out: it " in code
    c = run(code)
    assert c.Monitoring.external_labels == {"hub": "o'brien", "instance": "no"}
    assert c.Monitoring.service is False
    assert c.MonitoringRules.memory_warning_ratio == 0.7
    assert c.MonitoringRules.for_seconds == {"JupyterHubDown": 60}
