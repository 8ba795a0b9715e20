"""The rules of another engine, as the pages take them."""

from __future__ import annotations

from typing import Any

import pytest

from jupyterhub_monitoring.alerting.rules.alert_state import AlertState
from jupyterhub_monitoring.alerting.rules.rule import AlertingRule
from jupyterhub_monitoring.promql.ast import Text
from jupyterhub_monitoring.querier.http_rules import rules_of

AT = "2026-11-25T10:00:00.123456789Z"


def rule(name: str = "OwnAlert", query: str = "jupyterhub_running_servers > 3", **more: Any) -> Any:
    return {
        "type": "alerting",
        "name": name,
        "query": query,
        "duration": 120,
        "labels": {"severity": "critical"},
        "annotations": {"summary": "{{ $value }} servers"},
        "alerts": [],
        "health": "ok",
        "evaluationTime": 0.002,
        "lastEvaluation": AT,
        "state": "inactive",
        **more,
    }


def body(*rules: Any) -> Any:
    group = {"name": "g", "file": "/etc/rules.yml", "interval": 30, "rules": list(rules)}
    group |= {"evaluationTime": 0.004, "lastEvaluation": AT}
    return {"status": "success", "data": {"groups": [group]}}


def test_an_alert_that_fires_is_known_with_its_texts():
    """Its labels, numbers and beginning are the engine's."""
    alert = {
        "labels": {"alertname": "OwnAlert", "severity": "critical", "job": "hub"},
        "annotations": {"summary": "4 servers"},
        "state": "firing",
        "activeAt": AT,
        "value": "4e+00",
    }
    (group,) = rules_of(body(rule(alerts=[alert], state="firing")))
    (one,) = group.rules
    (found,) = one.status.alerts.values()
    assert found.state is AlertState.FIRING
    assert dict(found.annotations)["summary"] == "4 servers"
    assert (found.value, found.active_at % 1000) == (4.0, 123)
    assert one.status.state == "firing"
    assert isinstance(one.rule, AlertingRule)
    assert one.rule.for_ms == 120_000
    assert (group.interval_ms, group.group.file) == (30_000, "/etc/rules.yml")


@pytest.mark.parametrize(
    ("name", "query", "kept"),
    [
        ("OwnAlert", "rate(jupyterhub_spawn_failure_total[5m]) > 0", True),
        ("Own", "hub:jupyterhub_spawn_failures:sum > 3", True),
        ("JupyterHubWatchdog", "vector(1)", True),
        ("DiskFull", "node_filesystem_free_bytes < 1", False),
        ("Other", "other_jupyterhub_thing > 1", False),
    ],
    ids=["metric", "recorded", "of our pack", "of others", "a like name"],
)
def test_rules_about_the_hub_are_kept(name: str, query: str, *, kept: bool):
    """A Prometheus of many teams has rules that are none of the Hub's admins' business."""
    assert bool(rules_of(body(rule(name, query)))) is kept


def test_alerts_of_other_hubs_are_left_out():
    """One Prometheus of several Hubs; what names no Hub is everybody's."""
    alerts = [
        {"labels": labels, "annotations": {}, "state": "firing", "activeAt": AT, "value": "1"}
        for labels in ({"hub": "physics"}, {"hub": "maths"}, {"a": "b"})
    ]
    (group,) = rules_of(body(rule(alerts=alerts)), {"hub": "physics"})
    found = [dict(labels) for labels in group.rules[0].status.alerts]
    assert [labels.get("hub") for labels in found] == ["physics", None]


def test_a_query_that_only_the_engine_reads_is_kept_as_text():
    """MetricsQL is no reason to lose an alert."""
    (group,) = rules_of(body(rule(query="jupyterhub_running_servers default 0 > 3")))
    assert isinstance(group.rules[0].rule.expr, Text)


def test_what_was_never_evaluated_has_no_time():
    """Go's zero time is "not yet"."""
    (group,) = rules_of(body(rule(lastEvaluation="0001-01-01T00:00:00Z", health="unknown")))
    assert group.rules[0].status.state == "unknown"


def test_an_engine_without_rules_has_none():
    """VictoriaMetrics without vmalert gives an empty list, some give null."""
    assert rules_of({"data": {"groups": []}}) == ()
    assert rules_of({"data": {"groups": None}}) == ()
