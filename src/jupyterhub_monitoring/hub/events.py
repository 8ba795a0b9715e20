"""One structured event log, through the Hub's own `jupyter_events` logger.

Where events go is the operator's `c.EventLogger.handlers`; without a handler nothing is written
and an event costs a dictionary look-up. The schema is `schemas/hub-activity.v1.yaml`.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from ..metrics import usernames
from ..metrics.labels import Point
from .guard import guarded

SCHEMA_ID = "https://jupyterhub-monitoring.readthedocs.io/events/hub-activity/v1"


class EventLog:
    """Emits events; `connect` gives it the Hub's logger, which is made after us."""

    def __init__(self) -> None:
        self._logger: Any = None

    def connect(self, eventlog: Any) -> None:
        """Write to *eventlog* from now on."""
        schema = resources.files(__package__) / "schemas" / "hub-activity.v1.yaml"
        eventlog.register_event_schema(Path(str(schema)))
        self._logger = eventlog

    @guarded(Point.EVENT_LOG)
    def emit(self, event: str, username: str, **fields: Any) -> None:
        """Write one event; names are shown as `c.Monitoring.usernames` says."""
        if self._logger is None:
            return
        shown = usernames.policy().label
        data = {"event": event, "username": shown(username), **fields}
        if "by" in data:
            data["by"] = shown(data["by"])
        self._logger.emit(schema_id=SCHEMA_ID, data=data)
