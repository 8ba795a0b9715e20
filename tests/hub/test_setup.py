"""The one line: wherever it stands, it keeps what the operator has, and says what is wrong."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable

import pytest

from support import actions
from support.actions import by_label
from support.real_hub import RealHub

LINE = "import jupyterhub_monitoring; jupyterhub_monitoring.setup(c)\n"

QUICK = "c.LocalProcessSpawner.interrupt_timeout = 1\n"

OWN_CLASSES = """
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.spawner import SimpleLocalProcessSpawner

class School(DummyAuthenticator):
    pass

class Room(SimpleLocalProcessSpawner):
    pass

c.JupyterHub.authenticator_class = School
c.JupyterHub.spawner_class = Room
"""

# What comes before the line and after it, and the classes that the Hub then has.
PLACES = {
    "the first line": ("", OWN_CLASSES, True, "Room", "School"),
    "the last line": ("", OWN_CLASSES + LINE, False, "Room", "School"),
    "between": (OWN_CLASSES, "", True, "SimpleLocalProcessSpawner", "DummyAuthenticator"),
    "with entry point names": ("", "", True, "SimpleLocalProcessSpawner", "DummyAuthenticator"),
    "twice": ("", OWN_CLASSES + LINE + LINE, True, "Room", "School"),
}


@pytest.mark.parametrize(
    ("before", "config", "line", "spawner", "authenticator"), PLACES.values(), ids=PLACES
)
def test_the_place_of_the_line_does_not_matter(  # noqa: PLR0917 -- a row of the table each
    make_hub: Callable[..., RealHub],
    before: str,
    config: str,
    line: bool,
    spawner: str,
    authenticator: str,
) -> None:
    """One login, one spawn and one request are each counted once, for the classes in use."""
    hub = make_hub(before=before, config=QUICK + config, setup_line=line).start()
    assert hub.login("ann").status == 200
    actions.start_and_wait(hub, "ann")
    samples = hub.metrics()
    assert by_label(samples, "user_login_total", "authenticator") == {authenticator: 1}
    assert by_label(samples, "spawn_success_total", "spawner_class") == {spawner: 1}
    assert by_label(samples, "hub_info", "spawner_class") == {spawner: 1}
    assert by_label(samples, "hub_info", "authenticator_class") == {authenticator: 1}
    posts = "jupyterhub_request_count_total"
    counted = sum(v for (name, labels), v in samples.items() if name == posts and is_login(labels))
    assert counted == 1


def is_login(labels: frozenset[tuple[str, str]]) -> bool:
    return ("method", "POST") in labels and dict(labels)["handler"].endswith(".LoginHandler")


def test_classes_that_were_never_set(make_hub: Callable[..., RealHub]) -> None:
    """A configuration that names neither spawner nor authenticator has the Hub's own, watched."""
    unset = "c.JupyterHub.pop('spawner_class'); c.JupyterHub.pop('authenticator_class')\n"
    hub = make_hub(config=unset).start()
    samples = hub.metrics()
    assert by_label(samples, "hub_info", "spawner_class") == {"LocalProcessSpawner": 1}
    assert by_label(samples, "hub_info", "authenticator_class") == {"PAMAuthenticator": 1}
    key = ("jupyterhub_spawn_success_total", frozenset({("spawner_class", "LocalProcessSpawner")}))
    assert samples[key] == 0


HIS_OWN = """
import json, os
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.log import log_request

def note(what):
    with open("noted", "a") as file:
        file.write(what + "\\n")

def log_function(handler):
    log_request(handler)
    note("log_function")

class Page(BaseHandler):
    def get(self):
        self.write("his own page")

class School(DummyAuthenticator):
    def get_handlers(self, app):
        return [*super().get_handlers(app), ("/his-page", Page)]

    def add_user(self, user):
        note("add_user")
        return super().add_user(user)

async def post_auth(authenticator, handler, model):
    note("post_auth_hook")
    return model

os.makedirs("templates", exist_ok=True)
with open("templates/login.html", "w") as file:
    file.write('{% extends "templates/login.html" %}{% block main %}{{ super() }}'
               '<p>{{ motto }}</p>{% endblock %}')

c.JupyterHub.authenticator_class = School
c.JupyterHub.tornado_settings = {"log_function": log_function, "his_setting": 1}
c.JupyterHub.template_paths = ["templates"]
c.JupyterHub.template_vars = {"motto": "his own words"}
c.JupyterHub.services.append({"name": "his-service", "api_token": "0123456789abcdef"})
c.JupyterHub.load_roles.append(
    {"name": "his-role", "services": ["his-service"], "scopes": ["list:users"]}
)
c.Authenticator.post_auth_hook = post_auth
c.Spawner.pre_spawn_hook = lambda spawner: note("pre_spawn_hook")
c.Spawner.post_stop_hook = lambda spawner: note("post_stop_hook")
c.Spawner.auth_state_hook = lambda spawner, state: note("auth_state_hook")
c.Spawner.environment = {"HIS": "own"}
"""


