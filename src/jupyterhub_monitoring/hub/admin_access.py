"""Sees when somebody opens another person's server, and tells the event log."""

from __future__ import annotations

from typing import Any

from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler

from ..metrics.labels import Point
from .events import EventLog
from .guard import guarded


class AdminAccess:
    """Listens to answered requests: a server lets people in by OAuth through the Hub."""

    def __init__(self, app: Any, events: EventLog) -> None:
        self._app = app
        self._events = events

    @guarded(Point.REQUEST)
    def __call__(self, handler: Any) -> None:
        """Emit `admin_access` when *handler* has just let its user into a server of another."""
        if not isinstance(handler, OAuthAuthorizeHandler):
            return
        if "code=" not in handler._headers.get("Location", ""):
            return
        visitor, client_id = handler.current_user, handler.get_argument("client_id", "")
        if visitor is None or _server_of(visitor, client_id) is not None:
            return
        for owner in self._app.users.values():
            server_name = _server_of(owner, client_id)
            if server_name is not None:
                self._events.emit(
                    "admin_access", owner.name, servername=server_name, by=visitor.name
                )
                return


def _server_of(user: Any, client_id: str) -> str | None:
    """Return the name of the server of *user* that has this OAuth client, if one has."""
    for name, spawner in user.spawners.items():
        if spawner.oauth_client_id == client_id:
            return str(name)
    return None
