"""What becomes of the Hub's services and roles, and how our sections reach the service."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets import Dict, Float, List
from traitlets.config import Config, LoggingConfigurable
from traitlets.config.loader import DeferredConfigList, DeferredConfigString

from jupyterhub_monitoring import configuration
from jupyterhub_monitoring.hub.service import (
    MAX_VARIABLE_BYTES,
    NAME,
    ROLE,
    SCOPES,
    SECTIONS,
    data_folder,
    handed_over_problems,
    plan,
    wanted_scopes,
)
from jupyterhub_monitoring.service import settings

URL = "http://127.0.0.1:1"
OTHER = {"name": "other", "url": URL}


def test_service_and_role_are_added_to_what_is_there():
    """What the operator has stays first, as it is; ours comes after it with one scope."""
    made = plan([OTHER], [{"name": "mine"}], URL)
    assert made.services[0] is OTHER
    assert [service["name"] for service in made.services] == ["other", NAME]
    assert made.roles[1:] == [{"name": ROLE, "services": [NAME], "scopes": ["read:metrics"]}]
    assert made.problems == ()


def test_a_foreign_service_of_our_name_stays():
    """It keeps running, gets no role of ours, and the problem says what to do."""
    theirs = {"name": NAME, "url": "http://grafana:3000"}
    made = plan([theirs], [], URL)
    assert (made.services, made.roles) == ([theirs], [])
    assert "Rename the other one, or set c.Monitoring.service = False" in made.problems[0]


@pytest.mark.parametrize(
    ("role", "problems"),
    [
        ({"name": ROLE, "services": [NAME], "scopes": ["read:metrics", "list:users"]}, 0),
        ({"name": ROLE, "users": ["ana"]}, 1),
        ({"name": "monitoring", "services": ["prometheus"]}, 0),
    ],
    ids=["made wider", "of other people", "with a similar name"],
)
def test_a_role_of_the_operators_is_never_changed(role: dict[str, Any], problems: int):
    """The Hub would exit on two roles of one name; theirs stays, and they hear if it cannot do."""
    made = plan([], [role], URL)
    assert made.roles[0] is role
    assert [r["name"] for r in made.roles].count(ROLE) == 1
    assert len(made.problems) == problems


USAGE = {"list:users", "read:servers", "admin:server_state"}


@pytest.mark.parametrize(
    ("usage", "scopes"),
    [
        ({}, USAGE),
        ({"groups": ["staff"]}, USAGE | {"read:users:groups"}),
        ({"server_state": False}, {"list:users", "read:servers"}),
        ({"enabled": False, "groups": ["staff"]}, set()),
        ({"enabled": DeferredConfigString("False")}, set()),
        ({"enabled": "perhaps"}, USAGE),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_the_scopes_are_those_that_are_used(usage: dict[str, Any], scopes: set[str]):
    """What is switched off takes its scopes along, also when the command line says it."""
    app = SimpleNamespace(config=Config({"MonitoringUsage": Config(usage)}))
    assert set(wanted_scopes(app)) == {"read:metrics", *scopes}


def test_the_scopes_are_as_few_as_the_documentation_says():
    """A new scope is a decision that operators must hear of."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "scopes.md").read_text()
    assert SCOPES == ("read:metrics",)
    config = Config({"MonitoringUsage": Config({"groups": ["staff"]})})
    for scope in wanted_scopes(SimpleNamespace(config=config)):
        assert f"\n| `{scope}` |" in page


@pytest.mark.parametrize(
    ("wanted", "db_url", "folder"),
    [
        ("", "sqlite:////srv/hub/jupyterhub.sqlite", "/srv/hub/jupyterhub-monitoring"),
        ("", "sqlite:///jupyterhub.sqlite", "{cwd}/jupyterhub-monitoring"),
        ("", "sqlite:///:memory:", "{cwd}/jupyterhub-monitoring"),
        ("", "sqlite://", "{cwd}/jupyterhub-monitoring"),
        ("", "postgresql://hub:secret@db/hub", "{cwd}/jupyterhub-monitoring"),
        ("/data/m", "sqlite:////srv/hub/x.sqlite", "/data/m"),
        ("m", "sqlite:////srv/hub/x.sqlite", "{cwd}/m"),
        ("~/m", "sqlite://", "{home}/m"),
    ],
)
def test_default_data_folder(wanted: str, db_url: str, folder: str):
    """State lies beside the Hub's database unless the operator says otherwise."""
    expected = folder.format(cwd=Path.cwd(), home=Path.home())
    assert data_folder(wanted, db_url) == Path(expected)


