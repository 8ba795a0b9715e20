"""The rules in force, as plain rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...alerting.rules.alert_state import AlertState
from ...alerting.rules.rule import AlertingRule
from ...alerting.rules.rule_status import GroupSnapshot, RuleSnapshot
from .alert_rows import is_watchdog

SHOWN = 300


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule and how it is. Times are Unix seconds; None: not evaluated yet."""

    group: str
    file: str
    name: str
    alerting: bool
    state: str  # firing, pending, inactive, unknown; empty of a recording rule
    severity: str
    query: str
    for_seconds: float
    summary: str
    runbook: str
    broken: bool
    error: str
    took: float | None
    at: float | None
    firing: int
    pending: int
    snapshot: RuleSnapshot

    @property
    def watchdog(self) -> bool:
        """Whether it fires always, and should."""
        return self.alerting and is_watchdog(self.name)

    def matches(self, words: Sequence[str]) -> bool:
        """Whether each of *words*, which are in small letters, is in it."""
        kind = "alert" if self.alerting else "record"
        health = "broken" if self.broken else ""
        text = f"{self.name} {self.group} {self.state} {self.severity} {kind} {health}".lower()
        return all(word in text for word in words)


@dataclass(frozen=True, slots=True)
class RuleTable:
    """The groups with those of their rules that fit: *found* in all, *shown* of them here."""

    groups: Sequence[tuple[str, Sequence[RuleRow]]]
    all: int
    found: int
    shown: int


def rule_rows(groups: Sequence[GroupSnapshot]) -> list[RuleRow]:
    """Return every rule, as the files have them."""
    return [_row(group, rule) for group in groups for rule in group.rules]


def rule_table(rows: Sequence[RuleRow], search: str) -> RuleTable:
    """Return the rules that have all words of *search*, by group; the first `SHOWN`."""
    words = search.lower().split()
    found = [row for row in rows if row.matches(words)]
    shown = found[:SHOWN]
    names = dict.fromkeys((row.file, row.group) for row in shown)
    groups = [
        (name, [row for row in shown if (row.file, row.group) == (file, name)])
        for file, name in names
    ]
    return RuleTable(groups, len(rows), len(found), len(shown))


def rules_called(rows: Sequence[RuleRow], group: str, name: str) -> list[RuleRow]:
    """Return the rules of that name: nothing forbids that there are several."""
    return [row for row in rows if row.group == group and row.name == name]


def _row(group: GroupSnapshot, one: RuleSnapshot) -> RuleRow:
    rule, status = one.rule, one.status
    alerting = isinstance(rule, AlertingRule)
    notes = rule.annotations if isinstance(rule, AlertingRule) else {}
    states = [alert.state for alert in status.alerts.values()]
    at = status.evaluated_at
    return RuleRow(
        group.group.name,
        group.group.file,
        rule.name,
        alerting,
        status.state if alerting else "",
        rule.labels.get("severity", "") if alerting else "",
        rule.query.strip(),
        rule.for_ms / 1000 if isinstance(rule, AlertingRule) else 0.0,
        notes.get("summary", ""),
        notes.get("runbook_url", ""),
        status.health.value == "err",
        status.last_error,
        None if at is None else status.seconds,
        None if at is None else at / 1000,
        states.count(AlertState.FIRING),
        states.count(AlertState.PENDING),
        one,
    )
