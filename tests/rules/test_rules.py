"""The built-in alerts: Prometheus takes them, they say what they promise, and nothing in vain."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.alerting.rules.pack import RULES, RUNBOOK_BASE, alert_names
from jupyterhub_monitoring.alerting.unit_test.run import run_files
from jupyterhub_monitoring.promql.parser import parse
from support.known_metrics import OF_ANY_TARGET, OF_THE_TARGET, spec_of
from support.rule_pack import (
    TESTS,
    caught,
    mutants,
    promtool,
    rendered,
    rules,
    selectors,
    unit_tests,
    write_mutants,
)

RUNBOOKS = Path(__file__).parents[2] / "docs" / "runbooks"
ALERTING = rules("alert")
EQUIVALENT = {"JupyterHubServersIdle (info): the 1 at 133 is 0"}
"""Mutants that are no other rule: a count is never 0."""


def ids(rule: dict[str, Any]) -> str:
    labels = rule["labels"]
    return "-".join([rule["alert"], labels["severity"], labels.get("window", "")]).strip("-")


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules with their defaults, and the tests beside them."""
    folder = tmp_path_factory.mktemp("pack")
    for name, text in rendered().items():
        (folder / name).write_text(text)
    for path in TESTS:
        shutil.copy(path, folder)
    return folder


# --- What each rule has ------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ALERTING, ids=ids)
def test_an_alert_tells_enough(rule: dict[str, Any]):
    """A severity, a part of the Hub, one sentence, the number, and a page that is there."""
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["labels"]["component"]
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert re.fullmatch(r"[A-Z][^.]*\.", rule["annotations"]["summary"])
    assert "$value" in rule["annotations"]["description"]
    assert rule["annotations"]["runbook_url"] == f"{RUNBOOK_BASE}/{rule['alert']}.md"
    assert (RUNBOOKS / f"{rule['alert']}.md").exists()


def test_the_files_have_the_address_of_the_page_too():
    """They can be used as they stand in the package."""
    for name in alert_names():
        text = "".join(path.read_text() for path in RULES.glob("*.yaml"))
        assert f"runbook_url: {RUNBOOK_BASE}/{name}.md\n" in text


def test_alerts_are_about_as_many_as_one_can_know():
    """Each has a name of its own that says whose it is."""
    assert 25 <= len(alert_names()) <= 36
    assert all(name.startswith("JupyterHub") for name in alert_names())


@pytest.mark.parametrize("rule", [*ALERTING, *rules("record")], ids=lambda r: r["expr"][:60])
def test_rules_ask_for_series_that_exist(rule: dict[str, Any]):
    """A metric or label that is called otherwise would leave a rule that is silent for ever."""
    recorded = {found["record"] for found in rules("record")}
    for selector in selectors(parse(rule["expr"])):
        assert selector.name is not None
        if selector.name in recorded | OF_ANY_TARGET:
            continue
        spec = spec_of(selector.name)
        assert spec is not None, selector.name
        known = {label.name for label in spec.labels} | OF_THE_TARGET
        known |= {"le"} if selector.name.endswith("_bucket") else set()
        asked = {matcher.name for matcher in selector.matchers} - {"__name__"}
        assert asked <= known, f"{selector.name} has no label {asked - known}"


# --- What they do ----------------------------------------------------------------------------


@pytest.mark.peer("promtool")
def test_promtool_takes_them(pack: Path):
    """As Prometheus would at its start: as they stand in the package, and rendered."""
    made = [pack / name for name in rendered()]
    done = promtool("check", "rules", *sorted(RULES.glob("*.yaml")), *made)
    assert done.returncode == 0, done.stdout


@pytest.mark.peer("promtool")
def test_they_do_what_they_promise_in_prometheus(pack: Path):
    """On series with known answers, by Prometheus's own engine."""
    done = promtool("test", "rules", *[pack / path.name for path in TESTS])
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [path.name for path in TESTS])
def test_they_do_what_they_promise_here(name: str, pack: Path):
    """The same, by ours."""
    told = io.StringIO()
    assert run_files([pack / name], told) == 0, told.getvalue()


@pytest.mark.parametrize("alert", alert_names())
def test_a_changed_number_is_noticed(alert: str, tmp_path: Path):
    """No number of a condition can be doubled or halved, no `for` doubled, and all tests hold."""
    told = io.StringIO()
    run_files(write_mutants(alert, tmp_path), told)
    survived = [
        m for m in mutants() if m.alert == alert and m.number not in caught(told.getvalue())
    ]
    assert {str(mutant) for mutant in survived} <= EQUIVALENT


@pytest.mark.parametrize("alert", alert_names())
def test_each_is_seen_firing_and_not_firing(alert: str):
    """One that always fires, or never, would pass many a test."""
    cases = [case for test in unit_tests().values() for case in test["tests"]]
    asked = [
        a for case in cases for a in case.get("alert_rule_test", ()) if a["alertname"] == alert
    ]
    series = {line["series"] for case in cases for line in case.get("input_series", ())}
    fired = [fired for a in asked for fired in a["exp_alerts"]]
    assert fired
    assert any(not a["exp_alerts"] for a in asked) or len(fired) < len(series)


def test_all_components_are_told_of():
    """Whoever routes or inhibits by the label `component` finds these, and no others."""
    assert {rule["labels"]["component"] for rule in ALERTING} == {
        "hub",
        "spawns",
        "logins",
        "requests",
        "health",
        "limits",
        "servers",
        "storage",
        "monitoring",
    }
