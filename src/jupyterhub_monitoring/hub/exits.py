"""Servers that end, and who or what ended them."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from jupyterhub.utils import maybe_future

from ..metrics import catalogue as m
from ..metrics.labels import ExitCause, Point
from .events import EventLog
from .guard import guarded
from .resource_metrics import forget_server
from .server_facts import started_of
from .spawns import Spawns
from .taps import Method, tap

_asked_by: ContextVar[ExitCause | None] = ContextVar("who asked for the stop", default=None)


@dataclass(slots=True)
class Ending:
    """A server that is about to end. *exit_status* comes with the Hub's last poll of it."""

    username: str
    server_name: str
    cause: ExitCause
    started: float | None = None
    exit_status: int | None = None


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
        ending = Ending(user.name, server_name, cause)
        _watch(ending, user.spawners[server_name])
        return ending

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
            started=ending.started,
            exit_status=ending.exit_status,
        )


@guarded(Point.ACTIVITY)
def _watch(ending: Ending, spawner: Any) -> None:
    """Take down when the server began, and what its spawner says first when it is asked next."""
    ending.started = started_of(spawner)
    asked = False

    def listen(original: Method) -> Method:
        async def poll(*args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            status = await maybe_future(original(*args, **kwargs))
            if not asked and type(status) is int:
                ending.exit_status = status
            asked = True
            return status

        return poll

    tap(spawner, "poll", listen)
