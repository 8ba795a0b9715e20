"""Objects for Kubernetes: its schemas take them, and what they select is the chart's Hub.

No package has the schemas of Prometheus's operator without a plugin for pytest of its own, so
`MONITORS` and `ENDPOINT` have by hand what its reference lists.
"""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from jupyterhub_monitoring.alerting.rules.pack_settings import default_parameters
from jupyterhub_monitoring.export.deployment import Deployment
from jupyterhub_monitoring.export.kubernetes import kubernetes
from support.exported import HUBS, Hub, export, objects
from support.peers import find

OPERATOR = "monitoring.coreos.com/v1"
MONITORS = {"ServiceMonitor": "endpoints", "PodMonitor": "podMetricsEndpoints"}
ENDPOINT = {"port", "path", "interval", "scrapeTimeout", "authorization", "relabelings"}
SCRAPED = HUBS["without the operator"]

hubs = pytest.mark.parametrize("name", HUBS)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder with what is written for the Hub of that name, made once."""

    @cache
    def write(name: str) -> Path:
        folder = tmp_path_factory.mktemp("hub")
        token = folder / "token"
        token.write_text("0123456789abcdef\n")
        options = ("--token-file", str(token), "--namespace", "physics", "--label", "release=prom")
        return export(folder, "kubernetes", HUBS[name], *options)

    return write


def kinds(found: list[dict[str, Any]]) -> list[str]:
    return [one["kind"] for one in found]


def by_kind(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [one for one in objects(folder) if one["kind"] == kind]


@hubs
def test_kubernetes_takes_it(written: Callable[[str], Path], name: str):
    """Every object of Kubernetes' own kinds is valid by its schema, without a key too many."""
    own = [one for one in objects(written(name)) if one["apiVersion"] != OPERATOR]
    assert {"NetworkPolicy", "Secret"} <= set(kinds(own))
    for one in own:
        kubernetes_validate.validate(one, "1.31", strict=True)


