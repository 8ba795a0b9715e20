"""Every alert that fires or is pending, as plain rows: of our rules, and those sent to us."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...alerting.alert import ALERTNAME, labels_of
from ...alerting.rules.alert_state import ActiveAlert, AlertState
from ...alerting.rules.rule_status import GroupSnapshot
from ...store.selection import Labels
from .tellings import Telling

SEVERITIES = ("critical", "warning", "info")
STATES = ("firing", "pending", "silenced", "inhibited", "muted")
"""In the order of the page."""

PLAIN = (ALERTNAME, "severity")
"""Labels that a row shows in words."""


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert. *id* is part of addresses; *group* is its rule's, empty where we have no rule.

    *labels* are all of them, as the rule gives them: a silence for it has to match these.
    """

    id: str
    name: str
    state: str
    severity: str
    title: str  # in one sentence
    summary: str  # with the numbers
    labels: Labels
    since: float  # Unix seconds
    runbook: str
    group: str = ""
    receivers: tuple[str, ...] = ()
    silenced_by: tuple[str, ...] = ()

    @property
    def about(self) -> list[tuple[str, str]]:
        """The labels that are not shown otherwise."""
        return [(name, value) for name, value in self.labels if name not in PLAIN]


def alert_rows(
    groups: Sequence[GroupSnapshot],
    told: Mapping[Labels, Telling],
    external_labels: Mapping[str, str],
) -> list[AlertRow]:
    """Return what fires or is pending by state, the worst first, without the watchdog.

    *external_labels* are those that alerts have at the notifier besides the rules' own.
    """
    left = dict(told)
    rows = [
        _of_rule(group, alert, left.pop(labels_of({**external_labels, **dict(alert.labels)}), None))
        for group, alert in _active(groups)
    ]
    rows += [
        _of_others(telling) for telling in left.values() if not is_watchdog(telling.alert.name)
    ]
    return sorted(rows, key=lambda r: (STATES.index(r.state), rank(r.severity), r.since, r.labels))


def alert_id(labels: object) -> str:
    """Return a short name of the alert with *labels*, the same each time."""
    return "a" + hashlib.sha256(repr(sorted(dict(labels).items())).encode()).hexdigest()[:12]  # type: ignore[call-overload]


def rank(severity: str) -> int:
    """Return 0 for the worst severity; those that nobody knows come last."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def is_watchdog(name: str) -> bool:
    """Say whether an alert of that name fires always, so that its silence is noticed."""
    return name.endswith("Watchdog")


def _active(groups: Sequence[GroupSnapshot]) -> Iterator[tuple[str, ActiveAlert]]:
    for group in groups:
        for rule in group.rules:
            if is_watchdog(rule.rule.name):
                continue
            for alert in rule.status.alerts.values():
                if alert.state is not AlertState.INACTIVE:
                    yield group.group.name, alert


def _of_rule(group: str, alert: ActiveAlert, telling: Telling | None) -> AlertRow:
    state = "pending"
    if alert.state is AlertState.FIRING:
        state = (telling.quiet if telling else "") or "firing"
    since = alert.active_at if alert.fired_at is None else alert.fired_at
    return _row(alert.labels, alert.annotations, state, since, group, telling)


def _of_others(telling: Telling) -> AlertRow:
    alert = telling.alert
    state = telling.quiet or "firing"
    return _row(alert.labels, alert.annotations, state, alert.starts_at, "", telling)


def _row(  # noqa: PLR0913, PLR0917 -- an alert has no fewer parts
    labels: Labels, notes: Labels, state: str, since: int, group: str, telling: Telling | None
) -> AlertRow:
    said, about = dict(notes), dict(labels)
    return AlertRow(
        alert_id(labels),
        about.get(ALERTNAME, ""),
        state,
        about.get("severity", ""),
        said.get("summary") or about.get(ALERTNAME, ""),
        said.get("description") or said.get("summary", ""),
        labels,
        since / 1000,
        said.get("runbook_url", ""),
        group,
        telling.receivers if telling else (),
        telling.silenced_by if telling else (),
    )
