"""The service's own critical codes as alerts: without its store no rule can tell of them."""

from __future__ import annotations

import asyncio

from ..alerting.alert import Alert, AlertSink, Millis, labels_of
from ..store.store import wall_clock_ms
from .faults import Fault, Faults

NAME = "JupyterHubMonitoringBroken"
LOOK_SECONDS = 15.0
LASTS_MS = 4 * 60_000
"""An alert that is not sent again for as long is over, as it is for a rule's."""


class FaultAlerts:
    """Puts an alert for each critical code that stands into *sink*, and ends it when it is over.

    *runbooks* is where the pages about codes are, as a URL.
    """

    def __init__(self, faults: Faults, sink: AlertSink, runbooks: str) -> None:
        self._faults, self._sink, self._runbooks = faults, sink, runbooks.rstrip("/")
        self._told: dict[str, Alert] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look(wall_clock_ms())
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, now: Millis) -> None:
        """Send what stands at *now*, and the end of what stands no more."""
        critical = {f.code.code: f for f in self._faults.standing() if f.code.critical}
        ended = [_ended(a, now) for code, a in self._told.items() if code not in critical]
        self._told = {code: self._alert(fault, now) for code, fault in critical.items()}
        alerts = [*ended, *self._told.values()]
        if alerts:
            self._sink.put(alerts, now)

    def _alert(self, fault: Fault, now: Millis) -> Alert:
        code = fault.code
        labels = {"alertname": NAME, "severity": "critical", "code": code.code}
        annotations = {
            "summary": f"Monitoring does not work: {code.title[0].lower()}{code.title[1:]}.",
            "description": f"{code.code}: {fault.message}",
            "runbook_url": f"{self._runbooks}/{code.code}.md",
        }
        begun = round(fault.since.timestamp() * 1000)
        ends = now + LASTS_MS
        return Alert(labels_of(labels), labels_of(annotations), begun, ends, updated_at=now)


def _ended(alert: Alert, now: Millis) -> Alert:
    return Alert(alert.labels, alert.annotations, alert.starts_at, now, updated_at=now)
