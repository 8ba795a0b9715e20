"""Other people's spawners and authenticators on a real Hub: each spawn and login counts once."""

from __future__ import annotations

import getpass
from pathlib import Path
from textwrap import dedent

import nativeauthenticator
import pytest

from support.actions import (
    by_label,
    end_hub_only,
    server_path,
    start_and_wait,
    start_server,
    total,
    wait_gone,
    wait_until,
)
from support.compat_people import IS_ROOT, OAuthProvider, pam_service, system_user
from support.real_hub import Browser

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can add a PAM service")


def spawn_counts(samples):
    """Return everything that says how often something was spawned or launched, by its labels."""
    return {
        "success": by_label(samples, "spawn_success_total", "spawner_class"),
        "duration": by_label(samples, "spawn_duration_seconds_count", "spawner_class"),
        "failure": by_label(samples, "spawn_failure_total", "error_type"),
        "launch": by_label(samples, "notebook_launch_duration_seconds_count", "spawner_type"),
        "phases": by_label(samples, "spawn_phase_duration_seconds_count", "phase"),
        "phase classes": by_label(samples, "spawn_phase_duration_seconds_count", "spawner_class"),
    }


def spawned(spawner_class, times=1):
    """Return the counts after that many spawns that succeeded."""
    phases = ("prepare", "start", "connect", "route")
    return {
        "success": {spawner_class: times},
        "duration": {spawner_class: times},
        "failure": {},
        "launch": {spawner_class: times},
        "phases": dict.fromkeys(phases, times),
        "phase classes": {spawner_class: len(phases) * times},
    }


def login_counts(samples):
    """Return everything that says how often somebody tried to log in."""
    outcomes = {}
    for (name, pairs), value in samples.items():
        if name == "jupyterhub_login_attempts_total" and value:
            labels = dict(pairs)
            outcomes[labels["authenticator"], labels["outcome"]] = value
    return {
        "attempts": outcomes,
        "success": total(samples, "login_success_total"),
        "failure": total(samples, "login_failure_total"),
        "users": by_label(samples, "user_login_total", "username"),
        "user classes": by_label(samples, "user_login_total", "authenticator"),
    }


# --- spawners ----------------------------------------------------------------------------------

PROFILES = """
from wrapspawner import ProfilesSpawner
c.JupyterHub.spawner_class = ProfilesSpawner
c.ProfilesSpawner.profiles = [
    ("small", "small", "jupyterhub.spawner.SimpleLocalProcessSpawner", {"mem_limit": "1G"}),
    ("large", "large", CHILD, {"mem_limit": "2G"}),
]
c.ProfilesSpawner.default_url = "/lab"
"""
SPAWNERS = {
    "simple": ("SimpleLocalProcessSpawner", ""),
    "wrap": (
        "WrapSpawner",
        """
        from jupyterhub.spawner import SimpleLocalProcessSpawner
        from wrapspawner import WrapSpawner
        WrapSpawner.child_class = SimpleLocalProcessSpawner
        c.JupyterHub.spawner_class = WrapSpawner
        """,
    ),
    "profiles": (
        "ProfilesSpawner",
        "CHILD = 'jupyterhub.spawner.SimpleLocalProcessSpawner'" + PROFILES,
    ),
    "profiles of a watched class": (
        "ProfilesSpawner",
        "CHILD = jupyterhub_monitoring.monitored('simple')" + PROFILES,
    ),
    "already watched": (
        "SimpleLocalProcessSpawner",
        "c.JupyterHub.spawner_class = jupyterhub_monitoring.monitored('simple')",
    ),
    "a subclass of a watched class": (
        "Mine",
        """
        from jupyterhub.spawner import SimpleLocalProcessSpawner
        class Mine(jupyterhub_monitoring.monitored("simple")):
            async def start(self):  # goes around ours
                return await SimpleLocalProcessSpawner.start(self)
        c.JupyterHub.spawner_class = Mine
        """,
    ),
}


@pytest.mark.parametrize(("spawner_class", "config"), SPAWNERS.values(), ids=SPAWNERS)
def test_a_spawn_counts_once_and_survives_a_restart_of_the_hub(make_hub, spawner_class, config):
    """Spawn, stop, spawn, restart of the Hub, stop: each once, with the original class's name."""
    hub = make_hub(config="c.JupyterHub.cleanup_servers = False\n" + dedent(config)).start()
    check_a_life(hub, spawner_class, "ada", {"profile": "large"})


def test_a_server_of_another_system_user_counts_once(make_hub):
    """LocalProcessSpawner, with its setuid: the server runs as the user, and is counted."""
    with system_user() as user:
        config = f"""
        c.JupyterHub.cleanup_servers = False
        c.JupyterHub.spawner_class = "localprocess"
        c.Spawner.cmd = {user.cmd!r}
        """
        hub = make_hub(config=config).start()
        pid = start_and_wait(hub, user.name)["state"]["pid"]
        assert Path(f"/proc/{pid}").owner() == user.name
        assert hub.delete(server_path(user.name)).status in (202, 204)
        wait_gone(hub, user.name)
        check_a_life(hub, "LocalProcessSpawner", user.name, {}, before=1)
        hub.kill()


