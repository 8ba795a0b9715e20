"""Servers that end, and who or what ended them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ..metrics import catalogue as m
from ..metrics.labels import ExitCause, Point
from .events import EventLog
from .guard import guarded
from .resource_metrics import forget_server
from .spawns import Spawns

_asked_by: ContextVar[ExitCause | None] = ContextVar("who asked for the stop", default=None)


@dataclass(frozen=True, slots=True)
class Ending:
    """A server that is about to end."""

    username: str
    server_name: str
    cause: ExitCause


class Exits:
    """Counts `User.stop`, which every way of ending a server comes to."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self.hub_is_stopping = False

    @guarded(Point.SERVER_STOP)
    def asked(self, handler: Any, user: Any) -> None:
        """Somebody asks through *handler* that a server of *user* be stopped."""
        asker = handler.current_user
        if getattr(asker, "kind", "user") == "service":
            _asked_by.set(ExitCause.SERVICE)
        else:
            own = asker is None or asker.id == user.id
            _asked_by.set(ExitCause.USER if own else ExitCause.ADMIN)

    @guarded(Point.SERVER_STOP)
    def forget_asker(self) -> None:
        """The request is over; what else runs in its context was not asked for."""
        _asked_by.set(None)

    @guarded(Point.SERVER_STOP)
    def stopping(self, spawns: Spawns, user: Any, server_name: str) -> Ending | None:
        """`User.stop` begins. None when there was no server: a failed spawn's clean-up."""
        if spawns.never_was_ready(user, server_name):
            return None
        if server_name not in user.spawners or user.spawners[server_name].server is None:
            return None
        cause = _asked_by.get() or (ExitCause.SHUTDOWN if self.hub_is_stopping else ExitCause.DIED)
        return Ending(user.name, server_name, cause)

    @guarded(Point.SERVER_STOP)
    def stopped(self, ending: Ending) -> None:
        """`User.stop` is over: the Hub has forgotten the server, cleanly or not."""
        m.SERVER_EXITS.labels(ending.cause.value).inc()
        forget_server(ending.username, ending.server_name)
        self._events.emit(
            "server_exit",
            ending.username,
            servername=ending.server_name,
            cause=ending.cause.value,
        )
