"""`/api/usage`: who uses what now. Everything for those whom the gate lets in, one's own for users.

Unlike the rest of the API it answers every user of the Hub, so what it may tell is decided in one
place, `usage_view.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from jupyterhub.services.auth import UserNotAllowed
from tornado.web import HTTPError

from ..api.context import ApiContext
from ..api.encoding import to_json, utf8
from ..api.handler import ApiHandler
from ..errors import BadData
from ..metrics.usernames import policy
from ..usage.snapshot import UsageSnapshot
from .gate import Gated
from .pages import Route
from .usage_view import DEFAULT_ROWS, MAX_ROWS, Page, Sort, Viewer, view

Snapshots = Callable[[], UsageSnapshot | None]
"""Returns what was found last, None before the first look."""


class UsageApi(Gated, ApiHandler):
    """One page of the servers and users that the asker may see."""

    endpoint = "/api/usage"

    def initialize(self, context: ApiContext, snapshots: Snapshots | None = None) -> None:
        """Take where the numbers come from; None where nobody looks."""
        super().initialize(context)
        self._snapshots = snapshots
        self._viewer = Viewer(None, full=False)

    async def prepare(self) -> None:
        """Find out who asks, and what that one may see; raise for who may see nothing."""
        try:
            model, full = await self.visitor(), True
        except UserNotAllowed as refused:
            model, full = refused.model, False
        except HTTPError as error:
            raise HTTPError(503, f"the Hub does not say who asks: {error.log_message}") from None
        if model is None:
            self._refuse()
        self._viewer = _viewer(model, full=full)

    def _refuse(self) -> NoReturn:
        if self.hub_auth.get_token(self):
            raise HTTPError(403, "the Hub does not know this token: it is wrong or has expired")
        self.set_header("WWW-Authenticate", "Bearer")
        raise HTTPError(401, "no token; the Hub's page /hub/token makes one")

    async def answer(self, *_args: str) -> None:
        """Answer with one page."""
        page = self._page()
        if self._snapshots is None:
            self.fail(404, "not_found", "usage is not sampled: c.MonitoringUsage.enabled is False")
            return
        snapshot = self._snapshots()
        if snapshot is None:
            self.fail(503, "unavailable", "nothing was looked at yet; ask again in a few seconds")
            return

        def written() -> tuple[Any, bytes]:
            body = self.body_of(utf8(to_json(view(snapshot, self._viewer, policy(), page))))
            return body, body.block()

        body, block = await self.context.queries.look_up(written)
        self.send_whole(body, block)

    def _page(self) -> Page:
        """Return the page that is asked for. `BadData` where there is none such."""
        wanted = self.parameters.text("sort") or Sort.CPU.value
        if wanted not in {sort.value for sort in Sort}:
            raise BadData(f"sort must be one of {', '.join(sort.value for sort in Sort)}")
        limit, offset = self.parameters.count("limit"), self.parameters.count("offset") or 0
        limit = DEFAULT_ROWS if limit is None else limit
        if not 0 <= limit <= MAX_ROWS or offset < 0:
            raise BadData(f"limit must be from 0 to {MAX_ROWS}, and offset 0 or more")
        return Page(Sort(wanted), offset, limit)


def _viewer(model: dict[str, Any], *, full: bool) -> Viewer:
    """Return who *model*, the Hub's, is. HTTPError 403 for a service without the scope."""
    if model.get("kind") == "user":
        return Viewer(model["name"], full)
    if not full:
        raise HTTPError(403, "a service's token needs the scope access:services!service=monitoring")
    return Viewer(None, full)


def usage_routes(context: ApiContext, snapshots: Snapshots | None, prefix: str) -> list[Route]:
    """Return the route, which has a gate of its own; it goes before those of the API."""
    arguments = {"context": context, "snapshots": snapshots}
    return [(f"{prefix.rstrip('/')}{UsageApi.endpoint}$", UsageApi, arguments)]
