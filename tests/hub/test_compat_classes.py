"""`monitored()` on other people's spawners and authenticators: classes and configuration."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub.auth import Authenticator, DummyAuthenticator, PAMAuthenticator
from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner, Spawner
from jupyterhub.utils import maybe_future
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from jupyterhub_monitoring import (
    MetricsAuthenticator,
    MetricsSpawner,
    MonitoredSpawner,
    monitored,
)
from jupyterhub_monitoring.hub.original import original_class, original_name
from jupyterhub_monitoring.metrics import catalogue as m

# dotted path, names of its entry points, a trait of its own and a value
SPAWNERS = [
    (
        "jupyterhub.spawner.SimpleLocalProcessSpawner",
        ["simple"],
        "home_dir_template",
        "/x/{username}",
    ),
    ("jupyterhub.spawner.LocalProcessSpawner", ["localprocess"], "shell_cmd", ["sh"]),
    ("wrapspawner.WrapSpawner", [], "child_config", {"debug": True}),
    ("wrapspawner.ProfilesSpawner", [], "form_template", "<p>{input_template}</p>"),
    ("kubespawner.KubeSpawner", [], "image", "quay.io/me/mine:1"),
    ("dockerspawner.DockerSpawner", ["docker"], "image", "me/mine:1"),
    ("dockerspawner.SwarmSpawner", ["docker-swarm"], "extra_resources_spec", {"cpu_limit": 1}),
    (
        "dockerspawner.SystemUserSpawner",
        ["docker-system-user"],
        "host_homedir_format_string",
        "/h/{username}",
    ),
    ("systemdspawner.SystemdSpawner", ["systemd", "SystemdSpawner"], "mem_limit", 1024),
    ("batchspawner.SlurmSpawner", [], "req_partition", "long"),
    ("batchspawner.TorqueSpawner", [], "req_queue", "long"),
]
AUTHENTICATORS = [
    ("jupyterhub.auth.DummyAuthenticator", ["dummy", "Dummy"], "password", "x"),
    ("jupyterhub.auth.PAMAuthenticator", ["pam"], "service", "mine"),
    ("jupyterhub.auth.NullAuthenticator", ["null"], "enable_auth_state", True),
    (
        "jupyterhub.authenticators.shared.SharedPasswordAuthenticator",
        ["shared-password"],
        "user_password",
        "a-long-enough-password",
    ),
    ("nativeauthenticator.NativeAuthenticator", ["native"], "minimum_password_length", 12),
    ("oauthenticator.github.GitHubOAuthenticator", ["github"], "client_id", "id"),
    ("oauthenticator.generic.GenericOAuthenticator", ["generic-oauth"], "username_claim", "nick"),
    ("multiauthenticator.MultiAuthenticator", ["multiauthenticator"], "username_prefix", "p-"),
]
ALL = [*SPAWNERS, *AUTHENTICATORS]


def ids(row: Any) -> str:
    return row[0].rpartition(".")[2]


def make(cls: type, config: Config) -> Any:
    """Make one as the Hub does, as far as that goes without a Hub."""
    if not issubclass(cls, Spawner):
        return cls(config=config, db=Session(create_engine("sqlite://")))
    user = SimpleNamespace(name="ada", id=1, settings={}, url="/user/ada/", escaped_name="ada")
    hub = SimpleNamespace(public_host="", api_url="http://127.0.0.1:1/hub/api")
    return cls(config=config, user=user, hub=hub)


CLUSTER = """
apiVersion: v1
kind: Config
current-context: none
contexts: [{name: none, context: {cluster: none, user: none}}]
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: none, user: {}}]
"""


@pytest.fixture(autouse=True)
def cluster_that_does_not_answer(tmp_path, monkeypatch):
    """KubeSpawner reads where its cluster is when it is made; it connects only at a start."""
    file = tmp_path / "kubeconfig"
    file.write_text(CLUSTER)
    where = "kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION"
    monkeypatch.setattr(where, str(file))


def skip_where_it_is_not(path: str) -> Any:
    """Return the class; a class that this JupyterHub has not yet is no failure."""
    try:
        return import_item(path)
    except ImportError:
        if not path.startswith("jupyterhub."):
            raise
        pytest.skip(f"this JupyterHub has no {path}")


@pytest.mark.parametrize("row", ALL, ids=ids)
def test_class_path_and_name_give_the_same_watched_class(row):
    """The class, its dotted path and each entry point's name all give that class, watched."""
    path, names, *_ = row
    original = skip_where_it_is_not(path)
    for given in (original, path, *names):
        made = monitored(given)
        assert original_class(made) is original
        assert made is not original
        assert issubclass(made, original)
        assert original_name(made) == original.__name__
        assert (made.__name__, made.__module__, made.__qualname__, made.__doc__) == (
            original.__name__,
            original.__module__,
            original.__qualname__,
            original.__doc__,
        )


