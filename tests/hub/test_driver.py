"""A day at a Hub, driven and counted twice: by the driver, and by the Hub's own metrics page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from support import actions
from support.actions import Samples, Watcher, by_label, total, wait_until
from support.real_hub import Browser, RealHub

SPAWNER, AUTHENTICATOR = "FlakySpawner", "FlakyAuthenticator"

CONFIG = """
import asyncio, os, sys
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado import web

BEHAVIOUR = {
    "u00": "raises", "u01": "exits", "u02": "silent", "u04": "policy",
    "u05": "gated", "u06": "gated", "u07": "gated", "u19": "hangs", "u20": "hook",
}

class FlakyAuthenticator(DummyAuthenticator):
    async def authenticate(self, handler, data):
        if data["username"].startswith("error"):
            raise RuntimeError("the directory does not answer")
        return await super().authenticate(handler, data)

class FlakySpawner(SimpleLocalProcessSpawner):
    async def start(self):
        behaviour = BEHAVIOUR.get(self.user.name) if not self.name else None
        if behaviour == "raises":
            raise RuntimeError("no room on the cluster")
        if behaviour == "hangs":
            await asyncio.sleep(600)
        while behaviour == "gated" and not os.path.exists("gate-is-open"):
            await asyncio.sleep(0.05)
        return await super().start()

def pre_spawn(spawner):
    behaviour = BEHAVIOUR.get(spawner.user.name) if not spawner.name else None
    spawner.start_timeout = 3 if behaviour == "hangs" else 60
    spawner.http_timeout = 4 if behaviour in ("exits", "silent") else 60
    if behaviour == "exits":
        spawner.cmd = [sys.executable, "-c", "raise SystemExit(3)"]
    if behaviour == "silent":
        spawner.cmd = [sys.executable, "-c", "import time; time.sleep(600)"]
    if behaviour == "hook":
        raise ValueError("the hook has a bug")
    if behaviour == "policy":
        raise web.HTTPError(403, "not before you have read the rules")

