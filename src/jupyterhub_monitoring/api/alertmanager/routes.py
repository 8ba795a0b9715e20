"""Which path of Alertmanager's API is answered by which handler."""

from __future__ import annotations

from typing import Any

from tornado.web import HTTPError

from ..context import ApiContext
from ..handler import ApiHandler
from .alerts import AlertGroups, AlertList
from .handler import AlertmanagerHandler
from .silences import OneSilence, SilenceList
from .status import AlertmanagerHealthy, AlertmanagerReady, AlertmanagerStatus, ReceiverList

HANDLERS: tuple[type[ApiHandler], ...] = (
    AlertmanagerStatus,
    ReceiverList,
    AlertGroups,
    AlertList,
    SilenceList,
    OneSilence,
    AlertmanagerHealthy,
    AlertmanagerReady,
)
"""Every endpoint; its class says its path."""


class UnknownToAlertmanager(AlertmanagerHandler):
    """Any other path below `alertmanager/`."""

    endpoint = "other"
    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    async def get(self, *_args: str) -> None:
        """Say where to look."""
        raise HTTPError(404, f"{self.request.path} is not here: Alertmanager's API v2 is")

    post = delete = patch = put = get


def alertmanager_handlers(
    context: ApiContext, prefix: str = ""
) -> list[tuple[str, type[ApiHandler], dict[str, Any]]]:
    """Return the routes below *prefix*`/alertmanager/`; *prefix* may end with a slash or not."""
    below, arguments = prefix.rstrip("/"), {"context": context}
    known: list[tuple[str, type[ApiHandler], dict[str, Any]]] = [
        (below + handler.endpoint.replace(":id", "([^/]+)") + "$", handler, arguments)
        for handler in HANDLERS
    ]
    return [*known, (f"{below}/alertmanager(?:/.*)?", UnknownToAlertmanager, arguments)]