def check_a_life(hub, spawner_class, user, options, before=0):
    """Start and stop a server of *user*, and start one that outlives the Hub's restart."""
    assert hub.post(f"hub/api/users/{user}").status in (201, 409)
    for n in (1, 2):
        assert hub.post(server_path(user), data=options).status in (201, 202)
        hub.wait_ready(user)
        assert spawn_counts(hub.metrics()) == spawned(spawner_class, before + n)
        if n == 1:
            assert hub.delete(server_path(user)).status in (202, 204)
            wait_gone(hub, user)
    stopped = {"service": before + 1}
    assert by_label(hub.metrics(), "server_exits_total", "cause") == stopped
    assert end_hub_only(hub) == 0

    hub.start()
    assert hub.user(user)["servers"][""]["ready"]
    after = hub.metrics()
    assert spawn_counts(after)["success"] == {}  # it did not start again
    assert total(after, "running_servers") == 1
    assert by_label(after, "server_exits_total", "cause") == {}
    assert hub.delete(server_path(user)).status in (202, 204)
    wait_gone(hub, user)
    after = hub.metrics()
    assert by_label(after, "server_exits_total", "cause") == {"service": 1}
    assert total(after, "running_servers") == 0
    assert total(after, "monitoring_instrumentation_errors_total") == 0


# --- authenticators ----------------------------------------------------------------------------


def test_pam_logins_count_once_or_are_denied(make_hub):
    """Without a password that fits, PAM says no, and that is what is counted."""
    hub = make_hub(config="c.JupyterHub.authenticator_class = 'pam'").start()
    assert hub.login(getpass.getuser(), "surely not this").status == 403
    assert login_counts(hub.metrics()) == {
        "attempts": {("PAMAuthenticator", "denied"): 1},
        "success": 0,
        "failure": 1,
        "users": {},
        "user classes": {},
    }


@needs_root
def test_a_pam_login_with_the_right_password_counts_once(make_hub):
    """A real PAM conversation lets a system user in; the wrong password does not."""
    with pam_service("open sesame") as service:
        config = f"""
        c.JupyterHub.authenticator_class = "pam"
        c.PAMAuthenticator.service = {service!r}
        """
        hub = make_hub(config=config).start()
        assert hub.login("daemon", "open sesame").status == 200
        assert hub.login("daemon", "wrong").status == 403
        assert login_counts(hub.metrics()) == {
            "attempts": {("PAMAuthenticator", "success"): 1, ("PAMAuthenticator", "denied"): 1},
            "success": 1,
            "failure": 1,
            "users": {"daemon": 1},
            "user classes": {"PAMAuthenticator": 1},
        }


def test_native_logins_count_once_and_signing_up_is_no_login(make_hub):
    """A person signs up, logs in, and mistypes the password: one success, one denial.

    nativeauthenticator 1.3 needs `handler.statsd`, which JupyterHub 6 has no more: on a stock
    Hub 6 its every login ends in a 500, so the Hub here is given one.
    """
    templates = Path(nativeauthenticator.__file__).parent / "templates"
    config = f"""
    c.JupyterHub.authenticator_class = "native"
    c.JupyterHub.template_paths = [{str(templates)!r}]
    c.NativeAuthenticator.open_signup = True
    from unittest.mock import MagicMock
    from jupyterhub.handlers.base import BaseHandler
    if not hasattr(BaseHandler, "statsd"):
        BaseHandler.statsd = MagicMock()
    """
    hub = make_hub(config=config).start()
    person = Browser(hub)
    person.open("hub/signup")
    form = {
        "username": "ada",
        "signup_password": "correct horse",
        "signup_password_confirmation": "correct horse",
    }
    assert person.open("hub/signup", form).status == 200
    assert login_counts(hub.metrics())["attempts"] == {}
    assert b"/hub/logout" in person.login("ada", "correct horse").body
    Browser(hub).login("ada", "wrong")
    assert login_counts(hub.metrics()) == {
        "attempts": {("NativeAuthenticator", "success"): 1, ("NativeAuthenticator", "denied"): 1},
        "success": 1,
        "failure": 1,
        "users": {"ada": 1},
        "user classes": {"NativeAuthenticator": 1},
    }


@pytest.fixture
def provider():
    made = OAuthProvider()
    yield made
    made.close()


def oauth_login(hub, path="hub/oauth_login"):
    """Go to the provider and come back, as a new person's browser does."""
    return Browser(hub).open(f"{path}?next=/hub/home")


