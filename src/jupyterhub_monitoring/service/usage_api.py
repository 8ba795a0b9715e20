"""`/api/usage`: who uses what now. Everything with the full view, one's own for every user.

Unlike the rest of the API it answers every user of the Hub, so what it may tell is decided in one
place, `usage/view.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from tornado.web import HTTPError

from ..api.context import ApiContext
from ..api.encoding import to_json, utf8
from ..api.handler import ApiHandler
from ..errors import BadData
from ..metrics.usernames import policy
from ..usage.snapshot import UsageSnapshot
from ..usage.view import DEFAULT_ROWS, MAX_ROWS, Page, Sort, view
from .gate import Gated
from .route import Route
from .visitor import Needs

Snapshots = Callable[[], UsageSnapshot | None]
"""Returns what was found last, None before the first look."""


class UsageApi(Gated, ApiHandler):
    """One page of the servers and users that the asker may see."""

    endpoint = "/api/usage"
    needs = Needs.NAME

    def initialize(self, context: ApiContext, snapshots: Snapshots | None = None) -> None:
        """Take where the numbers come from; None where nobody looks."""
        super().initialize(context)
        self._snapshots = snapshots

    def refuse_nobody(self) -> NoReturn:
        """Raise HTTPError 401 for no token, 403 for one that the Hub does not know."""
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
            body = self.body_of(utf8(to_json(view(snapshot, self.viewer, policy(), page))))
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


def usage_routes(context: ApiContext, snapshots: Snapshots | None, prefix: str) -> list[Route]:
    """Return the route, which has a gate of its own; it goes before those of the API."""
    arguments = {"context": context, "snapshots": snapshots}
    return [(f"{prefix.rstrip('/')}{UsageApi.endpoint}$", UsageApi, arguments)]
