"""Every way in which a login can end is counted as what it was."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.actions import by_label, total
from support.real_hub import RealHub

CONFIG = """
from jupyterhub.auth import DummyAuthenticator
from tornado import web

class School(DummyAuthenticator):
    async def authenticate(self, handler, data):
        if data["username"] == "crash":
            raise RuntimeError("the directory does not answer")
        if data["username"] == "teapot":
            raise web.HTTPError(503, "the directory is closed")
        if data["username"] == "suspended":
            raise web.HTTPError(403, "you are suspended")
        return await super().authenticate(handler, data)

c.JupyterHub.authenticator_class = School
c.Authenticator.blocked_users = {"blocked"}
c.Authenticator.allow_all = False
c.Authenticator.allowed_users = {"ann", "blocked", "crash", "teapot", "suspended"}
"""

# (name, password): (status of the page, outcome)
CASES = {
    "right password": ("ann", "right", 200, "success"),
    "wrong password": ("ann", "wrong", 403, "denied"),
    "not on the list": ("stranger", "right", 403, "denied"),
    "blocked": ("blocked", "right", 403, "denied"),
    "no such name": ("", "right", 403, "denied"),
    "the authenticator says 403": ("suspended", "right", 403, "denied"),
    "the authenticator raises": ("crash", "right", 500, "error"),
    "the authenticator says 503": ("teapot", "right", 503, "error"),
}


@pytest.fixture(scope="module")
def hub(module_hub: Callable[..., RealHub]) -> RealHub:
    return module_hub(config=CONFIG).start()


@pytest.mark.parametrize(("name", "password", "status", "outcome"), CASES.values(), ids=CASES)
def test_a_login_counts_once_as_what_it_was(
    hub: RealHub, name: str, password: str, status: int, outcome: str
) -> None:
    """One attempt adds one to its outcome, and to nothing else."""
    before = hub.metrics()
    assert hub.login(name, password).status == status
    after = hub.metrics()
    attempts = {
        key: by_label(after, "login_attempts_total", "outcome").get(key, 0)
        - by_label(before, "login_attempts_total", "outcome").get(key, 0)
        for key in ("success", "denied", "error")
    }
    assert attempts == {"success": 0, "denied": 0, "error": 0} | {outcome: 1}
    for metric, counts in ("login_success_total", "success"), ("login_failure_total", "failure"):
        added = total(after, metric) - total(before, metric)
        assert added == (1 if (outcome == "success") == (counts == "success") else 0)


def test_a_login_counts_for_its_user_and_authenticator(hub: RealHub) -> None:
    """`user_login_total` has who and through which class, successes only."""
    before = hub.metric("user_login_total", username="ann", authenticator="School") or 0
    hub.login("ann")
    hub.login("ann", "wrong")
    assert hub.metric("user_login_total", username="ann", authenticator="School") == before + 1
    assert hub.metric("custom_events_total", event_type="user_login", user="ann") == before + 1


def test_all_outcomes_are_there_from_the_first_scrape(
    make_hub: Callable[..., RealHub],
) -> None:
    """A Hub where nobody has come yet shows 0 for each outcome, so that `rate()` sees the first."""
    hub = make_hub(config=CONFIG).start()
    for outcome in ("success", "denied", "error"):
        value = hub.metric("login_attempts_total", outcome=outcome, authenticator="School")
        assert value == 0
    assert hub.metric("login_success_total") == 0
    assert hub.metric("login_failure_total") == 0


def test_a_page_that_needs_a_login_counts_nothing(hub: RealHub) -> None:
    """Opening the login form or a page that asks for a login is no attempt."""
    before = total(hub.metrics(), "login_attempts_total")
    assert hub.get("hub/login", token=None).status == 200
    assert hub.get("hub/home", token=None).status == 200
    assert hub.get("hub/api/user", token=None).status == 403
    assert total(hub.metrics(), "login_attempts_total") == before