def test_oauth_logins_count_once(make_hub, provider):
    """Over the provider and back: let in, not on the list, and a provider that is broken."""
    hub = make_hub()
    options = provider.options(hub.url + "hub/oauth_callback")
    hub.config = "\n".join(
        [
            "c.JupyterHub.authenticator_class = 'generic-oauth'",
            "c.Authenticator.allow_all = False",
            "c.Authenticator.allowed_users = {'ada'}",
            f"c.GenericOAuthenticator.update({options!r})",
        ]
    )
    hub.start()
    assert b"/hub/logout" in oauth_login(hub).body
    provider.user = "mallory"
    assert oauth_login(hub).status == 403
    provider.broken = True
    assert oauth_login(hub).status == 500
    assert login_counts(hub.metrics()) == {
        "attempts": {
            ("GenericOAuthenticator", "success"): 1,
            ("GenericOAuthenticator", "denied"): 1,
            ("GenericOAuthenticator", "error"): 1,
        },
        "success": 1,
        "failure": 2,
        "users": {"ada": 1},
        "user classes": {"GenericOAuthenticator": 1},
    }


def test_the_parts_of_multiauthenticator_count(make_hub, provider):
    """With several authenticators side by side, each login counts for the one that was used."""
    hub = make_hub()
    options = provider.options(hub.url + "hub/two/oauth_callback")
    hub.config = f"""
c.JupyterHub.authenticator_class = "multiauthenticator"
c.MultiAuthenticator.username_prefix = ""
c.MultiAuthenticator.authenticators = [
    dict(authenticator_class="dummy", url_prefix="/one"),
    dict(authenticator_class="generic-oauth", url_prefix="/two", config={options!r}),
]
"""
    hub.start()
    one, two = "DummyAuthenticator", "GenericOAuthenticator"
    zero = {
        dict(pairs)["authenticator"] for name, pairs in hub.metrics() if "login_attempts" in name
    }
    assert {one, two} <= zero, "both are there from the first scrape"
    for password in ("right", "wrong"):
        person = Browser(hub)
        person.open("hub/one/login")
        person.open("hub/one/login?next=/hub/home", {"username": "bob", "password": password})
    assert b"/hub/logout" in oauth_login(hub, "hub/two/oauth_login").body
    assert login_counts(hub.metrics()) == {
        "attempts": {(one, "success"): 1, (one, "denied"): 1, (two, "success"): 1},
        "success": 2,
        "failure": 1,
        "users": {"ada": 1, "bob": 1},
        "user classes": {one: 1, two: 1},
    }


# --- the page's classes alone ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["MonitoredSpawner", "MetricsSpawner"])
@pytest.mark.parametrize("setup", [True, False], ids=["with setup", "without setup"])
def test_the_page_s_spawners_count_once(make_hub, name, setup):
    """`MonitoredSpawner` counts with `setup(c)` and without, once either way."""
    config = f"""
    import jupyterhub_monitoring
    c.JupyterHub.spawner_class = jupyterhub_monitoring.{name}
    """
    hub = make_hub(config=config, setup_line=setup).start()
    start_and_wait(hub, getpass.getuser())
    expected = spawned("LocalProcessSpawner")
    if not setup:
        expected |= {"phases": {}, "phase classes": {}}
    assert spawn_counts(hub.metrics()) == expected


def test_without_setup_a_start_that_raises_or_is_late_is_a_failure(make_hub):
    """`monitored()` alone counts what start() came to."""
    config = """
    import asyncio
    import jupyterhub_monitoring
    class Odd(jupyterhub_monitoring.monitored("simple")):
        async def start(self):
            if self.user.name == "late":
                await asyncio.sleep(60)
            raise OSError("no disk")
    c.JupyterHub.spawner_class = Odd
    c.Spawner.start_timeout = 1
    """
    hub = make_hub(config=config, setup_line=False).start()
    for user in ("late", "other"):
        start_server(hub, user)
    wait_until(lambda: len(spawn_counts(hub.metrics())["failure"]) == 2)
    counts = spawn_counts(hub.metrics())
    assert counts["failure"] == {"timeout": 1, "OSError": 1}
    assert counts["launch"] == {"Odd": 2}
    assert counts["success"] == {}


@needs_root
@pytest.mark.parametrize("setup", [True, False], ids=["with setup", "without setup"])
def test_the_page_s_authenticator_counts_once(make_hub, setup):
    """`MetricsAuthenticator` counts with `setup(c)` and without, once either way."""
    with pam_service("open sesame") as service:
        config = f"""
        import jupyterhub_monitoring
        c.JupyterHub.authenticator_class = jupyterhub_monitoring.MetricsAuthenticator
        c.PAMAuthenticator.service = {service!r}
        """
        hub = make_hub(config=config, setup_line=setup).start()
        assert hub.login("daemon", "open sesame").status == 200
        counts = login_counts(hub.metrics())
    assert counts["users"] == {"daemon": 1}
    assert counts["user classes"] == {"PAMAuthenticator": 1}
    assert counts["success"] == 1