def test_the_hub_knows_the_services_sections():
    """Their names are written in both rooms, because the Hub's may not import the service's."""
    read = settings.read("{}")
    known = {type(section).__name__ for section in vars(read).values()} - {"tuple"}
    assert known == set(SECTIONS)


class Example(LoggingConfigurable):
    number = Float(1.0).tag(config=True)
    things = List([0]).tag(config=True)
    names = Dict({"a": 1}).tag(config=True)


def handed_over(config: Config) -> tuple[Example, list[str]]:
    text, problems = configuration.dump_sections(config, ["Example"])
    json.loads(text)
    app = SimpleNamespace(config=configuration.load_sections(text))
    example, wrong = configuration.load(Example, app)
    return example, [*problems, *wrong]


def test_values_arrive_as_they_were_written():
    """Lists, dicts, paths and numbers are the same in the service."""
    config = Config()
    config.Example.number = 2
    config.Example.things = [{"url": "http://a", "path": Path("/x")}, 3]
    config.Example.names = {"$word": "no mark of ours", "b": 2}
    example, problems = handed_over(config)
    assert problems == []
    assert example.number == 2
    assert example.things == [{"url": "http://a", "path": "/x"}, 3]
    assert example.names == {"$word": "no mark of ours", "b": 2}


def test_appending_to_a_default_works_across_processes():
    """`.append()` and `.update()` add to the default, which only the service knows."""
    config = Config()
    config.Example.things.append(5)
    config.Example.things.insert(0, 4)
    config.Example.things.prepend([3])
    config.Example.names.update({"b": 2})
    example, problems = handed_over(config)
    assert problems == []
    assert example.things == [3, 4, 0, 5]
    assert example.names == {"a": 1, "b": 2}


def test_values_of_the_command_line_arrive():
    """`--Example.number=3` is text until the setting's type is known."""
    config = Config()
    config.Example.number = DeferredConfigString("3")
    config.Example.things = DeferredConfigList(["7"])
    example, problems = handed_over(config)
    assert problems == []
    assert (example.number, example.things) == (3.0, ["7"])


def test_what_cannot_be_handed_over_is_named():
    """A function is no setting of the service: the default is used, and the Hub says so."""
    config = Config()
    config.Example.number = os.getpid
    example, problems = handed_over(config)
    assert example.number == 1.0
    assert problems[0].startswith("c.Example.number cannot be handed to the service")


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"MonitoringStore": 3}', "\x00"])
def test_broken_settings_are_defaults_and_a_problem(text: str):
    """Whatever arrives, there are settings to start with."""
    read = settings.read(text)
    assert read.store.retention_days == 400
    assert len(read.problems) == 1


def test_wrong_values_keep_their_defaults():
    """One mistake does not take the other settings with it."""
    read = settings.read(
        json.dumps(
            {"MonitoringStore": {"retention_days": "long"}, "MonitoringScrape": {"intervl": 1}}
        )
    )
    assert read.store.retention_days == 400
    assert "c.MonitoringStore.retention_days" in read.problems[1]
    assert "did you mean c.MonitoringScrape.interval_seconds" in read.problems[0]


def test_what_the_hub_knows_to_be_wrong_fits_into_a_variable():
    """However much it is: of all that is left out the service says where it stands."""
    assert settings.read("{}", handed_over_problems(["c.A.x is wrong."])).problems == (
        "c.A.x is wrong.",
    )
    text = handed_over_problems(["\N{GRINNING FACE}" * 10_000] * 1000)
    assert len(text.encode()) <= MAX_VARIABLE_BYTES
    assert settings.read("{}", text).problems[-1] == "And 976 more, which the Hub's log has."


@pytest.mark.parametrize("text", ["", "{}", "nothing", "null"])
def test_problems_that_are_none(text: str):
    """A Hub of another version says nothing of them, or something else."""
    assert settings.read("{}", text).problems == ()