c.JupyterHub.authenticator_class = FlakyAuthenticator
c.JupyterHub.spawner_class = FlakySpawner
c.Authenticator.admin_users = {"u18", "u36"}
c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Spawner.poll_interval = 1
c.LocalProcessSpawner.interrupt_timeout = 1
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.concurrent_spawn_limit = 3
c.JupyterHub.cleanup_servers = False
c.JupyterHub.cleanup_proxy = False
"""


@dataclass
class Ledger:
    """What was driven in one life of the Hub: what every counter must show at its end."""

    logins: list[str] = field(default_factory=list)  # users
    denied: int = 0
    errors: int = 0
    spawned: list[str] = field(default_factory=list)  # users, once for each server
    failed: dict[str, str] = field(default_factory=dict)  # user: error_type
    failed_before: Counter[str] = field(default_factory=Counter)  # in earlier lives of the Hub
    refused: dict[str, str] = field(default_factory=dict)  # user: reason
    exits: Counter[str] = field(default_factory=Counter)

    def check(self, samples: Samples) -> None:
        """Compare every counter that the issue names with what was driven."""
        self._check_logins(samples)
        self._check_spawns(samples)
        exits = by_label(samples, "server_exits_total", "cause")
        assert exits == dict(self.exits)
        assert not by_label(samples, "monitoring_instrumentation_errors_total", "point")

    def _check_logins(self, samples: Samples) -> None:
        assert total(samples, "login_success_total") == len(self.logins)
        assert total(samples, "login_failure_total") == self.denied + self.errors
        outcomes = Counter(success=len(self.logins), denied=self.denied, error=self.errors)
        attempts = by_label(samples, "login_attempts_total", "outcome")
        assert attempts == +outcomes  # without those at 0
        assert set(by_label(samples, "login_attempts_total", "authenticator")) <= {AUTHENTICATOR}
        assert by_label(samples, "user_login_total", "username") == Counter(self.logins)
        assert set(by_label(samples, "user_login_total", "authenticator")) <= {AUTHENTICATOR}
        assert events(samples, "user_login") == Counter(self.logins)

    def _check_spawns(self, samples: Samples) -> None:
        assert by_label(samples, "spawn_success_total", "spawner_class") == Counter(
            [SPAWNER] * len(self.spawned)
        )
        assert by_label(samples, "spawn_failure_total", "error_type") == self.all_failed
        assert total(samples, "spawn_failure_total", spawner_class=SPAWNER) == sum(
            self.all_failed.values()
        )
        assert by_label(samples, "spawn_refused_total", "reason") == Counter(self.refused.values())
        assert total(samples, "spawn_duration_seconds_count", spawner_class=SPAWNER) == len(
            self.spawned
        )
        launches = by_label(samples, "notebook_launch_duration_seconds_count", "username")
        assert launches == Counter(self.spawned) + Counter([*self.failed])
        assert events(samples, "server_spawn_success") == Counter(self.spawned)
        assert events(samples, "server_spawn_failure") == Counter([*self.failed])
        by_hook = [user for user, reason in self.refused.items() if reason == "policy"]
        assert events(samples, "server_spawn_start") == Counter(
            [*self.spawned, *self.failed, *by_hook]  # the Hub's limits refuse before the start
        )
        self._check_phases(samples)

    def _check_phases(self, samples: Samples) -> None:
        phases = by_label(samples, "spawn_phase_duration_seconds_count", "phase")
        assert phases == +Counter(
            {
                "prepare": len(self.spawned) + len(self.failed) + self.reached_hook,
                "start": len(self.spawned) + self.failures_except("hook"),
                "connect": len(self.spawned)
                + self.failures_except("hook", "RuntimeError", "timeout"),
                "route": len(self.spawned),
            }
        )

    @property
    def all_failed(self) -> Counter[str]:
        """Failed spawns by error_type, which are counted over restarts of the Hub."""
        return self.failed_before + Counter(self.failed.values())

    @property
    def reached_hook(self) -> int:
        """Spawns that a hook refused: they had begun to be prepared."""
        return list(self.refused.values()).count("policy")

    def failures_except(self, *error_types: str) -> int:
        return sum(1 for why in self.failed.values() if why not in error_types)


def events(samples: Samples, event_type: str) -> dict[str, float]:
    """Return `custom_events_total` of *event_type* by user."""
    wanted = {key: value for key, value in samples.items() if ("event_type", event_type) in key[1]}
    return by_label(wanted, "custom_events_total", "user")


class Driver:
    """Drives one Hub and keeps the ledger of its present life."""

    def __init__(self, hub: RealHub) -> None:
        self.hub = hub
        self.ledger = Ledger()
        self.browsers: dict[str, Browser] = {}
        self.pool = ThreadPoolExecutor(3)

    def log_in(self, users: Iterable[str], *, denied: Iterable[str], errors: Iterable[str]) -> None:
        users, denied, errors = list(users), list(denied), list(errors)
        good = [self.pool.submit(self.hub.login, user) for user in users]
        bad = [self.pool.submit(self.hub.login, user, "wrong") for user in denied]
        broken = [self.pool.submit(self.hub.login, user) for user in errors]
        self.browsers |= dict(zip(users, [future.result() for future in good], strict=True))
        assert {future.result().status for future in good} == {200}
        assert {future.result().status for future in bad} == {403}
        assert {future.result().status for future in broken} == {500}
        self.ledger.logins += users
        self.ledger.denied += len(denied)
        self.ledger.errors += len(errors)

    def start(self, servers: Iterable[tuple[str, str]]) -> None:
        """Start servers that come up, a few at a time."""
        servers = list(servers)
        for done in [
            self.pool.submit(actions.start_and_wait, self.hub, *server) for server in servers
        ]:
            done.result()
        self.ledger.spawned += [user for user, _ in servers]

    def start_in_vain(self, user: str, error_type: str) -> None:
        """Ask for a server that fails."""
        assert actions.start_server(self.hub, user).status in (201, 202, 500)
        self.ledger.failed[user] = error_type

    def ask_in_vain(self, user: str, reason: str, status: int) -> None:
        """Ask for a server that the Hub refuses."""
        answer = actions.start_server(self.hub, user)
        assert answer.status == status, answer.text
        self.ledger.refused[user] = reason

    def kill(self, user: str) -> None:
        actions.kill_server(self.hub, user)
        self.ledger.exits["died"] += 1

    def stop(self, user: str, *, by: str) -> None:
        """Stop a server: by its owner, by an admin's name, or by the service."""
        if by == "service":
            answer = self.hub.delete(actions.server_path(user))
        else:
            answer = actions.stop_as(self.browsers[by], user)
        assert answer.status in (202, 204), answer.text
        actions.wait_gone(self.hub, user)
        self.ledger.exits["service" if by == "service" else "user" if by == user else "admin"] += 1

    def running(self) -> int:
        """Return how many servers are up now; fails while one is pending."""
        self.settle()
        return len(actions.ready_servers(self.hub))

    def settle(self) -> None:
        """Wait until no server is being started or stopped."""
        wait_until(lambda: not self.pending(), why="nothing is pending")

    def pending(self) -> list[str]:
        users = self.hub.get("hub/api/users?limit=200&state=active").json
        return [u["name"] for u in users for s in u["servers"].values() if not s["ready"]]

    def restart(self) -> None:
        """Restart the Hub; servers and proxy stay. Counters but that of failures begin at 0."""
        assert actions.end_hub_only(self.hub) == 0
        self.hub.start()
        self.ledger = Ledger(failed_before=self.ledger.all_failed)


