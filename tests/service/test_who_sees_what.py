"""People on a real Hub: users, a group's admin, an observer, an admin, by login and by token."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import jupyterhub
import pytest

from support.real_hub import Browser
from support.service_hub import PAGE, ServiceHub, eventually

ACCESS = "access:services!service=monitoring"
CONFIG = """
c.JupyterHub.load_groups = dict(physics=dict(users=['ben', 'tom']), art=dict(users=['dora']))
c.JupyterHub.load_roles += [
    dict(name='tokens', services=['test'], scopes=['tokens']),
    dict(name='teacher', users=['tom'], scopes=['admin:users!group=physics']),
    dict(name='lister', users=['lia'], scopes=['list:users']),
    dict(name='observer', users=['olga'], scopes=['read:metrics']),
]
c.MonitoringUsage.interval_seconds = 1
"""
PEOPLE = ("ben", "dora", "tom", "lia", "olga", "eva")

SEES: dict[str, tuple[bool, set[str]]] = {
    "admin": (True, {"ben", "dora"}),
    "olga": (True, {"ben", "dora"}),
    "lia": (False, {"ben", "dora"}),
    "tom": (False, {"ben"}),
    "ben": (False, {"ben"}),
    "eva": (False, set()),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceHub]:
    """One Hub with the servers of ben and dora."""
    hub = ServiceHub(tmp_path_factory.mktemp("hub"), config=CONFIG)
    try:
        hub.start()
        for name in PEOPLE:
            assert hub.post(f"hub/api/users/{name}").status in (201, 409)
        for name in ("ben", "dora"):
            hub.post(f"hub/api/users/{name}/server")
            hub.wait_ready(name)
        hub.wait_until_open()
        eventually(lambda: hub.ask("api/usage").json["totals"]["servers"] == 2)
        yield hub
    finally:
        hub.kill()


def token_of(hub: ServiceHub, name: str, *scopes: str) -> str:
    """Return a new token of a user, which may all that the user may, or *scopes* only."""
    data = {"scopes": list(scopes)} if scopes else {}
    made: str = hub.post(f"hub/api/users/{name}/tokens", data=data).json["token"]
    return made


def logged_in(hub: ServiceHub, name: str) -> Browser:
    """Return a browser that has been at the service's first page."""
    browser = hub.login(name)
    browser.open(PAGE)
    return browser


def seen(answer: Any) -> tuple[bool, set[str]]:
    assert answer.status == 200, answer.text
    return answer.json["full"], {row["username"] for row in answer.json["servers"]}


@pytest.mark.parametrize(("name", "sees"), SEES.items(), ids=SEES)
def test_whose_servers_somebody_sees(hub: ServiceHub, name: str, sees: tuple[bool, set[str]]):
    """The same after a login on a page and with a token that was made on the Hub's page."""
    assert seen(logged_in(hub, name).open(f"{PAGE}api/usage")) == sees
    assert seen(hub.ask("api/usage", token=token_of(hub, name))) == sees


@pytest.mark.parametrize("name", SEES)
@pytest.mark.parametrize("path", ["api/v1/query?query=up", "federate?match[]=up", "metrics"])
def test_who_may_ask_for_everything(hub: ServiceHub, name: str, path: str):
    """Whoever sees everything; the others read which scope it takes."""
    full, _ = SEES[name]
    answers = logged_in(hub, name).open(PAGE + path), hub.ask(path, token=token_of(hub, name))
    for answer in answers:
        assert answer.status == (200 if full else 403), answer.text
        assert ("the scope read:metrics" in answer.text) is not full


@pytest.mark.parametrize(
    ("name", "scopes", "sees"),
    [
        ("admin", [ACCESS], (False, set())),
        ("admin", [ACCESS, "read:metrics"], (True, {"ben", "dora"})),
        ("admin", ["read:metrics"], (False, set())),
        ("tom", [ACCESS], (False, set())),
        ("tom", ["list:users!group=physics"], (False, set())),
        ("tom", [ACCESS, "list:users!group=physics"], (False, {"ben"})),
        ("ben", ["read:users:name!user"], (False, {"ben"})),
    ],
)
def test_a_token_may_less_than_its_owner(
    hub: ServiceHub, name: str, scopes: list[str], sees: tuple[bool, set[str]]
):
    """What counts of a token is its scopes, whoever made it."""
    assert seen(hub.ask("api/usage", token=token_of(hub, name, *scopes))) == sees
    status = hub.ask("api/v1/query?query=up", token=token_of(hub, name, *scopes)).status
    assert status == (200 if sees[0] else 403)


def test_a_cookie_alone_changes_nothing(hub: ServiceHub):
    """An admin's browser that another site makes send a form is refused, and told why."""
    admin = logged_in(hub, "admin")
    answer = admin.open(f"{PAGE}alertmanager/api/v2/silences", {"comment": "x"})
    assert answer.status == 403
    assert "load the page again" in answer.text


