"""`/api/v1/rules` and `/api/v1/alerts`, as Prometheus 3 answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jupyterhub_monitoring.alerting.rules.alert_state import ActiveAlert, AlertState
from jupyterhub_monitoring.alerting.rules.rule_file import read_rules
from jupyterhub_monitoring.alerting.rules.rule_status import (
    GroupSnapshot,
    Health,
    RuleSnapshot,
    RuleStatus,
)
from support.api_server import ApiServer, Context

FIRST = """
groups:
  - name: hub
    interval: 30s
    limit: 7
    rules:
      - record: job:up:sum
        expr: sum by(job)  (up)
        labels: {team: ops}
      - alert: HubDown
        expr: up == 0
        for: 2m
        keep_firing_for: 1m
        labels: {severity: critical}
        annotations: {summary: "{{ $labels.job }} is down"}
"""
SECOND = """
groups:
  - name: hub
    rules:
      - alert: Never
        expr: vector(1) > 2
  - name: other
    rules:
      - record: one
        expr: "1"
"""
AT = 1_700_000_000_250


def alert(state: AlertState, job: str, **moments: int) -> ActiveAlert:
    labels = (("alertname", "HubDown"), ("job", job), ("severity", "critical"))
    texts = (("summary", f"{job} is down"),)
    return ActiveAlert(labels, texts, 1500.0, active_at=AT - 60_000, state=state, **moments)


def firing() -> RuleStatus:
    alerts = [
        alert(AlertState.PENDING, "a"),
        alert(AlertState.FIRING, "b", fired_at=AT, keep_firing_since=AT),
        alert(AlertState.INACTIVE, "c", fired_at=AT - 1, resolved_at=AT),
    ]
    active = {one.labels: one for one in alerts}
    return RuleStatus(Health.OK, "", 0.002, AT, active)


@dataclass
class Book:
    """Rules in force, as they are after one evaluation of the first file."""

    def snapshot(self) -> list[GroupSnapshot]:
        (hub,) = read_rules("first.yaml", FIRST)
        again, other = read_rules("second.yaml", SECOND)
        record = RuleStatus(Health.ERR, "query timed out", 0.001, AT)
        return [
            GroupSnapshot(
                hub,
                30_000,
                (RuleSnapshot(hub.rules[0], record), RuleSnapshot(hub.rules[1], firing())),
                0.25,
                AT,
            ),
            GroupSnapshot(again, 15_000, (RuleSnapshot(again.rules[0], RuleStatus()),)),
            GroupSnapshot(other, 15_000, (RuleSnapshot(other.rules[0], RuleStatus()),)),
        ]


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    with ApiServer(Context(rules=Book())) as server:
        yield server


ALERTS = [
    {
        "labels": {"alertname": "HubDown", "job": "a", "severity": "critical"},
        "annotations": {"summary": "a is down"},
        "state": "pending",
        "activeAt": "2023-11-14T22:12:20.25Z",
        "value": "1.5e+03",
    },
    {
        "labels": {"alertname": "HubDown", "job": "b", "severity": "critical"},
        "annotations": {"summary": "b is down"},
        "state": "firing",
        "activeAt": "2023-11-14T22:12:20.25Z",
        "value": "1.5e+03",
        "keepFiringSince": "2023-11-14T22:13:20.25Z",
    },
]


def test_a_group_and_its_rules(api: ApiServer):
    """Every field that Prometheus has, by the same name and in the same form."""
    assert api.get("rules").data["groups"][0] == {
        "name": "hub",
        "file": "first.yaml",
        "interval": 30,
        "limit": 7,
        "evaluationTime": 0.25,
        "lastEvaluation": "2023-11-14T22:13:20.25Z",
        "rules": [
            {
                "name": "job:up:sum",
                "query": "sum by (job) (up)",
                "labels": {"team": "ops"},
                "health": "err",
                "lastError": "query timed out",
                "evaluationTime": 0.001,
                "lastEvaluation": "2023-11-14T22:13:20.25Z",
                "type": "recording",
            },
            {
                "state": "firing",
                "name": "HubDown",
                "query": "up == 0",
                "duration": 120,
                "keepFiringFor": 60,
                "labels": {"severity": "critical"},
                "annotations": {"summary": "{{ $labels.job }} is down"},
                "alerts": ALERTS,
                "health": "ok",
                "evaluationTime": 0.002,
                "lastEvaluation": "2023-11-14T22:13:20.25Z",
                "type": "alerting",
            },
        ],
    }


def test_a_rule_that_was_not_evaluated_yet(api: ApiServer):
    """Nothing is made up: its state and health are unknown, its evaluation was never."""
    rule = api.get("rules").data["groups"][1]["rules"][0]
    assert (rule["state"], rule["health"]) == ("unknown", "unknown")
    assert rule["lastEvaluation"] == "0001-01-01T00:00:00Z"
    assert rule["alerts"] == []


def test_the_alerts(api: ApiServer):
    """What is pending or firing, and nothing that is over."""
    assert api.get("alerts").data == {"alerts": ALERTS}


def names(data: dict) -> list[tuple[str, str, list[str]]]:
    return [(g["file"], g["name"], [rule["name"] for rule in g["rules"]]) for g in data["groups"]]


HUB = ("first.yaml", "hub", ["job:up:sum", "HubDown"])
AGAIN = ("second.yaml", "hub", ["Never"])
OTHER = ("second.yaml", "other", ["one"])
CHOICES = {
    "all": ({}, [HUB, AGAIN, OTHER]),
    "alerts": ({"type": "alert"}, [("first.yaml", "hub", ["HubDown"]), AGAIN]),
    "records": ({"type": "RECORD"}, [("first.yaml", "hub", ["job:up:sum"]), OTHER]),
    "names": (
        {"rule_name[]": ["one", "HubDown"]},
        [("first.yaml", "hub", ["HubDown"]), OTHER],
    ),
    "groups": ({"rule_group[]": "hub"}, [HUB, AGAIN]),
    "files": ({"file[]": "second.yaml"}, [AGAIN, OTHER]),
    "files and groups": ({"file[]": "second.yaml", "rule_group[]": "hub"}, [AGAIN]),
    "labels": ({"match[]": '{severity="critical"}'}, [("first.yaml", "hub", ["HubDown"])]),
    "any of two selectors": (
        {"match[]": ['{severity="critical"}', '{team=~"o.*"}']},
        [HUB],
    ),
    "nothing": ({"rule_name[]": "none"}, []),
}


@pytest.mark.parametrize(("query", "expected"), CHOICES.values(), ids=CHOICES)
def test_what_can_be_chosen(api: ApiServer, query, expected):
    """Groups of which no rule is wanted are left out."""
    assert names(api.ask("/api/v1/rules", query).data) == expected


def test_alerts_can_be_left_out(api: ApiServer):
    """The rules stay, with `null` for their alerts."""
    rules = api.get("rules", exclude_alerts="true").data["groups"][0]["rules"]
    assert rules[1]["alerts"] is None
    assert rules[1]["state"] == "firing"


def test_groups_come_in_pages(api: ApiServer):
    """Each page says where the next one begins, the last one does not."""
    pages, token = [], ""
    for _ in range(2):
        asked = {"group_limit": 2, **({"group_next_token": token} if token else {})}
        data = api.get("rules", **asked).data
        pages.append(names(data))
        token = data.get("groupNextToken", "")
    assert pages == [[HUB, AGAIN], [OTHER]]
    assert token == ""


REFUSED = {
    "an unknown type": ({"type": "x"}, 'invalid parameter "type": not supported value "x"'),
    "no number": (
        {"group_limit": "a"},
        (
            'invalid parameter "group_limit": group_limit needs to be a valid number: '
            'strconv.ParseInt: parsing "a": invalid syntax'
        ),
    ),
    "no groups": (
        {"group_limit": "0"},
        'invalid parameter "group_limit": group_limit needs to be greater than 0',
    ),
    "a token alone": (
        {"group_next_token": "x"},
        (
            'invalid parameter "group_next_token": group_limit needs to be present in order to '
            "paginate over the groups"
        ),
    ),
    "an old token": (
        {"group_next_token": "x", "group_limit": "1"},
        (
            "invalid parameter \"group_next_token\": invalid group_next_token 'x'. "
            "were rule groups changed?"
        ),
    ),
    "a selector of everything": (
        {"match[]": "{}"},
        "match[] must contain at least one non-empty matcher",
    ),
    "no boolean": (
        {"exclude_alerts": "maybe"},
        (
            'invalid parameter "exclude_alerts": error converting exclude_alerts: '
            'strconv.ParseBool: parsing "maybe": invalid syntax'
        ),
    ),
}


@pytest.mark.parametrize(("query", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(api: ApiServer, query, text):
    """In Prometheus's words."""
    assert api.ask("/api/v1/rules", query).error == (400, "bad_data", text)


def test_without_rules_the_answers_are_empty():
    """`serve` evaluates nothing."""
    with ApiServer(Context()) as server:
        assert server.get("rules").data == {"groups": []}
        assert server.get("alerts").data == {"alerts": []}
