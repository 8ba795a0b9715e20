"""A real Hub with people, failures and all, scraped by a real Prometheus: no panel is empty."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from jupyterhub_monitoring.cli import main
from jupyterhub_monitoring.dashboards import DASHBOARDS
from support.actions import kill_server, start_and_wait, start_server, stop_as, wait_gone
from support.certificates import certificate
from support.grafana_answers import Question, choices, questions, series, variable_queries
from support.peers import find
from support.prometheus import RealPrometheus
from support.real_hub import RealHub
from support.service_hub import eventually

CONFIG = """
c.JupyterHub.services.append({{"name": "prometheus", "api_token": {token!r}}})
c.JupyterHub.load_roles.append({{
    "name": "prometheus",
    "services": ["prometheus"],
    "scopes": ["read:metrics", "access:services!service=monitoring"],
}})
c.JupyterHub.load_groups = {{"physics": {{"users": ["ana", "bo"]}}}}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.active_server_limit = 3
c.JupyterHub.concurrent_spawn_limit = 5
c.Spawner.consecutive_failure_limit = 50
c.Spawner.poll_interval = 1
c.Monitoring.usernames = "name"
c.Monitoring.collect_interval_seconds = 1
c.Monitoring.notify = ["http://127.0.0.1:9/nobody-there"]
c.MonitoringAlerts.group_wait_seconds = 0
c.MonitoringScrape.interval_seconds = 1
c.MonitoringScrape.timeout_seconds = 1
c.MonitoringAlerts.evaluation_interval_seconds = 1
c.MonitoringUsage.interval_seconds = 1
c.MonitoringUsage.groups = ["physics"]
c.MonitoringUsage.homes = {homes!r}
c.MonitoringHealth.certificate_files = [{certificate!r}]

async def hook(spawner):
    if spawner.user.name == "bad":
        raise RuntimeError("broken on purpose")

c.Spawner.pre_spawn_hook = hook
"""

VALUES = {
    "__interval_ms": "5000",
    "__rate_interval_ms": "20000",
    "__rate_interval": "20s",
    "job": "jupyterhub|jupyterhub-monitoring",
    "hub": ".*",
    "user": ".*",
    "server": ".*",
}

NO_LIMIT = "processes that no cgroup, container or pod bounds have neither limit nor request"
FEW = "there are not more people or servers than are drawn"
GOOD_DAY = "nothing of the kind happened"
MAY_BE_EMPTY = {
    ("Who uses the memory", "others"): FEW,
    ("Who uses the processor", "others"): FEW,
    ("Who logs in most", "others"): FEW,
    ("How much memory the user's servers use", "others"): FEW,
    ("How much processor the user's servers use", "others"): FEW,
    ("How much memory the server uses", "limit"): NO_LIMIT,
    ("How much processor the server uses", "limit"): NO_LIMIT,
    ("How much memory is promised to servers", "kept free"): NO_LIMIT,
    ("How much memory is promised to servers", "limits together"): NO_LIMIT,
    ("How much processor is promised to servers", "kept free"): NO_LIMIT,
    ("How much processor is promised to servers", "limits together"): NO_LIMIT,
    ("Which servers are near their memory limit", "{{username}} {{server_name}}"): NO_LIMIT,
    ("How often the kernel ended a server's process", "ended"): NO_LIMIT,
    ("How much disk the home takes", "limit"): "the file system has no project quotas",
    ("How logins ended", "error"): GOOD_DAY,
    ("What the monitoring lost or could not do", "messages given up"): GOOD_DAY,
    ("What the monitoring lost or could not do", "observations not counted"): GOOD_DAY,
    ("What the monitoring lost or could not do", "rules that failed"): GOOD_DAY,
}
"""Queries by panel and legend, with the reason why this Hub has nothing to show there."""


class Exported(RealPrometheus):
    """A Prometheus with the configuration that lies in its folder."""

    def config_text(self) -> str:
        return (self.folder / "prometheus.yml").read_text()


@dataclass(frozen=True)
class Seen:
    """A Prometheus that saw a Hub at work since *start*, and the dashboards as they are drawn."""

    prometheus: RealPrometheus
    start: float
    drawn: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("seen")
    token = secrets.token_hex(16)
    hub = RealHub(folder / "hub", service=True)
    hub.config = CONFIG.format(
        token=token,
        homes=str(folder / "hub" / "home" / "{username}"),
        certificate=str(certificate(folder)[0]),
    )
    hub.start()
    hub.login("ana")  # a counter of its own, which the next login increases
    (folder / "token").write_text(token)
    config = ["-f", str(hub.folder / "jupyterhub_config.py")]
    made, out = folder / "prometheus", folder / "grafana"
    files = ["--credentials-file", str(folder / "token")]
    assert main(["export", "prometheus", *config, "--output", str(made), *files]) == 0
    assert main(["export", "grafana", *config, "--output", str(out)]) == 0
    drawn = {
        path.stem: json.loads(path.read_text()) for path in (out / "dashboards").glob("*.json")
    }
    start = time.time()
    try:
        with Exported(str(find("prometheus")), made, {}, "") as prometheus:
            # What happened before a counter was first seen did not increase it.
            twice = "count(up == 1 and count_over_time(up[1m]) > 2)"
            eventually(lambda: prometheus.value(twice) == 2)
            people(hub)
            hub.get("services/monitoring/api/v1/query?query=up", token=token)
            yield Seen(prometheus, start, drawn)
    finally:
        hub.kill()


def people(hub: RealHub) -> None:
    """Have people come and go: logins, one of them denied, servers, and each way to end."""
    ana = hub.login("ana")
    hub.login("mallory", password="wrong")
    start_and_wait(hub, "ana")
    start_and_wait(hub, "bo", "second")
    start_server(hub, "bad")
    start_and_wait(hub, "cy")
    start_server(hub, "dee")  # one too many
    stop_as(ana, "ana")
    wait_gone(hub, "ana")
    kill_server(hub, "cy")


@pytest.mark.peer("prometheus")
def test_every_query_gives_series(seen: Seen):
    """Each query of each panel has an answer, or stands in the list with the reason why not."""
    open_ones = [
        question
        for one in DASHBOARDS
        if not one.foreign
        for question in questions(one, seen.drawn[one.id], VALUES)
    ]
    asked = len(open_ones)
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        open_ones = [one for one in open_ones if not has_series(seen, one)]
        left = {key(one) for one in open_ones}
        if left <= MAY_BE_EMPTY.keys():
            break
        time.sleep(1)
    assert "\n".join(map(str, sorted(left - MAY_BE_EMPTY.keys()))) == ""
    assert asked > 100


def has_series(seen: Seen, question: Question) -> bool:
    return bool(series(seen.prometheus, question, seen.start, time.time()))


def key(question: Question) -> tuple[str, str]:
    return question.panel, question.legend


def test_what_may_be_empty_is_drawn():
    """The list names queries that there are."""
    known = {
        (panel.title, curve.legend)
        for one in DASHBOARDS
        for panel in one.panels
        for curve in panel.curves
    }
    assert {name for name in MAY_BE_EMPTY if name[1] != "others"} <= known


@pytest.mark.peer("prometheus")
def test_every_variable_has_a_choice(seen: Seen):
    """Jobs, Hubs, users and servers are there to choose from."""
    for one in DASHBOARDS:
        if one.foreign:
            continue
        for name, query in variable_queries(seen.drawn[one.id]):
            assert choices(seen.prometheus, query, VALUES), (one.id, name)
