"""Every way in which a spawn can end is counted exactly once, as what it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from support import actions
from support.actions import Samples, by_label, total, wait_until
from support.real_hub import RealHub

CONFIG = """
import asyncio, sys
from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado import web
try:
    from jupyterhub.spawner import SpawnException
except ImportError:  # JupyterHub 5
    def SpawnException(text, reason):
        return web.HTTPError(403, text)

class OutOfRoom(Exception):
    pass

class Spawner(SimpleLocalProcessSpawner):
    async def start(self):
        name = self.user.name
        if name == "raises":
            raise OutOfRoom("no node has room")
        if name == "raises-403":
            raise web.HTTPError(403, "not this image")
        if name == "raises-503":
            raise web.HTTPError(503, "the cluster is closed")
        if name in ("hangs", "hangs-too", "cancelled"):
            await asyncio.sleep(600)
        return await super().start()

def pre_spawn(spawner):
    name = spawner.user.name
    spawner.start_timeout = 3 if name.startswith("hangs") else 60
    spawner.http_timeout = 4 if name in ("exits", "silent") else 60
    if name == "exits":
        spawner.cmd = [sys.executable, "-c", "raise SystemExit(3)"]
    if name == "silent":
        spawner.cmd = [sys.executable, "-c", "import time; time.sleep(600)"]
    if name == "hook":
        raise KeyError("the hook has a bug")
    if name == "hook-500":
        raise web.HTTPError(500, "the hook has another bug")
    if name == "policy":
        raise SpawnException("read the rules first", reason="rules")
    if name == "hook-409":
        raise web.HTTPError(409, "your home is being moved")

from jupyterhub.proxy import ConfigurableHTTPProxy

class Proxy(ConfigurableHTTPProxy):
    async def add_user(self, user, server_name="", client=None):
        if user.name == "unrouted":
            raise ConnectionError("the proxy is away")
        return await super().add_user(user, server_name)

