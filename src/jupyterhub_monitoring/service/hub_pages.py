"""The same pages for the people of a Hub: behind the gate, but for the health status."""

from __future__ import annotations

from tornado.web import HTTPError

from .context import Context
from .gate import Gated, gated
from .keeper import StoreKeeper
from .pages import HealthPage, Route, StatusPage, style
from .visitor import Needs


class HubHealthPage(Gated, HealthPage):
    """The status for everybody, the details for those with the full view."""

    async def prepare(self) -> None:
        """Let everybody in: the Hub and load balancers ask without a token."""

    async def may_see_details(self) -> bool:
        """Whether whoever asks may see everything."""
        try:
            visitor = await self.visitor()
        except HTTPError:
            return False
        return visitor is not None and visitor.full


def hub_routes(context: Context, keeper: StoreKeeper, prefix: str) -> list[Route]:
    """Return the routes of the pages."""
    shown = {"context": context, "keeper": keeper, "prefix": prefix}
    return [
        *gated([(f"{prefix}?", StatusPage, shown)], needs=Needs.FULL, page=True),
        (f"{prefix}health", HubHealthPage, shown),
        style(prefix),
    ]
