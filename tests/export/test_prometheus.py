"""Files for a Prometheus: it takes them, and they say what the Hub's settings say."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.exported import HUBS, Hub, export
from support.peers import find


def promtool(*arguments: object) -> str:
    done = subprocess.run(
        [find("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def config_of(folder: Path, hub: Hub, *options: str) -> dict[str, Any]:
    text = (export(folder, "prometheus", hub, *options) / "prometheus.yml").read_text()
    return yaml.safe_load(text)


@pytest.mark.peer("promtool")
@pytest.mark.parametrize("hub", HUBS.values(), ids=HUBS)
def test_prometheus_takes_it(tmp_path: Path, hub: Hub):
    """`promtool check config` accepts the configuration with all rule files that it names."""
    token = tmp_path / "token"
    token.write_text("0123456789abcdef")
    out = export(tmp_path, "prometheus", hub, "--credentials-file", str(token))
    said = promtool("check", "config", out / "prometheus.yml")
    assert said.count("rules found") == len(list((out / "rules").iterdir()))


def test_no_rule_file_is_left_out(tmp_path: Path):
    """Recording rules of usage and all others are named, each by its own name: no leftovers."""
    out = export(tmp_path, "prometheus")
    named = yaml.safe_load((out / "prometheus.yml").read_text())["rule_files"]
    assert sorted(named) == [f"rules/{path.name}" for path in sorted((out / "rules").iterdir())]
    assert "rules/usage.yaml" in named


def test_both_jobs_with_the_token(tmp_path: Path):
    """The Hub and the service are scraped under the jobs that the rules know, with a token."""
    jobs = config_of(tmp_path, Hub())["scrape_configs"]
    assert [(job["job_name"], job["metrics_path"]) for job in jobs] == [
        ("jupyterhub", "/hub/metrics"),
        ("jupyterhub-monitoring", "/services/monitoring/metrics"),
    ]
    file = "/etc/prometheus/jupyterhub.token"
    assert [job["authorization"] for job in jobs] == [{"credentials_file": file}] * 2


PARTS = """
c.JupyterHub.ip, c.JupyterHub.port = "10.0.0.6", 443
c.JupyterHub.ssl_key = "key"
c.JupyterHub.base_url = "/b/"
"""

ADDRESSES = {
    "nothing said": ("", "http", "127.0.0.1:8000", "/hub/metrics"),
    "public URL": (
        'c.JupyterHub.public_url = "https://hub.example.org/jupyter"',
        "https",
        "hub.example.org",
        "/jupyter/hub/metrics",
    ),
    "bind_url": (
        'c.JupyterHub.bind_url = "http://10.0.0.5:81/x/"',
        "http",
        "10.0.0.5:81",
        "/x/hub/metrics",
    ),
    "everywhere": (
        'c.JupyterHub.bind_url = "http://:80/"',
        "http",
        "127.0.0.1:80",
        "/hub/metrics",
    ),
    "the parts": (
        PARTS,
        "https",
        "10.0.0.6:443",
        "/b/hub/metrics",
    ),
    "IPv6": (
        'c.JupyterHub.bind_url = "http://[2001:db8::1]:8000"',
        "http",
        "[2001:db8::1]:8000",
        "/hub/metrics",
    ),
}


@pytest.mark.parametrize(("config", "scheme", "target", "path"), ADDRESSES.values(), ids=ADDRESSES)
def test_where_the_hub_is(tmp_path: Path, config: str, scheme: str, target: str, path: str):
    """The Hub's own settings say where it is scraped."""
    job = config_of(tmp_path, Hub(config))["scrape_configs"][0]
    assert (job["scheme"], job["static_configs"][0]["targets"]) == (scheme, [target])
    assert job["metrics_path"] == path


def test_an_address_that_is_given_comes_first(tmp_path: Path):
    """Prometheus may reach the Hub elsewhere than people do: --hub-url."""
    hub = Hub('c.JupyterHub.public_url = "https://hub.example.org/"')
    job = config_of(tmp_path, hub, "--hub-url", "http://inside:8081/b")["scrape_configs"][0]
    assert job["static_configs"][0]["targets"] == ["inside:8081"]
    assert job["metrics_path"] == "/b/hub/metrics"


def test_labels_of_the_hub(tmp_path: Path):
    """`external_labels` are on every series, whatever characters they have; not job or instance."""
    jobs = config_of(tmp_path, HUBS["a Hub called o'brien"])["scrape_configs"]
    wanted = {"hub": "o'brien", "cost": '$5 \\ "a": #b', "n": "1e3"}
    assert [job["static_configs"][0]["labels"] for job in jobs] == [wanted] * 2
    jobs = config_of(tmp_path / "b", HUBS["all of it at once"])["scrape_configs"]
    assert jobs[0]["static_configs"][0]["labels"] == {"hub": "o'brien"}


def test_the_settings_are_in_it(tmp_path: Path):
    """Prefix, thresholds, what is off, intervals and Alertmanagers are those of the settings."""
    out = export(tmp_path, "prometheus", HUBS["all of it at once"])
    config = yaml.safe_load((out / "prometheus.yml").read_text())
    assert config["global"]["scrape_interval"] == config["global"]["scrape_timeout"] == "5s"
    assert [job["job_name"] for job in config["scrape_configs"]] == ["o'brien's hub"]
    assert config["alerting"]["alertmanagers"] == [
        {
            "scheme": "https",
            "path_prefix": "/am",
            "static_configs": [{"targets": ["alerts.example.org"]}],
        },
        {"scheme": "http", "static_configs": [{"targets": ["b:9093"]}]},
    ]
    rules = (out / "rules" / "hub.yaml").read_text()
    assert "0.7  # memory_warning_ratio" in rules
    assert "jhub_prod_hub_memory_usage_bytes" in rules
    assert "up{job=\"o'brien's hub\"}" in rules
    assert "Watchdog" not in "".join(path.read_text() for path in (out / "rules").iterdir())


def test_no_password_of_an_alertmanager(tmp_path: Path):
    """What stands before the host in an Alertmanager's address is written nowhere."""
    out = export(tmp_path, "all", HUBS["all of it at once"])
    assert not [
        path for path in out.rglob("*.*") if path.is_file() and "geheim" in path.read_text()
    ]
