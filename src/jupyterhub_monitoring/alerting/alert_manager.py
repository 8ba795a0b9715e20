"""`AlertManager`: the class of the page that this project began with.

For a script of one's own. The monitoring service does more: it waits as `for` says, groups, and
tries again; see docs/how-to/alerts.md.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..errors import DeliveryFailed
from ..promql.engine import Engine
from ..promql.values import Scalar, Vector
from ..store.selection import Selectable
from .alert import Millis
from .expositions import Expositions
from .receivers.http_post import HttpPost
from .receivers.service import json_request
from .seed_rules import ALERTING_RULES

log = logging.getLogger(__name__)

Metrics = str | bytes | Engine | Selectable
"""An exposition, or what can be queried: an engine, a store."""


class AlertManager:
    """Checks `ALERTING_RULES` and posts to *webhook_url* when one begins to hold.

    `alerts` has the names of those that hold, each with when that was first seen.
    """

    def __init__(self, webhook_url: str | None = None) -> None:
        self.webhook_url = webhook_url
        self.alerts: dict[str, datetime] = {}
        self._expositions = Expositions()
        self._engine: Engine | None = None
        self._http = HttpPost()

    async def check_alerts(self, metrics: Metrics) -> None:
        """Trigger each alert whose condition holds now and did not at the check before.

        A webhook that does not take it is logged, and told at the next check.
        """
        engine, now = self._engine_of(metrics), _now()
        for name, config in ALERTING_RULES.items():
            if not _holds(engine, config["expr"], now):
                self.alerts.pop(name, None)
            elif name not in self.alerts:
                try:
                    await self.trigger_alert(name, config)
                except DeliveryFailed as failed:
                    log.warning("alert %s: %s", name, failed)
                else:
                    self.alerts[name] = datetime.now(timezone.utc)

    def evaluate_condition(self, expr: str, metrics: Metrics) -> bool:
        """Return whether the PromQL *expr* has a value now.

        In one exposition there is no rate: a window needs a second one, given later. Those of the
        last hour are remembered. Raises `BadData` for an expression or a text that cannot be read.
        """
        return _holds(self._engine_of(metrics), expr, _now())

    async def trigger_alert(self, name: str, config: Mapping[str, Any]) -> None:
        """Post the alert, where there is a webhook. Raises `DeliveryFailed`."""
        if not self.webhook_url:
            return
        alert = {
            "alert": name,
            "severity": config["severity"],
            "summary": config["summary"],
            "timestamp": datetime.now(timezone.utc).isoformat(),
        }
        await self._http.send(json_request(self.webhook_url, alert))

    def _engine_of(self, metrics: Metrics) -> Engine:
        """Return what answers queries about *metrics*; a text is remembered."""
        if isinstance(metrics, Engine):
            return metrics
        if not isinstance(metrics, str | bytes):
            return Engine(metrics, threads=1)
        self._expositions.add(metrics, _now())
        if self._engine is None:
            self._engine = Engine(self._expositions, threads=1)
        return self._engine


def _holds(engine: Engine, expr: str, now: Millis) -> bool:
    """Return whether *expr* has a value: a filter that something passes, or a number but 0."""
    value = engine.instant(expr.strip(), now).value
    if isinstance(value, Vector):
        return len(value.labels) > 0
    return isinstance(value, Scalar) and bool((value.values != 0).any())


def _now() -> Millis:
    return int(time.time() * 1000)