def first_life(driver: Driver) -> int:
    """25 logins, 22 servers asked for, 1 killed, 5 stopped; returns how many are left."""
    hub = driver.hub
    driver.log_in(names(0, 19), denied=names(0, 5, "wrong"), errors=["error0"])
    driver.ledger.spawned += ["u05", "u06", "u07"]
    for user in ("u05", "u06", "u07"):
        assert actions.start_server(hub, user).status == 202
    gauges = hub.metrics()
    assert total(gauges, "pending_servers") == 3
    assert total(gauges, "servers", state="spawning") == 3
    assert total(gauges, "running_servers") == 0
    assert total(gauges, "spawn_limit") == 3
    driver.ask_in_vain("u03", "throttled", 429)
    (hub.folder / "gate-is-open").touch()
    for user in ("u05", "u06", "u07"):
        hub.wait_ready(user)
    driver.settle()
    for user, error_type in ("u00", "RuntimeError"), ("u01", "exited"), ("u02", "http_timeout"):
        driver.start_in_vain(user, error_type)
    driver.settle()
    driver.ask_in_vain("u04", "policy", 403)
    driver.start([(user, "") for user in names(8, 19)])
    driver.start([(user, "extra") for user in ("u05", "u06", "u07")])
    assert driver.running() == 17
    driver.kill("u08")
    for user, by in STOPS[0]:
        driver.stop(user, by=by)
    return 11


def second_life(driver: Driver) -> int:
    """25 logins, 18 servers asked for, 1 killed, 5 stopped; returns how many are left."""
    driver.log_in(names(19, 37), denied=names(5, 10, "wrong"), errors=["error1", "error2"])
    for user, error_type in ("u19", "timeout"), ("u20", "hook"):
        driver.start_in_vain(user, error_type)
    driver.settle()
    driver.start([(user, "") for user in names(22, 37)])
    assert driver.running() == 26
    driver.ask_in_vain("u21", "too-many-users", 429)
    driver.kill("u22")
    for user, by in STOPS[1]:
        driver.stop(user, by=by)
    return 20


STOPS = (
    [("u09", "u09"), ("u10", "u10"), ("u11", "u18"), ("u12", "u18"), ("u13", "service")],
    [("u14", "u14"), ("u23", "u23"), ("u24", "u36"), ("u25", "service"), ("u26", "service")],
)


def names(first: int, end: int, prefix: str = "u") -> list[str]:
    return [f"{prefix}{number:02}" for number in range(first, end)]


def test_every_counter_equals_what_was_driven(make_hub: Callable[..., RealHub]) -> None:
    """50 logins and 40 servers, with all that goes wrong and a restart: no number is off."""
    hub = make_hub(config=CONFIG + "c.JupyterHub.active_server_limit = 26\n").start()
    driver = Driver(hub)
    with Watcher(hub) as watcher:
        for life in (first_life, second_life):
            left = life(driver)
            assert driver.running() == left
            samples = hub.metrics()
            driver.ledger.check(samples)
            assert total(samples, "running_servers") == left
            assert total(samples, "servers", state="ready") == left
            assert total(samples, "pending_servers") == 0
            if life is first_life:
                driver.restart()
                wait_until(lambda: driver.running() == 11, why="the servers outlive the Hub")
                samples = hub.metrics()
                assert total(samples, "running_servers") == 11
                driver.ledger.check(samples)  # nothing was driven yet
        assert total(hub.metrics(), "total_users") == 37
    assert not watcher.failures
    assert min(watcher.seen) >= 0
    assert watcher.checked > 20, "the watcher saw too little to say anything"
    assert watcher.wrong == []
