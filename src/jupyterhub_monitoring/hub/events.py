"""Events: what happens on the Hub, told to the operator's event log and to the service.

The event log is the Hub's own `jupyter_events` logger. Where it writes to is the operator's
`c.EventLogger.handlers`; without a handler nothing is written and an event costs a dictionary
look-up. The schema is `schemas/hub-activity.v1.yaml`. The service gets the same by the spool.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from ..metrics import usernames
from ..metrics.labels import Point
from ..metrics.usernames import UsernameMode
from .guard import guarded
from .spool_writer import SpoolWriter

SCHEMA_ID = "https://jupyterhub-monitoring.readthedocs.io/events/hub-activity/v1"


class EventLog:
    """Emits events; `connect` gives it the Hub's logger, which is made after us.

    *spool* is where the service reads them, None where there is no service or nothing is kept.
    """

    def __init__(self) -> None:
        self._logger: Any = None
        self.spool: SpoolWriter | None = None

    def connect(self, eventlog: Any) -> None:
        """Write to *eventlog* from now on."""
        schema = resources.files(__package__) / "schemas" / "hub-activity.v1.yaml"
        eventlog.register_event_schema(Path(str(schema)))
        self._logger = eventlog

    def emit(self, event: str, username: str, **fields: Any) -> None:
        """Tell of one event; names are shown as `c.Monitoring.usernames` says.

        A field that is None is left out. *message* is free text in which a name may be, so it is
        told only where names are.
        """
        self._log(event, username, fields)
        self._hand_over(event, username, fields)

    @guarded(Point.EVENT_LOG)
    def _log(self, event: str, username: str, fields: dict[str, Any]) -> None:
        if self._logger is not None:
            data = {"event": event, **_shown(username, fields)}
            self._logger.emit(schema_id=SCHEMA_ID, data=data)

    @guarded(Point.ACTIVITY)
    def _hand_over(self, event: str, username: str, fields: dict[str, Any]) -> None:
        if self.spool is not None:
            self.spool.put(event, _shown(username, fields))

    @guarded(Point.ACTIVITY)
    def is_writing(self) -> bool:
        """Return whether something that was emitted is on its way to the service."""
        return self.spool is not None and self.spool.is_writing


def _shown(username: str, fields: dict[str, Any]) -> dict[str, Any]:
    policy = usernames.policy()
    data = {"username": policy.label(username)}
    data |= {name: value for name, value in fields.items() if value is not None}
    if "by" in data:
        data["by"] = policy.label(data["by"])
    if "servername" in data:
        data["servername"] = policy.chosen(data["servername"])
    if policy.mode is not UsernameMode.NAME:
        data.pop("message", None)
    return data
