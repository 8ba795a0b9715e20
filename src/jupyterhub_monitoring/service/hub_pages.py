"""The same pages for the people of a Hub: behind the gate, but for the health status."""

from __future__ import annotations

from jupyterhub.services.auth import UserNotAllowed
from tornado.web import HTTPError

from .context import Context
from .gate import Gated, gated
from .keeper import StoreKeeper
from .pages import HealthPage, Route, StatusPage, style


class HubHealthPage(Gated, HealthPage):
    """The status for everybody, the details for those who would get in."""

    async def prepare(self) -> None:
        """Let everybody in: the Hub and load balancers ask without a token."""

    async def may_see_details(self) -> bool:
        """Whether the Hub lets in whoever asks."""
        try:
            return await self.visitor() is not None
        except (UserNotAllowed, HTTPError):
            return False


def hub_routes(context: Context, keeper: StoreKeeper, prefix: str) -> list[Route]:
    """Return the routes of the pages."""
    shown = {"context": context, "keeper": keeper, "prefix": prefix}
    return [
        *gated([(f"{prefix}?", StatusPage, shown)], page=True),
        (f"{prefix}health", HubHealthPage, shown),
        style(prefix),
    ]