c.JupyterHub.proxy_class = Proxy
c.JupyterHub.spawner_class = Spawner
c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Spawner.poll_interval = 1
c.LocalProcessSpawner.interrupt_timeout = 1
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = 1
"""

FAILURES = {
    "start() raises": ("raises", "OutOfRoom", {"prepare", "start"}),
    "start() says 503": ("raises-503", "HTTPError", {"prepare", "start"}),
    "start() takes too long": ("hangs", "timeout", {"prepare", "start"}),
    "the process exits at once": ("exits", "exited", {"prepare", "start", "connect"}),
    "it never answers": ("silent", "http_timeout", {"prepare", "start", "connect"}),
    "a hook raises": ("hook", "hook", {"prepare"}),
    "a hook says 500": ("hook-500", "hook", {"prepare"}),
    "the proxy does not take it": ("unrouted", "proxy", {"prepare", "start", "connect", "route"}),
}

REFUSALS = {
    "SpawnException in a hook": ("policy", "policy"),
    "a 4xx in a hook": ("hook-409", "policy"),
    "a 4xx in start()": ("raises-403", "policy"),
}


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    return module_hub(config=CONFIG).start()


def spawn_numbers(samples: Samples) -> dict[str, dict[str, float]]:
    """Return all that is counted about spawns."""
    return {
        "success": by_label(samples, "spawn_success_total", "spawner_class"),
        "failure": by_label(samples, "spawn_failure_total", "error_type"),
        "refused": by_label(samples, "spawn_refused_total", "reason"),
        "duration": by_label(samples, "spawn_duration_seconds_count", "spawner_class"),
        "phases": by_label(samples, "spawn_phase_duration_seconds_count", "phase"),
        "launches": by_label(samples, "notebook_launch_duration_seconds_count", "username"),
        "exits": by_label(samples, "server_exits_total", "cause"),
    }


class Counting:
    """What a piece of driving added to the numbers of spawns."""

    def __init__(self, hub: RealHub) -> None:
        self.hub = hub
        self.before = spawn_numbers(hub.metrics())

    def added(self) -> dict[str, dict[str, float]]:
        """Return what is more than before, once something is and no server is pending."""
        wait_until(self._more_and_quiet, 40, why="the spawn is counted")
        return self._more()

    def _more_and_quiet(self) -> bool:
        return bool(self._more()) and self.hub.metric("pending_servers") == 0

    def _more(self) -> dict[str, dict[str, float]]:
        after = spawn_numbers(self.hub.metrics())
        more = {
            kind: {
                key: count - self.before[kind].get(key, 0)
                for key, count in counts.items()
                if count != self.before[kind].get(key, 0)
            }
            for kind, counts in after.items()
        }
        return {kind: counts for kind, counts in more.items() if counts}


def test_a_success_counts_once_with_all_its_phases(hub: RealHub) -> None:
    """A server that comes up: one success, one duration, one launch, four phases."""
    counting = Counting(hub)
    actions.start_and_wait(hub, "ann")
    assert counting.added() == {
        "success": {"Spawner": 1},
        "duration": {"Spawner": 1},
        "phases": dict.fromkeys(("prepare", "start", "connect", "route"), 1),
        "launches": {"ann": 1},
    }


@pytest.mark.parametrize(("user", "error_type", "phases"), FAILURES.values(), ids=FAILURES)
def test_a_failure_counts_once_with_its_reason(
    hub: RealHub, user: str, error_type: str, phases: set[str]
) -> None:
    """A spawn that fails: one failure of its type, one launch, the phases that it reached."""
    counting = Counting(hub)
    actions.start_server(hub, user)
    assert counting.added() == {
        "failure": {error_type: 1},
        "launches": {user: 1},
        "phases": dict.fromkeys(phases, 1),
    }
    assert hub.metric("running_servers") == len(actions.ready_servers(hub))


@pytest.mark.parametrize(("user", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_no_failure(hub: RealHub, user: str, reason: str) -> None:
    """Somebody who was told no on purpose is counted as refused, and as nothing else."""
    counting = Counting(hub)
    assert 400 <= actions.start_server(hub, user).status < 500
    added = counting.added()
    added.pop("phases", None)
    assert added == {"refused": {reason: 1}}


def test_a_spawn_that_its_user_gave_up_is_cancelled(hub: RealHub) -> None:
    """Stopping a server that is still being started: a failure, cancelled, and no exit."""
    counting = Counting(hub)
    assert actions.start_server(hub, "cancelled").status == 202
    assert hub.metric("pending_servers") == 1
    assert hub.delete(actions.server_path("cancelled")).status in (202, 204)
    added = counting.added()
    assert added["failure"] == {"cancelled": 1}
    assert "success" not in added
    assert "exits" not in added


def test_one_more_named_server_than_allowed_is_refused(hub: RealHub) -> None:
    """`named_server_limit_per_user` refuses: capped."""
    actions.start_and_wait(hub, "cap", "one")
    counting = Counting(hub)
    assert actions.start_server(hub, "cap", "two").status == 400
    assert counting.added() == {"refused": {"capped": 1}}


def test_asking_again_for_what_is_coming_counts_nothing(hub: RealHub) -> None:
    """A second click while the server starts is no second spawn."""
    counting = Counting(hub)
    assert actions.start_server(hub, "hangs-too").status == 202
    assert actions.start_server(hub, "hangs-too").status == 202
    assert counting.added()["failure"] == {"timeout": 1}


def test_a_spawn_by_the_browser_counts_as_one_by_the_api(hub: RealHub) -> None:
    """The spawn page is another handler; the count is the same."""
    browser = hub.login("web")
    counting = Counting(hub)
    assert browser.open("hub/spawn").status == 200
    hub.wait_ready("web")
    assert counting.added()["success"] == {"Spawner": 1}


def test_a_success_after_a_failure_counts_both(hub: RealHub) -> None:
    """A user who tries again is two attempts: `-1` running servers is not what is left."""
    counting = Counting(hub)
    actions.start_server(hub, "raises")
    assert counting.added()["failure"] == {"OutOfRoom": 1}
    actions.start_server(hub, "raises")
    wait_until(lambda: counting.added()["failure"] == {"OutOfRoom": 2})
    assert hub.metric("running_servers") == len(actions.ready_servers(hub)) >= 0


def test_the_duration_is_what_the_user_waits_for(hub: RealHub) -> None:
    """The seconds of a spawn are those between the request and the ready server."""
    name = "spawn_duration_seconds_sum"
    before = hub.metric(name, spawner_class="Spawner") or 0
    phases_before = total(hub.metrics(), "spawn_phase_duration_seconds_sum")
    began = time.monotonic()
    actions.start_and_wait(hub, "clock")
    waited = time.monotonic() - began
    seconds = (hub.metric(name, spawner_class="Spawner") or 0) - before
    phases = total(hub.metrics(), "spawn_phase_duration_seconds_sum") - phases_before
    assert 0 < seconds <= waited
    assert phases == pytest.approx(seconds, rel=0.3, abs=0.3)


LIMITS = {
    "concurrent_spawn_limit": ("hangs", "throttled"),
    "active_server_limit": ("ann", "too-many-users"),
}


@pytest.mark.parametrize(("limit", "case"), LIMITS.items(), ids=LIMITS)
def test_a_limit_of_the_hub_refuses(
    make_hub: Callable[..., RealHub], limit: str, case: tuple[str, str]
) -> None:
    """With the Hub at its limit, the next one is refused with the limit's reason."""
    first, reason = case
    hub = make_hub(config=CONFIG + f"c.JupyterHub.{limit} = 1\n").start()
    assert hub.metric("spawn_limit" if "spawn" in limit else limit) == 1
    assert actions.start_server(hub, first).status in (201, 202)
    if first == "ann":
        hub.wait_ready("ann")
    assert actions.start_server(hub, "ben").status == 429
    assert by_label(hub.metrics(), "spawn_refused_total", "reason") == {reason: 1}
    assert hub.metric("spawn_failure_total") == 0


