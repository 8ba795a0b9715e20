"""What the page shows of alerts and messages, as plain rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..alerting.alert import ALERTNAME, labels_of
from ..alerting.notifying.alert_views import AlertView
from ..alerting.notifying.notifier import Notifier
from ..alerting.notifying.queue_rows import Outcome, Queued
from ..alerting.rules.alert_state import ActiveAlert, AlertState
from ..alerting.rules.rule_book import RuleBook

SHOWN = 100
"""Alerts on the page; the rest is a number."""

MESSAGES = 10


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert that fires or is pending, the firing ones first, then the worst."""

    name: str
    state: str  # firing, pending, silenced, inhibited, muted
    severity: str
    summary: str
    about: str  # its other labels
    since_ms: float
    runbook: str


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message: waiting, or what became of it."""

    receiver: str
    kind: str
    what: str  # delivered, given up, dropped, waiting
    alerts: int
    at_ms: float
    error: str
    about: str  # the names of the alerts; empty where they are not known


SEVERITIES = ("critical", "warning", "info")
_PLAIN = {ALERTNAME, "severity", "component"}


def alert_rows(
    rules: RuleBook | None, notifier: Notifier | None, external_labels: Mapping[str, str]
) -> list[AlertRow]:
    """Return what fires or is pending; a watchdog, which always fires, is left out.

    *external_labels* are those that the notifier's alerts have besides the rules' own.
    """
    if rules is None:
        return []
    views = {} if notifier is None else {view.alert.labels: view for view in notifier.alerts()}
    rows = [
        _row(alert, views.get(labels_of({**external_labels, **dict(alert.labels)})))
        for alert in _active(rules)
    ]
    return sorted(rows, key=lambda row: (row.state == "pending", _rank(row), row.since_ms))


def message_rows(notifier: Notifier | None) -> list[MessageRow]:
    """Return the messages that wait, and the last ones that do no more."""
    if notifier is None:
        return []
    waiting = [_message(m, "waiting", m.queued_at, m.error) for m in notifier.queue()[:MESSAGES]]
    ended = [
        _message(e.message, _OUTCOMES[e.outcome], e.ended_at, e.error)
        for e in notifier.history(MESSAGES)
    ]
    return [*waiting, *ended]


def _message(message: Queued, what: str, at: int, error: str) -> MessageRow:
    receiver = message.lane.channel.receiver
    return MessageRow(receiver, message.kind, what, message.alerts, float(at), error, message.about)


_OUTCOMES = {
    Outcome.DELIVERED: "delivered",
    Outcome.GIVEN_UP: "given up",
    Outcome.DROPPED: "dropped",
}


def _active(rules: RuleBook) -> Iterator[ActiveAlert]:
    for group in rules.snapshot():
        for rule in group.rules:
            for alert in rule.status.alerts.values():
                if alert.state is not AlertState.INACTIVE and not _is_watchdog(alert):
                    yield alert


def _is_watchdog(alert: ActiveAlert) -> bool:
    return dict(alert.labels).get(ALERTNAME, "").endswith("Watchdog")


def _row(alert: ActiveAlert, view: AlertView | None) -> AlertRow:
    labels, notes = dict(alert.labels), dict(alert.annotations)
    pending = alert.state is AlertState.PENDING
    return AlertRow(
        labels.get(ALERTNAME, ""),
        "pending" if pending else _quiet(view) or "firing",
        labels.get("severity", ""),
        notes.get("description") or notes.get("summary", ""),
        ", ".join(f"{name}={value}" for name, value in labels.items() if name not in _PLAIN),
        float(alert.active_at),
        notes.get("runbook_url", ""),
    )


def _quiet(view: AlertView | None) -> str:
    """Return what keeps an alert quiet, empty where nothing does."""
    if view is None:
        return ""
    reasons = {
        "silenced": view.silenced_by,
        "inhibited": view.inhibited_by,
        "muted": view.muted_by,
    }
    return next((name for name, by in reasons.items() if by), "")


def _rank(row: AlertRow) -> int:
    return SEVERITIES.index(row.severity) if row.severity in SEVERITIES else len(SEVERITIES)