def test_a_wrong_object_would_be_found(tmp_path: Path):
    """The schemas that are asked above refuse what is wrong."""
    policy = by_kind(export(tmp_path, "kubernetes"), "NetworkPolicy")[0]
    policy["spec"]["ingres"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(policy, "1.31", strict=True)


@hubs
def test_every_object_is_listed_and_in_the_namespace(written: Callable[[str], Path], name: str):
    """`kubectl apply -k` makes all that there is but the patches, in the Hub's namespace."""
    out = written(name)
    found = list(objects(out))
    files = {path.name for path in out.rglob("*.yaml")}
    patches = {"hub-probes.patch.yaml", "prometheus-pods.patch.yaml"}
    assert len(found) == len(files - patches - {"kustomization.yaml"})
    assert {one["metadata"]["namespace"] for one in found} == {"physics"}
    assert {one["metadata"]["labels"]["release"] for one in found} == {"prom"}
    names = [(one["kind"], one["metadata"]["name"]) for one in found]
    assert len(names) == len(set(names))


@pytest.mark.peer("promtool")
@hubs
def test_prometheus_takes_the_rules(written: Callable[[str], Path], tmp_path: Path, name: str):
    """`promtool check rules` accepts what a PrometheusRule, or the ConfigMap instead, holds."""
    out = written(name)
    if rules := by_kind(out, "PrometheusRule"):
        (one,) = rules
        assert one["apiVersion"] == OPERATOR
        assert set(one["spec"]) == {"groups"}
        held = {"rules.yaml": yaml.safe_dump(one["spec"])}
    else:
        held = by_kind(out, "ConfigMap")[0]["data"]
    for file, text in held.items():
        (tmp_path / file).write_text(text)
    done = subprocess.run(
        [find("promtool"), "check", "rules", *(tmp_path / file for file in held)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@hubs
def test_the_monitors_are_whole(written: Callable[[str], Path], name: str):
    """A monitor has a selector and one endpoint, with the keys that the operator knows."""
    hub = HUBS[name]
    monitors = [one for one in objects(written(name)) if one["kind"] in MONITORS]
    service = "Monitoring.service = False" not in hub.config
    wanted = [] if "--no-operator" in hub.options else list(MONITORS)[: 1 + service]
    assert kinds(monitors) == wanted
    for one in monitors:
        assert one["apiVersion"] == OPERATOR
        endpoints = MONITORS[one["kind"]]
        assert set(one["spec"]) == {"selector", endpoints}
        (endpoint,) = one["spec"][endpoints]
        assert set(endpoint) == ENDPOINT
        assert set(endpoint["authorization"]) == {"type", "credentials"}
        for rule in endpoint["relabelings"]:
            assert set(rule) == {"targetLabel", "replacement"}
            assert isinstance(rule["replacement"], str)


def test_the_chart_makes_the_token(tmp_path: Path):
    """Without a token of ours the monitors read the Secret of the chart; none is written."""
    out = export(tmp_path, "kubernetes")
    monitor = by_kind(out, "ServiceMonitor")[0]["spec"]["endpoints"][0]
    assert monitor["authorization"]["credentials"] == {
        "name": "hub",
        "key": "hub.services.prometheus.apiToken",
    }
    assert not by_kind(out, "Secret")


def test_a_token_of_ones_own(tmp_path: Path):
    """With --token-file the Secret has that token, and only the owner may read the file."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef\n")
    out = export(tmp_path, "kubernetes", HUBS["default"], "--token-file", str(token))
    secret = by_kind(out, "Secret")[0]
    assert secret["stringData"] == {"token": "0123456789abcdef"}
    used = by_kind(out, "ServiceMonitor")[0]["spec"]["endpoints"][0]["authorization"]
    assert used["credentials"] == {"name": secret["metadata"]["name"], "key": "token"}
    assert stat.S_IMODE((out / "secret.yaml").stat().st_mode) == 0o600


def test_labels_of_the_hub(tmp_path: Path):
    """Series get the job that the rules know and the Hub's labels; a dollar stays a dollar."""
    hub = HUBS["a Hub called o'brien"]
    monitor = by_kind(export(tmp_path, "kubernetes", hub), "ServiceMonitor")[0]
    rules = monitor["spec"]["endpoints"][0]["relabelings"]
    assert {rule["targetLabel"]: rule["replacement"] for rule in rules} == {
        "job": "jupyterhub",
        "hub": "o'brien",
        "cost": '$$5 \\ "a": #b',
        "n": "1e3",
    }


def test_hubs_are_told_apart_by_what_outlives_a_pod(tmp_path: Path):
    """In a cluster `instance` is a pod's address, so rules go by namespace, or a chosen label."""
    rule = by_kind(export(tmp_path, "kubernetes"), "PrometheusRule")[0]
    assert "by (job, namespace)" in str(rule)
    assert "instance" not in str(rule["spec"]["groups"])
    chosen = export(tmp_path / "b", "kubernetes", Hub('c.MonitoringRules.hub_label = "cluster"'))
    assert "by (job, cluster)" in str(by_kind(chosen, "PrometheusRule")[0])


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("config", ["", "c.Monitoring.service = False"], ids=["both", "the Hub"])
def test_without_the_operator(tmp_path: Path, config: str):
    """No object of the operator's kinds is made; a Prometheus takes the scrape configuration."""
    out = export(tmp_path, "kubernetes", Hub(config, SCRAPED.options), "--namespace", "physics")
    assert OPERATOR not in {one["apiVersion"] for one in objects(out)}
    text = (out / "scrape.yml").read_text()
    token = tmp_path / "token"
    token.write_text("x")
    mounted = "/etc/prometheus/secrets/jupyterhub-monitoring-token/token"
    assert mounted in text
    (tmp_path / "p.yml").write_text(text.replace(mounted, str(token)))
    done = subprocess.run(
        [find("promtool"), "check", "config", str(tmp_path / "p.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    targets = [job["static_configs"][0] for job in yaml.safe_load(text)["scrape_configs"]]
    hosts = ["hub.physics.svc:8081", "proxy-public.physics.svc:80"][: 1 if config else 2]
    assert [one["targets"] for one in targets] == [[host] for host in hosts]
    assert {one["labels"]["namespace"] for one in targets} == {"physics"}


def test_patches_know_the_base_path(tmp_path: Path):
    """The probes ask below the Hub's base path; the label is the one that the policy lets in."""
    hub = Hub('c.JupyterHub.base_url = "/jupyter/"')
    out = export(tmp_path, "kubernetes", hub)
    patch = yaml.safe_load((out / "hub-probes.patch.yaml").read_text())
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/jupyter/hub/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/jupyter/hub/health/live"
    label = yaml.safe_load((out / "prometheus-pods.patch.yaml").read_text())
    (policy,) = by_kind(out, "NetworkPolicy")
    (who,) = policy["spec"]["ingress"][0]["from"]
    assert label["spec"]["podMetadata"]["labels"] == who["podSelector"]["matchLabels"]


def test_dashboards_are_found_by_the_sidecar():
    """Each dashboard is a ConfigMap with the label that Grafana's sidecar looks for."""
    boards = {"Hub & spawns.json": json.dumps({"title": "Hub"}), "users.json": "{}"}
    files = kubernetes(Deployment(default_parameters()), boards)
    made = {path: yaml.safe_load(files[path]) for path in files if path.startswith("dashboards/")}
    assert list(made) == ["dashboards/hub-spawns.yaml", "dashboards/users.yaml"]
    for one in made.values():
        kubernetes_validate.validate(one, "1.31", strict=True)
        assert one["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert made["dashboards/hub-spawns.yaml"]["data"] == {"hub-spawns.json": '{"title": "Hub"}'}
    listed = yaml.safe_load(files["kustomization.yaml"])["resources"]
    assert set(made) <= set(listed)