SILENCE = {
    "matchers": [{"name": "alertname", "value": "Nothing", "isRegex": False}],
    "startsAt": "2026-01-01T00:00:00Z",
    "endsAt": "2096-01-01T00:00:00Z",
    "createdBy": "admin",
    "comment": "a test",
}


@pytest.mark.parametrize(("name", "status"), [("admin", 200), ("tom", 403), ("ben", 403)])
def test_a_page_of_ours_changes_what_its_viewer_may(hub: ServiceHub, name: str, status: int):
    """With the token that stands in the page, an admin's browser may silence; others' may not."""
    browser = logged_in(hub, name)
    page = browser.open(f"{PAGE}me")
    (token,) = re.findall(r'data-xsrf="([^"]+)"', page.text)
    request = urllib.request.Request(
        f"{hub.url}{PAGE}alertmanager/api/v2/silences",
        json.dumps(SILENCE).encode(),
        {
            "Content-Type": "application/json",
            "Sec-Fetch-Mode": "same-origin",
            "X-XSRFToken": token,
        },
    )
    try:
        with browser.opener.open(request, timeout=60) as response:
            found, said = response.status, ""
    except urllib.error.HTTPError as error:
        found, said = error.code, error.read().decode()
    assert (found, "the scope read:metrics" in said) == (status, status == 403), said


def test_the_hubs_own_pages_are_as_they_were(hub: ServiceHub):
    """The new scope lets nobody list users or read the Hub's metrics."""
    token = token_of(hub, "ben")
    for path in ("hub/api/users", "hub/metrics", "hub/api/services/monitoring"):
        assert hub.get(path, token=token).status in (403, 404), path
    assert ACCESS in hub.get("hub/api/user", token=token).json["scopes"]


def test_jupyterhub_token_takes_nothing_away(hub: ServiceHub):
    """`jupyterhub token` makes the roles anew beside the running Hub: all keep their scopes."""
    done = subprocess.run(
        [sys.executable, "-m", "jupyterhub", "token", "ben", "-f", "jupyterhub_config.py"],
        cwd=hub.folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip().splitlines()[-1]
    with closing(sqlite3.connect(hub.folder / "hub.db")) as database:  # the Hub reads it at times
        roles = dict(database.execute("select name, scopes from roles"))
    assert json.loads(roles["user"]) == ["self", ACCESS]
    assert "read:metrics" in json.loads(roles["jupyterhub-monitoring"])
    assert ACCESS in hub.get("hub/api/user", token=token).json["scopes"]
    assert seen(hub.ask("api/usage", token=token)) == (False, {"ben"})


# --- Off, and what the operator has -------------------------------------------------------------

MORE = """
c.MonitoringUsage.interval_seconds = 1
c.JupyterHub.load_roles.append(dict(name='tokens', services=['test'], scopes=['tokens']))
{more}
"""
FOR_USERS = "c.JupyterHub.load_roles.append(dict(name='user', scopes=['self', 'read:hub']))"
if jupyterhub.version_info[0] >= 6:
    FOR_USERS = "c.JupyterHub.extra_user_scopes = {'read:hub'}"


def scopes_of_eva(hub: ServiceHub) -> set[str]:
    hub.post("hub/api/users/eva")
    found: list[str] = hub.get("hub/api/user", token=token_of(hub, "eva")).json["scopes"]
    return {scope for scope in found if not scope.endswith("!user=eva")}


def test_switched_off_again(tmp_path: Any):
    """my_usage = False: users have what the operator gives them, and cannot log in to us."""
    hub = ServiceHub(tmp_path / "hub", config=MORE.format(more=FOR_USERS)).start()
    try:
        assert scopes_of_eva(hub) == {ACCESS, "read:hub"}
        hub.stop()
        hub.config += "c.Monitoring.my_usage = False\n"
        hub.start()
        assert scopes_of_eva(hub) == {"read:hub"}
        hub.wait_until_open()
        browser = hub.login("eva")
        assert browser.open(PAGE).status == 403
        assert browser.open(f"{PAGE}api/usage").status == 401
        token = token_of(hub, "eva")
        assert eventually(lambda: seen(hub.ask("api/usage", token=token))) == (False, set())
        assert hub.ask("", token=token).status == 403
        assert hub.login("admin").open(PAGE).status == 200
    finally:
        hub.kill()


def test_a_foreign_service_of_our_name_is_opened_to_nobody(tmp_path: Any):
    """One that was made while the Hub ran may show whatever it likes: users are not let in."""
    config = MORE.format(more="c.JupyterHub.load_roles[0]['scopes'].append('admin:services')")
    hub = ServiceHub(tmp_path / "hub", config=f"{config}\nc.Monitoring.service = False\n").start()
    try:
        made = hub.post("hub/api/services/monitoring", data={"info": {"ours": False}})
        assert made.status == 201, made.text
        hub.stop()
        hub.config = config
        hub.start()
        assert hub.services == []
        assert ACCESS not in scopes_of_eva(hub)
    finally:
        hub.kill()
