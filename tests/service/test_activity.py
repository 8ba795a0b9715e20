"""What happened on a real Hub is what the service has kept of it, through every kill."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from jupyterhub_monitoring import spool
from jupyterhub_monitoring.activity import Activity
from jupyterhub_monitoring.activity.database import FILE, ActivityDatabase
from jupyterhub_monitoring.activity.sessions import listed_at
from support import actions
from support.service_hub import ServiceHub, eventually

CONFIG = """
from tornado import web

def pre_spawn(spawner):
    if spawner.user.name == "bad":
        raise RuntimeError("no volume for you, api_token=0123")
    if spawner.user.name == "policy":
        raise web.HTTPError(403, "not for you")

c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
c.JupyterHub.allow_named_servers = True
c.MonitoringUsage.interval_seconds = 1
c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Spawner.poll_interval = 1
c.LocalProcessSpawner.interrupt_timeout = 1
"""

EVER = (0.0, 1e12)


@dataclass
class Driven:
    """A Hub that is driven, and what should be known of it."""

    hub: ServiceHub
    sessions: dict[tuple[str, str], tuple[str, str, float, str]] = field(default_factory=dict)
    _database: ActivityDatabase | None = None

    @property
    def database(self) -> ActivityDatabase:
        """The file that the service writes to, once it is there."""
        if self._database is None:
            eventually((self.hub.data_dir / FILE).exists)
            self._database = ActivityDatabase(self.hub.data_dir)
        return self._database

    @property
    def activity(self) -> Activity:
        return Activity(self.database)

    def start(self, user: str, server: str = "") -> None:
        model = actions.start_and_wait(self.hub, user, server)
        self.sessions[user, server] = (user, server, model["started"], "")

    def ended(self, user: str, server: str, cause: str) -> None:
        self.sessions[user, server] = (*self.sessions[user, server][:3], cause)

    def known(self) -> set[tuple[str, str, float, str]]:
        """Return the sessions that are kept, as `sessions` has them."""
        found = self.activity.sessions(*EVER)
        assert all((s.end is None) == (s.cause == "") for s in found)
        rows = {(s.username, s.server_name, iso(s.start), s.cause) for s in found}
        assert len(rows) == len(found), "one is there twice"
        return rows

    def check(self) -> None:
        """Wait until what is known is what was driven; see that it stays so."""
        expected = set(self.sessions.values())
        eventually(lambda: self.known() == expected or [self.known(), expected][:0])
        with self.database.reading() as connection:
            before = listed_at(connection) or 0
            eventually(lambda: (listed_at(connection) or 0) > before + 2)
        assert self.known() == expected

    def kill_service(self) -> None:
        (service,) = self.hub.services
        service.kill()
        service.wait(60)

    def hub_again(self) -> None:
        self.hub.start()
        eventually(lambda: self.hub.services)


def iso(at: float) -> str:
    """Return *at* as the Hub's API writes it."""
    whole, micros = divmod(round(at * 1e6), 10**6)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micros:06d}Z"


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    hub = ServiceHub(tmp_path / "hub", config=CONFIG)
    try:
        yield Driven(hub.start())
    finally:
        hub.kill()


def test_what_is_kept_is_what_was_driven(driven: Driven):
    """Spawns, failures, logins and sessions, exactly, though both processes are killed."""
    everybody_comes(driven)
    driven.kill_service()
    things_happen(driven)
    see_what_happened(driven.activity)
    the_hub_is_killed(driven)
    the_hub_restarts(driven)
    driven.kill_service()
    driven.hub.delete(actions.server_path("ann"))
    actions.wait_gone(driven.hub, "ann")
    driven.ended("ann", "", "service")
    driven.check()
    see_starts(driven.activity)
    assert "MON-ACTIVITY-01" not in driven.hub.codes()


def everybody_comes(driven: Driven) -> None:
    for user, password in (("ann", "right"), ("ann", "wrong"), ("hunter2", "wrong")):
        driven.hub.login(user, password)
    driven.start("ann")
    driven.start("ann", "gpu")
    driven.start("bob")
    for user in ("bad", "bad", "policy"):
        actions.start_server(driven.hub, user)
    driven.check()


def things_happen(driven: Driven) -> None:
    """The service is away meanwhile."""
    driven.start("cat")
    actions.start_server(driven.hub, "bad")
    driven.hub.delete(actions.server_path("bob"))
    actions.wait_gone(driven.hub, "bob")
    driven.ended("bob", "", "service")
    actions.kill_server(driven.hub, "ann", "gpu")
    driven.ended("ann", "gpu", "died")
    driven.check()


