"""What a line of the spool says, as a row. Its fields are bounded, and may be anything."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..spool import SpooledEvent
from .rows import Exit, Login, Spawn, UserChange

MOST_TEXT, MOST_PHASES = 400, 20

_CHANGES = {"user_added": "added", "user_deleted": "deleted", "user_renamed": "renamed"}


def row_of(event: SpooledEvent) -> Spawn | Exit | Login | UserChange | None:
    """Return the row for *event*, None where there is none: of a newer Hub's, or of no interest."""
    at, fields = event.at, event.fields
    name, server = text(fields, "username"), text(fields, "servername")
    if event.event == "spawn":
        return _spawn(at, name, server, fields)
    if event.event == "server_exit":
        status = number(fields, "exit_status")
        return Exit(
            at,
            name,
            server,
            text(fields, "cause"),
            None if status is None or abs(status) > 2**31 else int(status),
            started=number(fields, "started"),
        )
    if event.event == "login":
        return Login(at, name, text(fields, "outcome"), text(fields, "authenticator"))
    if event.event == "logout":
        return Login(at, name, "logout")
    if event.event in _CHANGES:
        return UserChange(at, _CHANGES[event.event], name, text(fields, "by"))
    return None


def _spawn(at: float, name: str, server: str, fields: Mapping[str, Any]) -> Spawn:
    phases = fields.get("phases")
    phases = phases if isinstance(phases, dict) else {}
    return Spawn(
        at,
        name,
        server,
        text(fields, "outcome"),
        text(fields, "reason"),
        text(fields, "message"),
        number(fields, "waited_seconds"),
        {
            phase[:MOST_TEXT]: seconds
            for phase in list(phases)[:MOST_PHASES]
            if (seconds := number(phases, phase)) is not None
        },
        text(fields, "spawner_class"),
        text(fields, "profile"),
        number(fields, "started"),
    )


def text(fields: Mapping[str, Any], name: str) -> str:
    """Return a text, '' where there is none."""
    value = fields.get(name)
    return value[:MOST_TEXT] if isinstance(value, str) else ""


def number(fields: Mapping[str, Any], name: str) -> float | None:
    """Return a number that is finite, None where there is none."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None