def test_failures_in_a_row_are_shown_with_their_limit(make_hub: Callable[..., RealHub]) -> None:
    """An operator sees how near the Hub is to exiting."""
    hub = make_hub(config=CONFIG + "c.Spawner.consecutive_failure_limit = 7\n").start()
    assert hub.metric("spawn_consecutive_failure_limit") == 7
    assert hub.metric("spawn_consecutive_failures") == 0
    for user in ("hook", "raises"):
        actions.start_server(hub, user)
    wait_until(lambda: hub.metric("spawn_consecutive_failures") == 2)
    actions.start_and_wait(hub, "ann")
    assert hub.metric("spawn_consecutive_failures") == 0


def test_exception_names_are_bounded(make_hub: Callable[..., RealHub]) -> None:
    """Above `max_error_types`, further exception classes count as `other`."""
    hub = make_hub(config=CONFIG + "c.Monitoring.max_error_types = 1\n").start()
    for user, error_type in ("raises", "OutOfRoom"), ("raises-503", "other"), ("hook", "hook"):
        counting = Counting(hub)
        actions.start_server(hub, user)
        assert counting.added()["failure"] == {error_type: 1}


def test_known_reasons_are_there_from_the_first_scrape(make_hub: Callable[..., RealHub]) -> None:
    """Before the first spawn, each reason shows 0, so that `rate()` sees the first failure."""
    hub = make_hub(config=CONFIG).start()
    samples = hub.metrics()
    known: dict[str, Any] = {"spawn_failure_total": "error_type", "spawn_refused_total": "reason"}
    for name, label in known.items():
        values = {
            dict(pairs)[label]: value
            for (sample, pairs), value in samples.items()
            if sample == f"jupyterhub_{name}"
        }
        assert set(values.values()) == {0}
        assert {"timeout", "http_timeout", "exited", "hook"} <= set(values) or label == "reason"
    assert total(samples, "spawn_success_total", spawner_class="Spawner") == 0
    assert ("jupyterhub_spawn_success_total", frozenset({("spawner_class", "Spawner")})) in samples
