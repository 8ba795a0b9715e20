"""The report of a real Hub is what it was driven to do, through a restart and a kill."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.cli import main
from support import actions
from support.service_hub import ServiceHub, eventually

CONFIG = """
from datetime import timedelta

def pre_spawn(spawner):
    name = spawner.user.name
    if name == "bad":
        raise RuntimeError("no volume")
    # A session of so many hours, without waiting for it: it began before the test did.
    spawner.orm_spawner.started -= timedelta(hours=int(name[1:]))

c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.allow_named_servers = True
c.MonitoringUsage.interval_seconds = 1
c.MonitoringReports.terms = {"ever": ("2025-01-01", "2029-01-01"), "never": ("x", "y")}
c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Spawner.poll_interval = 1
c.LocalProcessSpawner.interrupt_timeout = 1
"""


@dataclass
class Driven:
    """A Hub that is driven, and how long each server ran (seconds), by user."""

    hub: ServiceHub
    running: dict[tuple[str, str], float] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def start(self, user: str, server: str = "") -> None:
        started = actions.start_and_wait(self.hub, user, server)["started"]
        began = datetime.fromisoformat(started.replace("Z", "+00:00")).timestamp()
        self.running[user, server] = began

    def stop(self, user: str, server: str = "") -> None:
        self.hub.delete(actions.server_path(user, server))
        actions.wait_gone(self.hub, user, server)
        self.ended(user, server, time.time())

    def die(self, user: str) -> None:
        actions.kill_server(self.hub, user)
        self.ended(user, "", time.time())

    def ended(self, user: str, server: str, at: float) -> None:
        self.seconds.setdefault(user, []).append(at - self.running.pop((user, server)))

    def expected(self, now: float) -> dict[str, tuple[int, float]]:
        """Return how many sessions of how many hours each user had."""
        found = {user: list(lengths) for user, lengths in self.seconds.items()}
        for (user, _), began in self.running.items():
            found.setdefault(user, []).append(now - began)
        return {user: (len(each), sum(each) / 3600) for user, each in found.items()}


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    hub = ServiceHub(tmp_path / "hub", config=CONFIG)
    try:
        yield Driven(hub.start())
    finally:
        hub.kill()


def test_the_report_is_what_was_driven(driven: Driven, capsys: pytest.CaptureFixture[str]):
    """Sessions exactly, hours within 1 %, starts exactly; the command and the page agree."""
    people_come(driven)
    kill_the_service(driven)
    driven.die("u3")
    driven.stop("u5")
    driven.start("u5")
    restart_the_hub(driven)
    driven.stop("u2")
    driven.stop("u4", "gpu")
    driven.start("u9")
    see_report(driven, capsys)


def people_come(driven: Driven) -> None:
    for user in ("u1", "u2", "u3", "u4", "u5"):
        driven.start(user)
    driven.start("u4", "gpu")
    actions.start_server(driven.hub, "bad")
    driven.stop("u1")


def kill_the_service(driven: Driven) -> None:
    (service,) = driven.hub.services
    service.kill()
    service.wait(60)


def restart_the_hub(driven: Driven) -> None:
    assert actions.end_hub_only(driven.hub) == 0
    driven.hub.start()
    eventually(lambda: driven.hub.services)


def see_report(driven: Driven, capsys: pytest.CaptureFixture[str]) -> None:
    found = eventually(lambda: complete(driven), 90)
    rows = {row["name"]: (row["sessions"], row["hours"]) for row in found["rows"]}
    assert rows.pop("bad") == (0, 0.0)
    expected = driven.expected(datetime.fromisoformat(found["made_at"]).timestamp())
    assert {name: sessions for name, (sessions, _) in rows.items()} == {
        name: sessions for name, (sessions, _) in expected.items()
    }
    for name, (_, hours) in rows.items():
        assert hours == pytest.approx(expected[name][1], rel=0.01), name
    total = found["total"]
    assert (total["people"], total["sessions"], total["starts"]) == (6, 8, 9)
    assert total["start_success_ratio"] == pytest.approx(8 / 9)
    assert total["peak_servers"] >= 4
    there = found["availability"]
    assert there["starts"] == 2
    assert 0 < there["down_seconds"] < there["known_seconds"]
    assert "6 people used the Hub for 8 sessions" in found["sentence"]
    see_command(driven, total, capsys)


def complete(driven: Driven) -> Any:
    """Return the report once the service has read all that was told."""
    answer = driven.hub.ask("report.json?term=ever&by=user")
    assert answer.status == 200, answer.text
    found = answer.json
    runs = sum(session["sessions"] for session in found["rows"])
    return found if (runs, found["total"]["starts"]) == (8, 9) else None


def see_command(driven: Driven, total: Any, capsys: pytest.CaptureFixture[str]) -> None:
    url = ("--url", driven.hub.url, "--token", driven.hub.token)
    folder = ("--data-dir", str(driven.hub.data_dir))
    for source in (url, folder):
        when = ("--from", "2025-01-01", "--to", "2029-01-01")
        assert main(["report", *source, *when, "--format", "csv"]) == 0
        head, line = csv.reader(io.StringIO(capsys.readouterr().out))
        told = dict(zip(head, line, strict=True))
        assert (int(told["people"]), int(told["sessions"])) == (6, 8)
        assert float(told["hours"]) == pytest.approx(total["hours"], rel=0.01)
        assert float(told["memory_gib_hours"] or 1) > 0
    page = driven.hub.ask("report?term=ever").text
    assert "6 people used the Hub for 8 sessions" in page
    assert "terms['never']" in json.dumps(driven.hub.codes())