def see_what_happened(activity: Activity) -> None:
    failures = activity.failures(*EVER)
    hook = ("bad", "hook", "no volume for you, api_token=***")
    assert [(f.username, f.reason, f.message) for f in failures] == [hook] * 3
    assert list(failures[0].phases) == ["prepare"]
    (refused,) = activity.refusals(*EVER)
    assert (refused.username, refused.reason, refused.message) == (
        *("policy", "policy"),
        "not for you",
    )
    exits = {(e.username, e.server_name): e for e in activity.exits(*EVER)}
    assert set(exits) == {("ann", "gpu"), ("bob", "")}
    assert exits["ann", "gpu"].exit_status == -signal.SIGKILL
    assert exits["bob", ""].exit_status is None
    assert not exits["ann", "gpu"].out_of_memory
    logins = [(login.username, login.outcome) for login in activity.logins(*EVER)]
    assert logins == [("", "denied"), ("ann", "denied"), ("ann", "success")]


def the_hub_is_killed(driven: Driven) -> None:
    """A server dies while nobody is there to see it; the others go on."""
    hub = driven.hub
    cat = psutil.Process(hub.wait_ready("cat")["state"]["pid"])
    hub.process.kill()
    hub.process.wait(60)
    cat.kill()
    driven.hub_again()
    driven.ended("cat", "", "died")
    driven.check()


def the_hub_restarts(driven: Driven) -> None:
    """It ends as it should, and with it the service; the one server goes on."""
    assert actions.end_hub_only(driven.hub) == 0
    driven.hub_again()
    driven.check()


def see_starts(activity: Activity) -> None:
    last, second, first = activity.hub_starts(*EVER)
    assert (first.stopped, last.stopped) == (None, None), "the first was killed, the last runs"
    assert second.stopped is not None
    assert second.spawner_class == "SimpleLocalProcessSpawner"
    assert first.started < second.started < second.stopped < last.started
    spawns = [s for s in activity.spawns(*EVER) if s.outcome == "success"]
    assert [(s.username, s.server_name) for s in reversed(spawns)] == [
        ("ann", ""),
        ("ann", "gpu"),
        ("bob", ""),
        ("cat", ""),
    ]


def test_the_last_failures_before_the_hub_exits(tmp_path: Path):
    """Three in a row end the Hub; its next process has the service tell of all three."""
    config = CONFIG + "c.Spawner.consecutive_failure_limit = 3\n"
    hub = ServiceHub(tmp_path / "hub", config=config)
    try:
        driven = Driven(hub.start())
        for _ in range(3):
            actions.start_server(hub, "bad")
        assert hub.process.wait(120) != 0
        hub.start()
        eventually(lambda: len(driven.activity.failures(*EVER)) == 3)
    finally:
        hub.kill()


def test_a_spool_that_cannot_be_written(tmp_path: Path):
    """Nothing about the Hub is different, and the log says once what is missing."""
    hub = ServiceHub(tmp_path / "hub", config=CONFIG)
    hub.data_dir.mkdir(mode=0o700)
    (hub.data_dir / spool.FOLDER).write_text("in the way")
    try:
        hub.start()
        assert hub.login("ann").status == 200
        actions.start_and_wait(hub, "ann")
        actions.kill_server(hub, "ann")
        assert hub.log.count("cannot be written to") == 1
        assert hub.metric("monitoring_instrumentation_errors_total", point="activity") == 0
        driven = Driven(hub)
        eventually(lambda: not driven.activity.spawns(*EVER))
        assert actions.end_hub_only(hub) == 0
    finally:
        hub.kill()


def test_a_file_that_is_damaged(driven: Driven):
    """It is set aside with a code; what runs is known again, and the rest goes on."""
    driven.start("ann")
    driven.check()
    driven.kill_service()
    driven.database.close()
    path = driven.hub.data_dir / FILE
    path.write_bytes(os.urandom(100_000))
    for suffix in ("-wal", "-shm"):
        path.with_name(FILE + suffix).unlink(missing_ok=True)
    message = driven.hub.wait_for_code("MON-ACTIVITY-01")
    assert "damaged" in message
    driven._database = None
    driven.start("bob")
    driven.check()
    (aside,) = driven.hub.data_dir.glob(f"{FILE}.damaged-*[0-9Z]")
    aside.unlink()
    eventually(lambda: "MON-ACTIVITY-01" not in driven.hub.codes())