@pytest.mark.parametrize("place", ["first", "last"])
def test_what_the_operator_has_is_kept(make_hub: Callable[..., RealHub], place: str) -> None:
    """Services, roles, templates, tornado settings, handlers and hooks all go on working."""
    config = QUICK + OWN_CLASSES + HIS_OWN
    if place == "last":
        hub = make_hub(config=config + LINE, setup_line=False).start()
    else:
        hub = make_hub(config=config).start()
    assert hub.login("ann").status == 200
    actions.start_and_wait(hub, "ann")
    assert hub.delete(actions.server_path("ann")).status in (202, 204)
    actions.wait_gone(hub, "ann")
    noted = (hub.folder / "noted").read_text().split()
    assert set(noted) == {
        "log_function",
        "add_user",
        "post_auth_hook",
        "pre_spawn_hook",
        "post_stop_hook",
        "auth_state_hook",
    }
    assert noted.count("pre_spawn_hook") == noted.count("post_auth_hook") == 1
    assert hub.get("hub/his-page", token=None).text == "his own page"
    assert "his own words" in hub.get("hub/login", token=None).text
    assert hub.get("hub/api/users", token="0123456789abcdef").status == 200
    assert hub.get("hub/api/services", token="0123456789abcdef").status == 403
    assert (hub.metric("request_count_total") or 0) > 0
    assert hub.metric("spawn_success_total") == 1


def test_an_extra_log_function_is_called_once_a_request(make_hub: Callable[..., RealHub]) -> None:
    """The operator's log function sees each request once, as the Hub's own metric does."""
    no_other = "c.MonitoringHealth.disabled = ['public_url']\n"  # it asks for hub/health, too
    hub = make_hub(config=OWN_CLASSES + HIS_OWN + no_other).start()
    calls = lambda: (hub.folder / "noted").read_text().count("log_function")  # noqa: E731
    hub.get("hub/health", token=None)
    # One request is that of `start()`. A request is logged a moment after it was answered.
    actions.wait_until(lambda: calls() >= 2)
    before = calls()
    for _ in range(5):
        hub.get("hub/health", token=None)
    actions.wait_until(lambda: calls() >= before + 5)
    assert calls() == before + 5


MISTAKES = {
    "an unknown setting": (
        "c.Monitoring.colect_interval = 5",
        ["c.Monitoring.colect_interval", "collect_interval_seconds"],
    ),
    "a wrong type": (
        "c.Monitoring.collect_interval_seconds = 'often'",
        ["collect_interval_seconds", "often"],
    ),
    "out of bounds": (
        "c.Monitoring.collect_interval_seconds = 0.001",
        ["collect_interval_seconds", "0.001"],
    ),
    "a wrong choice": ("c.Monitoring.usernames = 'nmae'", ["usernames", "nmae"]),
    "a misspelt section": ("c.Monitorign.usernames = 'none'", ["c.Monitorign", "c.Monitoring"]),
    "a setting of the health checks": ("c.MonitoringHealth.no_such = 1", ["no_such"]),
}


