"""Every way in which a server can end is counted under who or what ended it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support import actions
from support.actions import by_label
from support.real_hub import RealHub

CONFIG = """
c.Spawner.poll_interval = 1
c.Spawner.http_timeout = 3
c.Spawner.consecutive_failure_limit = 0
c.LocalProcessSpawner.interrupt_timeout = 1
c.JupyterHub.allow_named_servers = True

def pre_spawn(spawner):
    if spawner.user.name == "bad":
        import sys
        spawner.cmd = [sys.executable, "-c", "raise SystemExit(1)"]

c.Spawner.pre_spawn_hook = pre_spawn
"""


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    return module_hub(config=CONFIG).start()


def by_its_owner(hub: RealHub) -> None:
    assert actions.stop_as(hub.login("ann"), "ann").status in (202, 204)


def by_an_admin(hub: RealHub) -> None:
    assert actions.stop_as(hub.login("admin"), "ann").status in (202, 204)


def by_a_service(hub: RealHub) -> None:
    assert hub.delete(actions.server_path("ann")).status in (202, 204)


def by_accident(hub: RealHub) -> None:
    actions.kill_server(hub, "ann")


def by_deleting_its_user(hub: RealHub) -> None:
    assert hub.delete("hub/api/users/ann").status == 204
    assert hub.post("hub/api/users/ann").status == 201


WAYS = {
    "its owner": (by_its_owner, "user"),
    "an admin": (by_an_admin, "admin"),
    "a service": (by_a_service, "service"),
    "the process died": (by_accident, "died"),
    "its user was deleted by a service": (by_deleting_its_user, "service"),
}


@pytest.mark.parametrize(("end", "cause"), WAYS.values(), ids=WAYS)
def test_an_end_counts_once_under_its_cause(
    hub: RealHub, end: Callable[[RealHub], None], cause: str
) -> None:
    """One server that ends adds one to its cause, and to nothing else."""
    actions.start_and_wait(hub, "ann")
    before = causes(hub)
    end(hub)
    actions.wait_gone(hub, "ann")
    assert changes(before, causes(hub)) == {cause: 1}


def test_a_server_that_dies_after_a_stop_by_another_is_told_apart(hub: RealHub) -> None:
    """Who asked for one stop is not blamed for the next death."""
    actions.start_and_wait(hub, "ann")
    by_a_service(hub)
    actions.wait_gone(hub, "ann")
    actions.start_and_wait(hub, "ann")
    before = causes(hub)
    by_accident(hub)
    assert changes(before, causes(hub)) == {"died": 1}


def test_named_servers_count_each(hub: RealHub) -> None:
    """Two servers of one user are two ends."""
    for name in ("one", "two"):
        actions.start_and_wait(hub, "ben", name)
    before = causes(hub)
    for name in ("one", "two"):
        assert hub.delete(actions.server_path("ben", name)).status in (202, 204)
        actions.wait_gone(hub, "ben", name)
    assert changes(before, causes(hub)) == {"service": 2}


def test_a_spawn_that_failed_is_no_exit(hub: RealHub) -> None:
    """The clean-up after a failed spawn stops a server that nobody had."""
    before = causes(hub)
    failed = hub.metric("spawn_failure_total") or 0
    actions.start_server(hub, "bad")
    actions.wait_until(lambda: hub.metric("spawn_failure_total") == failed + 1)
    assert changes(before, causes(hub)) == {}


def test_all_causes_are_there_from_the_first_scrape(make_hub: Callable[..., RealHub]) -> None:
    """Before any server ended, each cause shows 0."""
    hub = make_hub().start()
    for cause in ("user", "admin", "service", "died", "shutdown"):
        assert hub.metric("server_exits_total", cause=cause) == 0


def test_a_server_that_died_while_the_hub_was_away_counts_as_died(
    make_hub: Callable[..., RealHub],
) -> None:
    """A Hub that comes back and finds a server gone says so; the one that is there stays."""
    keep = "c.JupyterHub.cleanup_servers = False\nc.JupyterHub.cleanup_proxy = False\n"
    hub = make_hub(config=CONFIG + keep).start()
    actions.start_and_wait(hub, "ann")
    pid = actions.start_and_wait(hub, "ben")["state"]["pid"]
    actions.end_hub_only(hub)
    actions.os.kill(pid, actions.signal.SIGKILL)
    hub.start()
    actions.wait_gone(hub, "ben")
    actions.wait_until(lambda: hub.metric("running_servers") == 1)
    assert hub.metric("server_exits_total", cause="user") == 0
    # The survivor's end is seen by the new Hub, through the callback of its own start.
    actions.kill_server(hub, "ann")
    assert hub.metric("running_servers") == 0
    died = hub.metric("server_exits_total", cause="died")
    assert died is not None
    assert died == 2


def causes(hub: RealHub) -> dict[str, float]:
    return by_label(hub.metrics(), "server_exits_total", "cause")


def changes(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {
        cause: count - before.get(cause, 0)
        for cause, count in after.items()
        if count != before.get(cause, 0)
    }
