"""What a spawner recorded of its server, also where another spawner is wrapped around it."""

from __future__ import annotations

from typing import Any

from .model import RunningServer

WRAPPED = "child_state"
"""Where WrapSpawner and ProfilesSpawner keep the state of the spawner that does the work."""

WRAPPERS = 4
"""More wrappers around wrappers than anybody has."""


def recorded(server: RunningServer, name: str) -> Any:
    """Return what the state of *server* has under *name*, the outermost first, or None."""
    state: Any = server.state
    for _ in range(WRAPPERS):
        if not isinstance(state, dict):
            return None
        if state.get(name) is not None:
            return state[name]
        state = state.get(WRAPPED)
    return None


def recorded_text(server: RunningServer, name: str) -> str:
    """Return a text that the spawner recorded under *name*, or ''."""
    found = recorded(server, name)
    return found if isinstance(found, str) else ""


def recorded_number(server: RunningServer, name: str) -> int | None:
    """Return a whole number above zero that the spawner recorded under *name*, or None."""
    found = recorded(server, name)
    number = isinstance(found, int) and not isinstance(found, bool)
    return found if number and found > 0 else None
