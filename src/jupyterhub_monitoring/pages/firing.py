"""What fires now, as the first line of a page and its badge need it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from ..alerting.alert import ALERTNAME
from ..alerting.notifying.notifier import Notifier
from ..alerting.rules.alert_state import ActiveAlert, AlertState
from ..alerting.rules.rule_book import RuleBook

SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires and is not silenced, inhibited or muted. *id* is part of addresses."""

    id: str
    name: str
    severity: str
    summary: str
    since: float
    runbook: str


def firing(rules: RuleBook | None, notifier: Notifier | None) -> list[Firing]:
    """Return what fires, the worst first, without the watchdog, which always does."""
    quiet = _quiet(notifier)
    found = [_firing(alert) for alert in _active(rules) if _key(alert) not in quiet]
    return sorted(found, key=lambda each: (_rank(each.severity), each.since))


def alert_id(labels: object) -> str:
    """Return a short name of the alert with *labels*, the same each time."""
    return "a" + hashlib.sha256(repr(sorted(dict(labels).items())).encode()).hexdigest()[:12]  # type: ignore[call-overload]


def _active(rules: RuleBook | None) -> Iterator[ActiveAlert]:
    for group in rules.snapshot() if rules else ():
        for rule in group.rules:
            for alert in rule.status.alerts.values():
                watchdog = dict(alert.labels).get(ALERTNAME, "").endswith("Watchdog")
                if alert.state is AlertState.FIRING and not watchdog:
                    yield alert


def _quiet(notifier: Notifier | None) -> set[frozenset[tuple[str, str]]]:
    views = notifier.alerts() if notifier else ()
    return {
        frozenset(view.alert.labels)
        for view in views
        if view.silenced_by or view.inhibited_by or view.muted_by
    }


def _key(alert: ActiveAlert) -> frozenset[tuple[str, str]]:
    return frozenset(alert.labels)


def _firing(alert: ActiveAlert) -> Firing:
    labels, notes = dict(alert.labels), dict(alert.annotations)
    return Firing(
        alert_id(alert.labels),
        labels.get(ALERTNAME, ""),
        labels.get("severity", ""),
        notes.get("description") or notes.get("summary", ""),
        alert.active_at / 1000,
        notes.get("runbook_url", ""),
    )


def _rank(severity: str) -> int:
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
