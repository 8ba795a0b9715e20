"""The event log: what happens on a Hub, one JSON object a line, where the operator wants it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from support import actions
from support.actions import wait_until
from support.real_hub import RealHub

SCHEMA = "https://jupyterhub-monitoring.readthedocs.io/events/hub-activity/v1"

CONFIG = """
import logging
from jupyterhub.auth import DummyAuthenticator
from tornado import web

class School(DummyAuthenticator):
    async def authenticate(self, handler, data):
        if data["username"] == "crash":
            raise RuntimeError("the directory does not answer")
        return await super().authenticate(handler, data)

def pre_spawn(spawner):
    if spawner.user.name == "bad":
        raise ValueError("the hook has a bug")
    if spawner.user.name == "policy":
        raise web.HTTPError(403, "not for you")

c.JupyterHub.authenticator_class = School
c.EventLogger.handlers = [logging.FileHandler("events.log")]
c.Spawner.pre_spawn_hook = pre_spawn
c.Spawner.consecutive_failure_limit = 0
c.Spawner.poll_interval = 1
c.LocalProcessSpawner.interrupt_timeout = 1
c.JupyterHub.load_roles[0]["scopes"].append("shares")
"""


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    return module_hub(config=CONFIG).start()


def events(hub: RealHub) -> list[dict[str, Any]]:
    """Return our events so far."""
    lines = (hub.folder / "events.log").read_text().splitlines()
    return [e for e in map(json.loads, lines) if e["__schema__"] == SCHEMA]


class Listening:
    """The events that come from now on."""

    def __init__(self, hub: RealHub) -> None:
        self.hub, self.skip = hub, len(events(hub))

    def one(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for the one event of this kind with these fields, and return it."""
        wait_until(lambda: self.some(event, **fields), 30, why=f"{event} {fields}")
        (found,) = self.some(event, **fields)
        return found

    def some(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        return [
            e
            for e in events(self.hub)[self.skip :]
            if e["event"] == event and fields.items() <= e.items()
        ]


LOGINS = {
    "success": ("ann", "right", "success"),
    "denied": ("ann", "wrong", "denied"),
    "error": ("crash", "right", "error"),
}


@pytest.mark.parametrize(("user", "password", "outcome"), LOGINS.values(), ids=LOGINS)
def test_a_login_with_its_outcome(hub: RealHub, user: str, password: str, outcome: str) -> None:
    """Each attempt is one event, with who, how it ended, and through what."""
    listening = Listening(hub)
    hub.login(user, password)
    event = listening.one("login", username=user)
    assert (event["outcome"], event["authenticator"]) == (outcome, "School")
    assert password not in json.dumps(event)


def test_a_logout(hub: RealHub) -> None:
    """A logout is one event; opening the logout page without a login is none."""
    browser = hub.login("ann")
    listening = Listening(hub)
    browser.open("hub/logout")
    assert listening.one("logout")["username"] == "ann"
    browser.open("hub/logout")
    assert len(listening.some("logout")) == 1


def test_a_server_s_life(hub: RealHub) -> None:
    """Spawn with its phases, end with its cause."""
    listening = Listening(hub)
    actions.start_and_wait(hub, "ben")
    spawn = listening.one("spawn", username="ben")
    assert spawn["outcome"] == "success"
    assert spawn["servername"] == ""
    assert list(spawn["phases"]) == ["prepare", "start", "connect", "route"]
    assert all(0 <= seconds < 60 for seconds in spawn["phases"].values())
    hub.delete(actions.server_path("ben"))
    assert listening.one("server_exit", username="ben")["cause"] == "service"
    actions.wait_gone(hub, "ben")
    actions.start_and_wait(hub, "ben")
    actions.kill_server(hub, "ben")
    listening.one("server_exit", username="ben", cause="died")


@pytest.mark.parametrize(
    ("user", "outcome", "reason"),
    [("bad", "failure", "hook"), ("policy", "refused", "policy")],
    ids=["failure", "refused"],
)
def test_a_spawn_that_came_to_nothing(hub: RealHub, user: str, outcome: str, reason: str) -> None:
    """Failures and refusals are events too, once each, with the reason that the metrics show."""
    listening = Listening(hub)
    actions.start_server(hub, user)
    event = listening.one("spawn", username=user)
    assert (event["outcome"], event["reason"]) == (outcome, reason)


def test_users_come_and_go(hub: RealHub) -> None:
    """A user added by the API, renamed and deleted: one event each."""
    listening = Listening(hub)
    assert hub.post("hub/api/users/zoe").status == 201
    listening.one("user_added", username="zoe")
    assert hub.request("PATCH", "hub/api/users/zoe", data={"name": "zed"}).status == 200
    assert listening.one("user_renamed", username="zed")["by"] == "zoe"
    assert hub.delete("hub/api/users/zed").status == 204
    listening.one("user_deleted", username="zed")


def test_a_first_login_adds_a_user(hub: RealHub) -> None:
    """Who was never here before is added; a second login adds nobody."""
    listening = Listening(hub)
    hub.login("newcomer")
    hub.login("newcomer")
    listening.one("user_added", username="newcomer")
    assert len(listening.some("login", username="newcomer")) == 2


def test_a_share(hub: RealHub) -> None:
    """A server shared with somebody, and the share taken back."""
    actions.start_and_wait(hub, "owner")
    assert hub.post("hub/api/users/guest").status in (201, 409)
    listening = Listening(hub)
    answer = hub.post("hub/api/shares/owner/", data={"user": "guest"})
    assert answer.status == 200, answer.text
    assert listening.one("share_created")["username"] == "guest"
    answer = hub.request("PATCH", "hub/api/shares/owner/", data={"user": "guest"})
    assert answer.status == 200, answer.text
    assert listening.one("share_revoked")["by"] == "owner"


def test_every_event_is_of_the_schema_and_is_dated(hub: RealHub) -> None:
    """Each line names schema and version and has a time, as `jupyter_events` writes them."""
    hub.login("ann")
    for event in events(hub):
        assert event["__schema_version__"] == "1"
        assert event["__timestamp__"]
        assert {"event", "username"} <= event.keys()


def test_the_hub_s_own_events_are_still_there(hub: RealHub) -> None:
    """JupyterHub's `server-action` events go to the same place, as before."""
    actions.start_and_wait(hub, "own")
    assert "jupyterhub/events/server-action" in (hub.folder / "events.log").read_text()


def test_names_in_events_are_shown_as_the_operator_wants(
    make_hub: Callable[..., RealHub],
) -> None:
    """With `usernames = "hash"` the event log has the hashes that the metrics have."""
    hub = make_hub(config=CONFIG + "c.Monitoring.usernames = 'hash'\n").start()
    hub.login("zaphod")
    actions.start_and_wait(hub, "zaphod")
    ours = wait_until(lambda: [e for e in events(hub) if e["event"] == "spawn"])
    assert "zaphod" not in json.dumps(events(hub))
    assert hub.metric("user_login_total", username=ours[0]["username"]) == 1


def test_a_broken_handler_of_the_operator_s_stops_nobody(
    make_hub: Callable[..., RealHub],
) -> None:
    """A handler that raises (a full disk) fails no login and no spawn."""
    broken = """
import logging
class Full(logging.Handler):
    def emit(self, record):
        raise OSError(28, "No space left on device")
c.EventLogger.handlers = [Full()]
"""
    hub = make_hub(config=CONFIG + broken).start()
    assert hub.login("ann").status == 200
    assert hub.metric("login_success_total") == 1
