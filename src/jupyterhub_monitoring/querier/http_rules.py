"""The rules of another engine, by Prometheus's `/api/v1/rules`: those that are about this Hub.

ValueError, KeyError or TypeError for JSON of any other shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..alerting.alert import ALERTNAME, Millis, labels_of
from ..alerting.rfc3339 import parse_rfc3339
from ..alerting.rules.alert_state import ActiveAlert, AlertState
from ..alerting.rules.pack import alert_names
from ..alerting.rules.rule import AlertingRule, RecordingRule, Rule, RuleGroup
from ..alerting.rules.rule_status import GroupSnapshot, Health, RuleSnapshot, RuleStatus
from ..errors import ParseError
from ..metrics.spec import PREFIX
from ..promql.ast import Expr, Text
from ..promql.parser import parse
from .http_answers import Json

NEVER: Millis = 0
"""Go's zero time, and what is before 1970, stands for "not yet"."""

_OURS = re.compile(rf"(?<![a-zA-Z0-9_]){re.escape(PREFIX)}_")


def rules_of(
    body: Json, own: Mapping[str, str] = MappingProxyType({})
) -> tuple[GroupSnapshot, ...]:
    """Return the groups, without rules that mention no metric of ours and are none of our pack.

    Alerts that have other values for the labels *own* are of other Hubs, and left out.
    """
    known = frozenset(alert_names())
    groups = []
    for said in body["data"].get("groups") or ():
        rules = tuple(_rule(rule, own) for rule in said["rules"] if _is_ours(rule, known))
        if rules:
            groups.append(_group(said, rules))
    return tuple(groups)


def _is_ours(said: Json, known: frozenset[str]) -> bool:
    return said["name"] in known or _OURS.search(said["query"]) is not None


def _group(said: Json, rules: tuple[RuleSnapshot, ...]) -> GroupSnapshot:
    interval = round(float(said.get("interval") or 0) * 1000)
    group = RuleGroup(
        str(said.get("file", "")), str(said["name"]), tuple(one.rule for one in rules), interval
    )
    seconds = float(said.get("evaluationTime") or 0)
    return GroupSnapshot(group, interval, rules, seconds, _moment(said.get("lastEvaluation")))


def _rule(said: Json, own: Mapping[str, str]) -> RuleSnapshot:
    name, query, labels = str(said["name"]), str(said["query"]), _texts(said.get("labels"))
    if said["type"] != "alerting":
        recording: Rule = RecordingRule(name, query, _expr(query), labels, 0)
        return RuleSnapshot(recording, _status(said, name, own))
    rule = AlertingRule(
        name,
        query,
        _expr(query),
        round(float(said.get("duration") or 0) * 1000),
        round(float(said.get("keepFiringFor") or 0) * 1000),
        labels,
        _texts(said.get("annotations")),
        0,
    )
    return RuleSnapshot(rule, _status(said, name, own))


def _expr(query: str) -> Expr:
    """Return the query as we read it; one that only the engine can read as a text."""
    try:
        return parse(query)
    except ParseError:
        return Text(query)


def _status(said: Json, name: str, own: Mapping[str, str]) -> RuleStatus:
    alerts = [
        _alert(alert, name)
        for alert in said.get("alerts") or ()
        if all(alert["labels"].get(label, value) == value for label, value in own.items())
    ]
    health = said.get("health")
    return RuleStatus(
        Health(health) if health in set(Health) else Health.UNKNOWN,
        str(said.get("lastError") or ""),
        float(said.get("evaluationTime") or 0),
        _moment(said.get("lastEvaluation")),
        {alert.labels: alert for alert in alerts},
    )


def _alert(said: Json, name: str) -> ActiveAlert:
    labels = labels_of({ALERTNAME: name, **_texts(said["labels"])})
    firing = said["state"] == "firing"
    begun = _moment(said.get("activeAt")) or NEVER
    return ActiveAlert(
        labels,
        labels_of(_texts(said.get("annotations"))),
        float(said.get("value") or 0),
        begun,
        AlertState.FIRING if firing else AlertState.PENDING,
        fired_at=begun if firing else None,
    )


def _moment(text: Any) -> Millis | None:
    at = parse_rfc3339(text) if text else NEVER
    return at if at > NEVER else None


def _texts(said: Any) -> Mapping[str, str]:
    text: Callable[[Any], str] = str
    return {text(name): text(value) for name, value in (said or {}).items()}
