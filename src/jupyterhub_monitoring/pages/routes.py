"""Which address below the prefix is which page."""

from __future__ import annotations

from typing import Any

from tornado.web import RequestHandler, StaticFileHandler

from .activity_page import ActivityPage
from .alerts.page import AlertsPage, EndSilenceHandler, SilenceHandler
from .alerts.rule_page import RuleDataHandler, RulePage, RulesPage
from .checks.page import ChecksPage
from .explore.handlers import CompletionHandler, DataHandler, LatestHandler
from .explore.page import ExplorePage, GraphPage
from .groups import GroupsPage
from .handler import STATIC, PageHandler
from .not_found import NotFoundPage
from .overview import OverviewPage
from .panel_handler import MarksHandler, PanelHandler
from .person import MyPage, ServerPage, UserPage
from .report_page import ReportFile, ReportPage
from .sources import Sources
from .status import StatusPage
from .users import UsersPage

Route = tuple[Any, ...]
"""A pattern, a handler class, and what its `initialize` takes."""

PAGES: tuple[tuple[str, type[PageHandler]], ...] = (
    ("?", OverviewPage),
    ("users", UsersPage),
    ("groups", GroupsPage),
    ("user", UserPage),
    ("server", ServerPage),
    ("me", MyPage),
    ("activity", ActivityPage),
    ("report", ReportPage),
    (r"report\.(txt|csv|json|html)", ReportFile),
    ("alerts", AlertsPage),
    ("alerts/silence", SilenceHandler),
    ("alerts/silence/end", EndSilenceHandler),
    ("rules", RulesPage),
    ("rule", RulePage),
    (r"rule/data(\.csv)?", RuleDataHandler),
    ("checks", ChecksPage),
    ("status", StatusPage),
    ("explore", ExplorePage),
    (r"explore/data(\.csv)?", DataHandler),
    (r"explore/latest\.csv", LatestHandler),
    ("explore/complete", CompletionHandler),
    ("graph", GraphPage),
    (r"panels/([a-z-]+)(\.csv)?", PanelHandler),
    ("marks", MarksHandler),
)


class Static(StaticFileHandler):
    """Style sheets and scripts, which hold no secret."""

    def set_extra_headers(self, _path: str) -> None:
        """What is addressed by its contents is kept; the rest is asked for each time."""
        self.set_header("X-Content-Type-Options", "nosniff")
        if "v" not in self.request.arguments:
            self.set_header("Cache-Control", "no-cache")


def page_routes(sources: Sources) -> list[Route]:
    """Return the pages, without a gate."""
    prefix = sources.prefix
    return [(f"{prefix}{path}", handler, {"sources": sources}) for path, handler in PAGES]


def not_found_route(sources: Sources) -> Route:
    """Return what answers below the prefix where nothing else does, without a gate."""
    return (f"{sources.prefix}.*", NotFoundPage, {"sources": sources})


def static_route(prefix: str) -> Route:
    """Return where style sheets and scripts are."""
    handler: type[RequestHandler] = Static
    return (f"{prefix}static/(.*)", handler, {"path": STATIC})
