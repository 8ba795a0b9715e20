"""Messages for receivers."""

from __future__ import annotations

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.message import Message

NOW = 1_764_000_000_000  # 2025-11-24 16:00:00 UTC
MINUTE = 60_000


def alert(name: str = "SpawnsFail", *, over: bool = False, **labels: str) -> Alert:
    """An alert that began 12 minutes ago, and has ended 2 minutes ago if it is *over*."""
    notes = {
        "summary": "Servers fail to start",
        "description": "3 of 5 spawns failed in 30 minutes (60 %).",
        "runbook_url": "https://docs.example.org/SpawnsFail",
    }
    return Alert(
        labels_of({"alertname": name, "severity": "critical", **labels}),
        labels_of(notes),
        NOW - 12 * MINUTE,
        NOW - 2 * MINUTE if over else NOW + 5 * MINUTE,
        "http://hub.example.org/graph",
    )


def message(*alerts: Alert, receiver: str = "teachers") -> Message:
    """One message about *alerts*, or about one that fires."""
    return Message(
        receiver,
        '{}:{alertname="SpawnsFail"}',
        (("alertname", "SpawnsFail"),),
        alerts or (alert(hub="physics"),),
        NOW,
        "https://hub.example.org/services/monitoring/",
    )


RESOLVED = message(alert(over=True, hub="physics"))