@pytest.mark.parametrize("row", ALL, ids=ids)
def test_watching_twice_is_watching_once(row):
    """`monitored(monitored(X))` has one mixin, and so counts once."""
    made = monitored(skip_where_it_is_not(row[0]))
    assert monitored(made) is made
    assert (
        len(
            [
                c
                for c in made.__mro__
                if c.__name__.endswith("Mixin") and "monitoring" in c.__module__
            ]
        )
        == 1
    )


@pytest.mark.parametrize("row", ALL, ids=ids)
async def test_the_classes_own_sections_configure_it(row):
    """`c.<OriginalClass>.<trait>` applies, and no new section appears for our mixin."""
    path, _, trait, value = row
    original = skip_where_it_is_not(path)
    made = monitored(original)
    config = Config()
    config[original.__name__][trait] = value
    thing = make(made, config)
    assert getattr(thing, trait) == value
    assert isinstance(thing, original)
    assert set(made.section_names()) == set(original.section_names())


@pytest.mark.parametrize("row", SPAWNERS, ids=ids)
async def test_the_base_section_configures_a_spawner(row):
    """`c.Spawner.<trait>` applies to every watched spawner."""
    made = monitored(row[0])
    assert make(made, Config({"Spawner": {"start_timeout": 77}})).start_timeout == 77


@pytest.mark.parametrize("row", AUTHENTICATORS, ids=ids)
def test_the_base_section_configures_an_authenticator(row):
    """`c.Authenticator.<trait>` applies to every watched authenticator."""
    made = monitored(skip_where_it_is_not(row[0]))
    assert make(made, Config({"Authenticator": {"admin_users": {"a"}}})).admin_users == {"a"}


