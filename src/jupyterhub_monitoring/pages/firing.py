"""All alerts as they are now, and which of them fire: for pages, first lines and the badge."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from ..alerting.notifying.notifier import Notifier
from ..api.context import Rules
from .alerts.alert_rows import AlertRow, alert_rows
from .alerts.tellings import tellings

CHEAP_SECONDS = 0.02
REST = 20
"""What took longer than that is not done again for so many times as long."""

OWN_FAULTS = "JupyterHubMonitoringBroken"
"""Tells of what pages say as the service's own faults."""


class Alerting(Protocol):
    """The parts of the service that know of alerts."""

    notifier: Notifier | None
    rules: Rules | None
    external_labels: Mapping[str, str]


class AlertsNow:
    """Looks at all alerts, which takes no time but where there are thousands of them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rows: Sequence[AlertRow] = ()
        self._until = 0.0

    def rows(self, alerting: Alerting) -> Sequence[AlertRow]:
        """Return what fires or is pending; where that takes long, as it was some seconds ago."""
        began = self._clock()
        if began >= self._until:
            groups = alerting.rules.snapshot() if alerting.rules else ()
            told = tellings(alerting.notifier)
            self._rows = alert_rows(groups, told, alerting.external_labels)
            took = self._clock() - began
            self._until = began + took * REST if took > CHEAP_SECONDS else 0.0
        return self._rows

    def forget(self) -> None:
        """Look anew the next time: something was changed."""
        self._until = 0.0

    def firing(self, alerting: Alerting) -> list[AlertRow]:
        """Return what fires and is not kept quiet, the worst first, without our own faults."""
        rows = self.rows(alerting)
        return [row for row in rows if row.state == "firing" and row.name != OWN_FAULTS]
