"""The pages, opened: to the people of a Hub by what they may, or to whoever reaches a port."""

from __future__ import annotations

from ..pages.handler import PageHandler
from ..pages.navigation import Audience
from ..pages.refusals import Refusing
from ..pages.routes import not_found_route, page_routes, static_route
from ..pages.sources import Sources
from ..usage.viewer import Viewer
from .context import Context
from .gate import gated
from .health_page import HealthPage, HubHealthPage
from .route import Route
from .visitor import Needs

EVERYTHING = Viewer(None, full=True)


def hub_routes(context: Context, sources: Sources) -> list[Route]:
    """Return the routes of the pages behind the gate, but for the health status."""
    return [
        (f"{sources.prefix}health", HubHealthPage, {"context": context}),
        static_route(sources.prefix),
        *(_gated(route) for route in page_routes(sources)),
    ]


def last_route(sources: Sources) -> Route:
    """Return what answers where there is nothing; no other may come after it."""
    return _gated(not_found_route(sources))


def open_routes(context: Context, sources: Sources) -> list[Route]:
    """Return the pages for `serve`, where whoever reaches the port gets in and sees everything."""
    return [
        (f"{sources.prefix}health", HealthPage, {"context": context}),
        static_route(sources.prefix),
        *(_opened(route) for route in page_routes(sources)),
    ]


def last_open_route(sources: Sources) -> Route:
    """Return what answers where there is nothing; no other may come after it."""
    return _opened(not_found_route(sources))


def _gated(route: Route) -> Route:
    handler: type[PageHandler] = route[1]
    needs = Needs.FULL if handler.audience is Audience.FULL else Needs.LOGIN
    (made,) = gated([route], needs=needs, page=not issubclass(handler, Refusing))
    return made


def _opened(route: Route) -> Route:
    pattern, handler, *more = route
    return (pattern, type(handler.__name__, (handler,), {"viewer": EVERYTHING}), *more)