def test_the_page_s_classes_are_of_what_the_page_says():
    """MonitoredSpawner, MetricsSpawner and MetricsAuthenticator: local processes and PAM."""
    assert issubclass(MonitoredSpawner, LocalProcessSpawner)
    assert issubclass(MetricsSpawner, LocalProcessSpawner)
    assert issubclass(MetricsAuthenticator, PAMAuthenticator)
    assert original_name(MonitoredSpawner) == "LocalProcessSpawner"
    assert original_name(MetricsAuthenticator) == "PAMAuthenticator"
    assert monitored(MonitoredSpawner) is MonitoredSpawner
    assert make(
        MonitoredSpawner, Config({"LocalProcessSpawner": {"shell_cmd": ["x"]}})
    ).shell_cmd == ["x"]


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (None, TypeError, "takes a Spawner or Authenticator class"),
        (3, TypeError, "not 3"),
        (SimpleNamespace(), TypeError, "takes a Spawner or Authenticator class"),
        (DummyAuthenticator(), TypeError, "takes a Spawner or Authenticator class"),
        (dict, TypeError, "builtins.dict is neither"),
        ("collections.OrderedDict", TypeError, "OrderedDict is neither"),
        ("json.dumps", TypeError, "takes a Spawner or Authenticator class"),
        ("simpel", ValueError, "simple"),
        ("", ValueError, "dotted path"),
        ("no.such.Spawner", ValueError, "no.such.Spawner"),
        ("jupyterhub.spawner.Nothing", ValueError, "Nothing"),
        ("..", ValueError, "'..'"),
        ("default", ValueError, "a spawner and an authenticator have that name"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_anything_else_is_refused_with_what_is_accepted(given, error, said):
    """A mistake in the configuration gets an error that names it and what would do."""
    with pytest.raises(error, match="monitored") as raised:
        monitored(given)
    assert said in str(raised.value)
    assert "monitored(" in str(raised.value)


# --- the operator's own subclasses ------------------------------------------------------------


class Alone(monitored(SimpleLocalProcessSpawner)):
    """Overrides all three, and calls no super()."""

    async def start(self):
        await asyncio.sleep(0)
        return ("127.0.0.1", 1)

    async def stop(self, now=False):
        return "stopped"

    async def poll(self):
        return None


class Polite(Alone):
    """Calls super(): the same start, once more."""

    async def start(self):
        return await super().start()


class Raises(Alone):
    def start(self):
        raise OSError("sync")


class RaisesLater(Alone):
    async def start(self):
        raise LookupError


class Slow(Alone):
    async def start(self):
        await asyncio.sleep(60)


def counted(name: str) -> dict[str, float]:
    """Return what is counted of the class *name*: successes, and failures by type."""
    found = {"": m.SPAWN_SUCCESS.labels(name)._value.get()}
    for metric in m.SPAWN_FAILURE.collect():
        for sample in metric.samples:
            if sample.labels["spawner_class"] == name and sample.name.endswith("_total"):
                found[sample.labels["error_type"]] = sample.value
    return {key: value for key, value in found.items() if value}


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (Alone, {"": 2}),
        (Polite, {"": 2}),
        (Raises, {"OSError": 2}),
        (RaisesLater, {"LookupError": 2}),
        (Slow, {"timeout": 2}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_an_override_is_counted_once_without_setup(cls, expected):
    """A subclass that overrides start(), with super() or without, counts each start once."""
    spawner = monitored(cls)(user=None, hub=None)
    spawner.user = SimpleNamespace(name="ada", id=1, settings={})
    for _ in range(2):
        try:
            result = await asyncio.wait_for(maybe_future(spawner.start()), 0.3)
        except (OSError, LookupError, asyncio.TimeoutError):
            result = None
        assert result == (("127.0.0.1", 1) if "" in expected else None)
    assert await spawner.stop() == "stopped"
    assert counted(cls.__name__) == expected


def test_an_override_of_a_watched_class_can_be_given_to_monitored():
    """`setup(c)` watches the configured class, also one made from a watched one."""
    assert monitored(Alone) is Alone
    assert original_name(Alone) == "Alone"

    class Mine(monitored(DummyAuthenticator)):
        async def authenticate(self, handler, data=None):
            return "x"

    assert monitored(Mine) is Mine
    assert issubclass(Mine, Authenticator)


def test_a_spawner_s_synchronous_start_runs_at_once():
    """What start() does before its first await is done when it returns (KubeSpawner needs it)."""
    done = []

    class Eager(SimpleLocalProcessSpawner):
        def start(self):
            done.append(1)
            return "127.0.0.1", 1

    spawner = monitored(Eager)(user=None, hub=None)
    spawner.user = SimpleNamespace(name="ada", id=1, settings={})
    coroutine = spawner.start()
    assert done == [1]
    coroutine.close()


def test_the_parts_of_multiauthenticator_are_what_counts():
    """The label is the class that the operator listed, not MultiAuthenticator's wrapper of it."""
    listed = [
        {"authenticator_class": given, "url_prefix": f"/{n}"}
        for n, given in enumerate(("dummy", monitored("pam"), MetricsAuthenticator))
    ]
    multi = monitored("multiauthenticator")(authenticators=listed)
    names = [original_name(part) for part in multi._authenticators]
    assert names == ["DummyAuthenticator", "PAMAuthenticator", "PAMAuthenticator"]
