"""`rules` and `alerts`: what is watched, as Prometheus shows it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..alerting.rfc3339 import NEVER, rfc3339
from ..alerting.rules.alert_state import ActiveAlert, current
from ..alerting.rules.rule import AlertingRule, Rule
from ..alerting.rules.rule_status import GroupSnapshot, RuleSnapshot
from ..promql.go_format import format_exponent
from ..promql.printer import one_line
from ..store.matcher import Matcher
from .handler import Answer, ApiHandler
from .parameters import INT64_MAX, Parameters, invalid, parse_integer, parse_selectors, quoted

_BOOLEANS = {
    **dict.fromkeys(("1", "t", "true"), True),
    **dict.fromkeys(("0", "f", "false"), False),
}


class Rules(ApiHandler):
    """`/api/v1/rules`: every group with its rules and their alerts."""

    endpoint = "/api/v1/rules"

    async def answer(self, *_args: str) -> None:
        """Answer with the groups that the parameters choose."""
        groups = () if self.context.rules is None else self.context.rules.snapshot()

        def work() -> Answer:
            return Wanted.of(self.parameters).page(groups), ()

        await self.look_up(work)


class Alerts(ApiHandler):
    """`/api/v1/alerts`: the alerts that are pending or firing."""

    endpoint = "/api/v1/alerts"

    async def answer(self, *_args: str) -> None:
        """Answer with the alerts of all rules."""
        groups = () if self.context.rules is None else self.context.rules.snapshot()

        def work() -> Answer:
            rules = [rule for group in groups for rule in group.rules]
            return {"alerts": [alert for rule in rules for alert in alerts_of(rule)]}, ()

        await self.look_up(work)


# --- What is asked for -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request chooses; what is empty chooses everything."""

    kind: str
    names: frozenset[str]
    groups: frozenset[str]
    files: frozenset[str]
    selectors: Sequence[Sequence[Matcher]]
    exclude_alerts: bool
    limit: int  # groups of one answer; 0 is all
    token: str  # the group with which the answer begins

    @classmethod
    def of(cls, parameters: Parameters) -> Wanted:
        """Read the parameters. Raises `BadData` with Prometheus's words."""
        kind = parameters.text("type").lower()
        if kind not in {"", "alert", "record"}:
            raise invalid("type", f"not supported value {quoted(kind)}")
        return cls(
            kind=kind,
            names=frozenset(parameters.all("rule_name[]")),
            groups=frozenset(parameters.all("rule_group[]")),
            files=frozenset(parameters.all("file[]")),
            selectors=parse_selectors(parameters.all("match[]")),
            exclude_alerts=_exclude_alerts(parameters),
            limit=_group_limit(parameters),
            token=parameters.text("group_next_token"),
        )

    def page(self, groups: Sequence[GroupSnapshot]) -> dict[str, object]:
        """Return the groups that are wanted, and where the next page begins if there is one."""
        shown: list[dict[str, object]] = []
        for group in self._from_token(groups):
            rules = self._rules(group)
            if not rules:
                continue
            if 0 < self.limit <= len(shown):
                return {"groups": shown, "groupNextToken": token_of(group)}
            shown.append(_group(group, rules))
        return {"groups": shown}

    def _from_token(self, groups: Sequence[GroupSnapshot]) -> Sequence[GroupSnapshot]:
        if not self.token:
            return groups
        for place, group in enumerate(groups):
            if token_of(group) == self.token:
                return groups[place:]
        raise invalid(
            "group_next_token",
            f"invalid group_next_token '{self.token}'. were rule groups changed?",
        )

    def _rules(self, group: GroupSnapshot) -> list[dict[str, object]]:
        if self.groups and group.group.name not in self.groups:
            return []
        if self.files and group.group.file not in self.files:
            return []
        return [self._shown(one) for one in group.rules if self._takes(one.rule)]

    def _takes(self, rule: Rule) -> bool:
        kind = "alert" if isinstance(rule, AlertingRule) else "record"
        return (
            self.kind in {"", kind}
            and (not self.names or rule.name in self.names)
            and (not self.selectors or any(_matches(s, rule.labels) for s in self.selectors))
        )

    def _shown(self, one: RuleSnapshot) -> dict[str, object]:
        rule, status = one.rule, one.status
        evaluated: dict[str, object] = {
            "health": status.health.value,
            **({"lastError": status.last_error} if status.last_error else {}),
            "evaluationTime": status.seconds,
            "lastEvaluation": _time(status.evaluated_at),
        }
        named = {"name": rule.name, "query": one_line(rule.expr)}
        if not isinstance(rule, AlertingRule):
            return {**named, "labels": dict(rule.labels), **evaluated, "type": "recording"}
        return {
            "state": status.state,
            **named,
            "duration": rule.for_ms / 1000,
            "keepFiringFor": rule.keep_firing_for_ms / 1000,
            "labels": dict(rule.labels),
            "annotations": dict(rule.annotations),
            "alerts": None if self.exclude_alerts else alerts_of(one),
            **evaluated,
            "type": "alerting",
        }


def _exclude_alerts(parameters: Parameters) -> bool:
    text = parameters.text("exclude_alerts").lower()
    if text and text not in _BOOLEANS:
        reason = f"strconv.ParseBool: parsing {quoted(text)}: invalid syntax"
        raise invalid("exclude_alerts", f"error converting exclude_alerts: {reason}")
    return _BOOLEANS.get(text, False)


def _group_limit(parameters: Parameters) -> int:
    text = parameters.text("group_limit")
    if not text:
        if parameters.text("group_next_token"):
            raise invalid(
                "group_next_token",
                "group_limit needs to be present in order to paginate over the groups",
            )
        return 0
    try:
        limit = parse_integer(text)
    except ValueError as error:
        reason = str(error).replace("Atoi", "ParseInt")
        raise invalid("group_limit", f"group_limit needs to be a valid number: {reason}") from None
    if limit <= 0:
        raise invalid("group_limit", "group_limit needs to be greater than 0")
    return min(limit, INT64_MAX)


def _matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    return all(matcher.test()(labels.get(matcher.name, "")) for matcher in matchers)


def token_of(group: GroupSnapshot) -> str:
    """Return what names a group between two pages."""
    return hashlib.sha256(f"{group.group.file};{group.group.name}".encode()).hexdigest()


# --- What is shown -----------------------------------------------------------------------------


def _group(group: GroupSnapshot, rules: list[dict[str, object]]) -> dict[str, object]:
    return {
        "name": group.group.name,
        "file": group.group.file,
        "rules": rules,
        "interval": group.interval_ms / 1000,
        "limit": group.group.limit,
        "evaluationTime": group.seconds,
        "lastEvaluation": _time(group.evaluated_at),
    }


def alerts_of(one: RuleSnapshot) -> list[dict[str, object]]:
    """Return the alerts of a rule that are pending or firing."""
    return [_alert(alert) for alert in current(one.status.alerts)]


def _alert(alert: ActiveAlert) -> dict[str, object]:
    shown: dict[str, object] = {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state.text,
        "activeAt": rfc3339(alert.active_at),
        "value": format_exponent(alert.value),
    }
    if alert.keep_firing_since is not None:
        shown["keepFiringSince"] = rfc3339(alert.keep_firing_since)
    return shown


def _time(at_ms: int | None) -> str:
    return NEVER if at_ms is None else rfc3339(at_ms)
