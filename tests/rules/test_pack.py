"""Rendering the built-in alerts: what a Hub's settings change, and what is wrong with settings."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import yaml
from traitlets import Float, Integer

from jupyterhub_monitoring.alerting.rules.pack import (
    OPTIONAL,
    alert_names,
    render_pack,
    rules,
    thresholds,
)
from jupyterhub_monitoring.alerting.rules.pack_settings import MonitoringRules, default_parameters
from support.rule_pack import rendered

DEFAULTS = default_parameters()
MADE = render_pack(DEFAULTS)


def alerts(files: dict[str, str]) -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for text in files.values():
        for rule in rules(text):
            if "alert" in rule:
                found.setdefault(rule["alert"], []).append(rule)
    return found


def test_the_defaults_are_the_files_as_they_stand():
    """Whoever copies the files gets what the service has; the optional ones are not in it."""
    assert OPTIONAL not in MADE
    assert "JupyterHubNoRunningServers" not in alerts(MADE)
    settings = MonitoringRules()
    assert thresholds() == {name: getattr(settings, name) for name in thresholds()}


def test_every_number_of_the_settings_is_in_a_rule():
    """A setting that changes nothing would be a lie."""
    numbers = {
        name
        for name, trait in MonitoringRules.class_own_traits(config=True).items()
        if isinstance(trait, Integer | Float)
    }
    assert numbers == set(thresholds())


@pytest.mark.parametrize("name", sorted(thresholds()))
def test_a_threshold_is_set(name: str):
    """The number is where its name is, and nowhere else."""
    after = render_pack(replace(DEFAULTS, thresholds={**DEFAULTS.thresholds, name: 0.0625}))
    changed = [
        (old, new)
        for file in MADE
        for old, new in zip(MADE[file].split("\n"), after[file].split("\n"), strict=True)
        if old != new
    ]
    assert changed
    assert all(re.search(rf"\b0\.0625\)?  # {name}$", new) for _, new in changed)


def test_the_same_settings_give_the_same_bytes():
    """A file that is written again is no change."""
    assert render_pack(default_parameters()) == MADE


def test_another_prefix():
    """Every metric and recorded series has it, `up` and the pages' address do not."""
    made = render_pack(replace(DEFAULTS, prefix="acme"))
    text = "".join(made.values())
    assert "jupyterhub_" not in text
    assert "hub:acme_spawn_failures:sum" in text
    assert 'up{job="jupyterhub"}' in text


def test_another_label_of_the_hub():
    """Sums are by it, alerts name it, and `instance` is nowhere left."""
    text = "".join(render_pack(replace(DEFAULTS, hub_label="namespace")).values())
    assert not re.search(r"\binstance\b", text)
    assert "sum by (job, namespace) (jupyterhub_spawn_failure_total)" in text
    assert "{{ $labels.namespace }}" in text


def test_other_jobs():
    """As another Prometheus calls them."""
    made = render_pack(replace(DEFAULTS, hub_job="hub-prod", service_job="mon-prod"))
    text = "".join(made.values())
    assert 'up{job="hub-prod"} == 0' in text
    assert 'up{job="mon-prod"} == 0' in text
    assert 'job="jupyterhub' not in text


def test_another_place_of_the_pages():
    """Every alert leads there."""
    made = alerts(render_pack(replace(DEFAULTS, runbook_base="https://wiki.example.org/hub/")))
    for name, steps in made.items():
        for rule in steps:
            page = rule["annotations"]["runbook_url"]
            assert page == f"https://wiki.example.org/hub/{name}.md"


def test_alerts_that_are_off_and_on():
    """All steps of a ladder go; a file without rules goes too; what is recorded stays."""
    made = rendered(disabled=["JupyterHubMemoryHigh", "JupyterHubLoginErrors"])
    assert "JupyterHubMemoryHigh" not in alerts(made)
    assert "hub:jupyterhub_login_errors:sum" in made["logins.yaml"]
    assert "JupyterHubNoRunningServers" in alerts(made)
    health = [n for n in alert_names() if n in alerts({"h": rendered()["health.yaml"]})]
    assert "health.yaml" not in rendered(disabled=health)


def test_how_long_a_condition_has_to_hold():
    """For all steps of a ladder; what has no `for` gets one."""
    made = alerts(rendered(for_seconds={"JupyterHubMemoryHigh": 90, "JupyterHubFlapping": 0.5}))
    assert {rule["for"] for rule in made["JupyterHubMemoryHigh"]} == {"90s"}
    assert {rule["for"] for rule in made["JupyterHubFlapping"]} == {"500ms"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        pytest.param(
            {"disabled": ["JupyterHubServerIdle"]},
            "c.MonitoringRules.disabled names 'JupyterHubServerIdle', which is no alert; did you"
            " mean 'JupyterHubServersIdle'? It is ignored.",
            id="off, misspelt",
        ),
        pytest.param(
            {"enabled_extra": ["NoRunningServers"]},
            "c.MonitoringRules.enabled_extra names 'NoRunningServers', which is no alert; did you"
            " mean 'JupyterHubNoRunningServers'? It is ignored.",
            id="on, misspelt",
        ),
        pytest.param(
            {"enabled_extra": ["JupyterHubDown"]},
            "c.MonitoringRules.enabled_extra names 'JupyterHubDown', which is an alert that is on"
            " anyway; did you mean 'JupyterHubNoRunningServers'? It is ignored.",
            id="on already",
        ),
        pytest.param(
            {"for_seconds": {"JupyterhubDown": 60}},
            "c.MonitoringRules.for_seconds names 'JupyterhubDown', which is no alert; did you mean"
            " 'JupyterHubDown'? It is ignored.",
            id="for, misspelt",
        ),
        pytest.param(
            {"server_age_days": float("inf")},
            "c.MonitoringRules.server_age_days: inf is no number that can be reached; take a large"
            " one, or name the alert in `disabled`. 14 is used.",
            id="never",
        ),
        pytest.param(
            {"for_seconds": {"JupyterHubDown": float("inf")}},
            "c.MonitoringRules.for_seconds['JupyterHubDown'] is no number of seconds; name the"
            " alert in `disabled` if nobody shall be told. It is ignored.",
            id="for ever",
        ),
        pytest.param(
            {"hub_label": "my-hub"},
            "c.MonitoringRules.hub_label: 'my-hub' is no name of a label (letters, digits and _)."
            " 'instance' is used.",
            id="no label",
        ),
    ],
)
def test_what_is_wrong_is_said(settings: dict, problem: str):
    """In one sentence that says what to do; the rest is as it would be without."""
    parameters, problems = MonitoringRules(**settings).parameters()
    assert problems == [problem]
    assert alerts(render_pack(parameters)).keys() == alerts(MADE).keys()


def test_nothing_is_wrong_by_default():
    """And rendering knows every threshold that the files name."""
    assert MonitoringRules().parameters()[1] == []
    assert all(yaml.safe_load(text)["groups"] for text in MADE.values())