@pytest.mark.parametrize(("line", "words"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_an_error_that_helps(
    make_hub: Callable[..., RealHub], line: str, words: list[str]
) -> None:
    """The log has an error that names the setting and the nearest known one; the Hub runs."""
    hub = make_hub(config=f"{line}\n").start()
    errors = [text for text in hub.log.splitlines() if text.startswith("[E ")]
    assert any(all(word in text for word in words) for text in errors), errors
    assert hub.login("zaphod").status == 200
    assert hub.metric("login_success_total") == 1


def test_after_a_mistake_no_name_is_shown(make_hub: Callable[..., RealHub]) -> None:
    """Who misspelt `usernames = "none"` wanted no names; until it is repaired there are none."""
    hub = make_hub(config="c.Monitoring.user_names = 'none'\n").start()
    assert hub.login("zaphod").status == 200
    assert hub.metric("login_success_total") == 1
    assert "zaphod" not in hub.get("hub/metrics").text


def test_names_as_they_are(make_hub: Callable[..., RealHub]) -> None:
    """By default only who may read the metrics sees names, so they are shown."""
    hub = make_hub().start()
    hub.login("zaphod")
    assert hub.metric("user_login_total", username="zaphod") == 1
    assert hub.get("hub/metrics", token=None).status == 403


def test_names_as_hashes_that_stay_the_same(make_hub: Callable[..., RealHub]) -> None:
    """`hash`: no name on the page; the same hash after a restart; the key is nobody else's."""
    hub = make_hub(config=QUICK + "c.Monitoring.usernames = 'hash'\n").start()
    seen = []
    for _ in range(2):
        hub.login("zaphod")
        actions.start_and_wait(hub, "zaphod")
        page = hub.get("hub/metrics").text
        assert "zaphod" not in page
        (hashed,) = by_label(hub.metrics(), "user_login_total", "username")
        assert re.fullmatch("[0-9a-f]{16}", hashed)
        seen.append(hashed)
        hub.stop()
        hub.start()
    assert seen[0] == seen[1]
    keys = [f for f in hub.folder.iterdir() if "monitoring" in f.name and f.is_file()]
    assert len(keys) == 1, "one key, beside the cookie secret"
    assert stat.S_IMODE(keys[0].stat().st_mode) == 0o600


def test_no_names(make_hub: Callable[..., RealHub]) -> None:
    """`none`: per-user numbers become totals."""
    hub = make_hub(config="c.Monitoring.usernames = 'none'\n").start()
    for user in ("zaphod", "trillian"):
        hub.login(user)
        actions.start_and_wait(hub, user)
    assert not re.search("zaphod|trillian", hub.get("hub/metrics").text)
    assert by_label(hub.metrics(), "user_login_total", "username") == {"": 2}
    launches = by_label(hub.metrics(), "notebook_launch_duration_seconds_count", "username")
    assert launches == {"": 2}


def test_an_open_metrics_page_shows_no_names(make_hub: Callable[..., RealHub]) -> None:
    """With `authenticate_prometheus = False` anybody reads the page: no names, and a warning."""
    hub = make_hub(config="c.JupyterHub.authenticate_prometheus = False\n").start()
    hub.login("zaphod")
    page = hub.get("hub/metrics", token=None)
    assert page.status == 200
    assert "zaphod" not in page.text
    assert by_label(hub.metrics(), "user_login_total", "username") == {"": 1}
    warnings = [line for line in hub.log.splitlines() if line.startswith("[W ")]
    assert any("authenticate_prometheus" in line and "usernames" in line for line in warnings)


def test_an_operator_may_want_names_on_an_open_page(make_hub: Callable[..., RealHub]) -> None:
    """What is set explicitly is done."""
    config = "c.JupyterHub.authenticate_prometheus = False\nc.Monitoring.usernames = 'name'\n"
    hub = make_hub(config=config).start()
    hub.login("zaphod")
    assert 'username="zaphod"' in hub.get("hub/metrics", token=None).text


def test_a_deleted_user_leaves_no_series(make_hub: Callable[..., RealHub]) -> None:
    """Who is gone from the Hub is gone from the page; the totals stay."""
    hub = make_hub(config=QUICK).start()
    hub.login("zaphod")
    actions.start_and_wait(hub, "zaphod")
    assert "zaphod" in hub.get("hub/metrics").text
    assert hub.delete("hub/api/users/zaphod").status == 204
    assert "zaphod" not in hub.get("hub/metrics").text
    assert hub.metric("login_success_total") == 1


def test_the_number_of_series_is_bounded(make_hub: Callable[..., RealHub]) -> None:
    """Above `max_series` what comes new shares one series, and is counted as folded."""
    busy = """
from jupyterhub_monitoring import record_custom_event

def post_auth(authenticator, handler, model):
    for number in range(60):
        record_custom_event("ping", user=f"user{number}")
    return model

c.Authenticator.post_auth_hook = post_auth
c.Monitoring.max_series = 40
"""
    hub = make_hub(config=busy).start()
    hub.login("ann")
    pings = by_label(hub.metrics(), "custom_events_total", "user")
    assert len(pings) == 40 + 1
    assert pings["(other)"] == 60 + 1 - 40  # the login is an event too
    dropped = hub.metric("monitoring_series_dropped_total", metric="jupyterhub_custom_events_total")
    assert dropped == pings["(other)"]


def test_a_limit_of_series_that_is_far_too_low_breaks_nothing(
    make_hub: Callable[..., RealHub],
) -> None:
    """With three series a metric, totals are still right."""
    hub = make_hub(config="c.Monitoring.max_series = 3\n").start()
    for number in range(6):
        hub.login(f"user{number}")
    assert hub.metric("login_success_total") == 6
    assert hub.metric("user_login_total") == 6
    assert hub.metric("monitoring_instrumentation_errors_total") == 0


def test_another_prefix(make_hub: Callable[..., RealHub]) -> None:
    """`JUPYTERHUB_METRICS_PREFIX` is the prefix of ours as of the Hub's own."""
    hub = make_hub(env={"JUPYTERHUB_METRICS_PREFIX": "campus"}).start()
    hub.login("ann")
    page = hub.get("hub/metrics").text
    assert "campus_login_success_total 1.0" in page
    assert "campus_total_users" in page
    assert not re.search("^jupyterhub_", page, re.MULTILINE)


def test_setup_outside_of_a_hub_is_harmless() -> None:
    """A tool that reads the configuration without starting a Hub goes on."""
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    code = "import jupyterhub_monitoring as m; m.setup(object()); print('on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"on\n"


def test_a_token_command_is_as_before(make_hub: Callable[..., RealHub]) -> None:
    """`jupyterhub token` reads the same configuration and starts nothing of ours."""
    import subprocess  # noqa: PLC0415

    hub = make_hub().start()
    hub.login("admin")
    config = str(hub.folder / "jupyterhub_config.py")
    done = subprocess.run(
        [*hub.command, "token", "admin", "-f", config],
        cwd=hub.folder,
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert re.fullmatch(rb"\w{16,}\n", done.stdout), done.stdout
