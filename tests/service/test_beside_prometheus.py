"""The same rule files on a real Prometheus with a real Alertmanager, beside the same Hub."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.alerting_hub import BUILT_IN, OWN, RULES, AlertingHub
from support.prometheus_pair import beside
from support.service_hub import eventually
from support.told import Told

EVALUATION = 5
SLACK = 3
"""Seconds: a scrape of each, and what asking takes on a busy machine."""

FIRES_OVER = 120


class Seen:
    """When each alert was first seen firing, and when it was over, by one of the two."""

    def __init__(self, alerts: Callable[[], list[Any]]) -> None:
        self._alerts = alerts
        self.fired: dict[str, float] = {}
        self.ended: dict[str, float] = {}

    def look(self) -> None:
        names = {a["labels"]["alertname"] for a in self._alerts() if a["state"] == "firing"}
        for name in names - self.fired.keys():
            self.fired[name] = time.monotonic()
        for name in self.fired.keys() - names - self.ended.keys():
            self.ended[name] = time.monotonic()


@pytest.mark.peer("prometheus")
@pytest.mark.peer("alertmanager")
def test_the_same_alerts_fire_and_end_within_an_evaluation_and_both_tell(tmp_path: Path):
    """Who outgrows the embedded engine takes the files along and is told the same."""
    with Told() as told, Told() as other:
        hub_type = type("Hub", (AlertingHub,), {"told": told, "evaluation": EVALUATION})
        hub = hub_type(tmp_path / "hub")
        alertmanager, prometheus = beside(
            hub,
            tmp_path,
            f"{other.hook.url}/hook",
            evaluation=f"{EVALUATION}s",
            rules=RULES,
        )
        try:
            hub.start_and_look()
            alertmanager.start()
            alertmanager.ready()
            with prometheus:
                eventually(lambda: prometheus.value("hub:jupyterhub_spawn_failures:sum") == 0)
                ours = Seen(lambda: hub.ask("api/v1/alerts").json["data"]["alerts"])
                theirs = Seen(lambda: prometheus.api("alerts")["alerts"])
                hub.break_spawner()
                hub.fail_to_start("ann", "bob")
                _watch(ours, theirs)
        finally:
            alertmanager.kill()
            hub.kill()
    assert ours.fired.keys() == theirs.fired.keys() >= {BUILT_IN, OWN}
    assert ours.ended.keys() == theirs.ended.keys() == {OWN}
    for mine, peer in ((ours.fired, theirs.fired), (ours.ended, theirs.ended)):
        apart = {name: round(mine[name] - peer[name], 1) for name in mine}
        assert all(abs(seconds) <= EVALUATION + SLACK for seconds in apart.values()), apart
    assert _statuses(told) == _statuses(other)


def _watch(ours: Seen, theirs: Seen) -> None:
    """Look at both until the alert that is over soon is over for both."""
    deadline = time.monotonic() + FIRES_OVER
    while time.monotonic() < deadline and not (OWN in ours.ended and OWN in theirs.ended):
        ours.look()
        theirs.look()
        time.sleep(0.2)
    time.sleep(2 * EVALUATION)  # for the messages


def _statuses(told: Told) -> list[str]:
    """What was told of the alert that came and went, in order."""
    bodies = [json.loads(request.body) for request in told.hook.requests]
    about = [b for b in bodies if any(a["labels"]["alertname"] == OWN for a in b["alerts"])]
    return [body["status"] for body in about]
