"""The service's own page, for now: is it well, what is scraped, what is kept, where the API is."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tornado.web import RequestHandler, StaticFileHandler

from .._version import __version__
from ..health.report import CONTENT_TYPE
from .alert_rows import SHOWN, alert_rows, message_rows
from .context import Context
from .keeper import StoreKeeper

Route = tuple[Any, ...]
"""A pattern, a handler class, and what its `initialize` takes."""

HERE = Path(__file__).parent
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def _templates() -> Environment:
    loader = FileSystemLoader(HERE / "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    made.filters.update(bytes=human_bytes, ago=human_ago, count="{:,}".format)
    return made


def human_bytes(size: float) -> str:
    """Return "1.4 GiB" of a number of bytes."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def human_ago(at_ms: float | None) -> str:
    """Return "3 min ago" of a time in milliseconds; a dash where it is unknown."""
    if at_ms is None:
        return "\N{EN DASH}"
    seconds = max(0.0, time.time() - at_ms / 1000)
    for size, unit in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"


class Page(RequestHandler):
    """What the service's handlers have in common."""

    def initialize(self, context: Context, keeper: StoreKeeper, prefix: str) -> None:
        """Take what is shown."""
        self.context, self.keeper, self.prefix = context, keeper, prefix

    def set_default_headers(self) -> None:
        """Nobody frames us, keeps our answers or guesses their type."""
        self.set_header("Content-Security-Policy", CSP)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say on a page of our own why there is nothing to see."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        reason = getattr(error, "log_message", None) or self._reason
        self._render("refused.html", status=status_code, reason=reason)

    def _render(self, name: str, **values: Any) -> None:
        template = _templates().get_template(name)
        self.finish(template.render(prefix=self.prefix, version=__version__, **values))


class StatusPage(Page):
    """`/services/monitoring/`."""

    async def get(self) -> None:
        """Show everything; each part says for itself that it is not known yet."""
        scraper, context = self.context.scraper, self.context
        self._render(
            "status.html",
            faults=context.faults.standing(),
            runbooks=context.settings.rules.runbook_base.rstrip("/"),
            tells_nobody=context.tells_nobody,
            alerts=alert_rows(context.rules, context.notifier, context.external_labels),
            alerts_shown=SHOWN,
            messages=message_rows(context.notifier),
            opening=self.context.unavailable,
            targets=scraper.targets() if scraper else [],
            scrapes=scraper is not None,
            stats=self.keeper.stats,
            retention=self.context.retention,
            folder=self.keeper.folder,
        )

    head = get


class HealthPage(Page):
    """`/services/monitoring/health`: the status for everybody, the details behind the gate."""

    async def get(self) -> None:
        """Answer 200, or 503 while a critical code stands."""
        faults = self.context.faults
        opening = self.context.unavailable if faults.status == "pass" else None
        report: dict[str, object] = {"status": "warn" if opening else faults.status, "version": "1"}
        if await self.may_see_details():
            report |= {"releaseId": __version__, "description": "health of the monitoring service"}
            report |= {**faults.report(), **({"output": opening} if opening else {})}
        self.set_status(503 if faults.status == "fail" else 200)
        self.set_header("Content-Type", CONTENT_TYPE)
        self.finish(json.dumps(report))

    head = get

    async def may_see_details(self) -> bool:
        """Whether whoever asks may see more than the status."""
        return True


def open_routes(context: Context, keeper: StoreKeeper, prefix: str) -> list[Route]:
    """Return the pages for `serve`, where whoever reaches the port gets in."""
    shown = {"context": context, "keeper": keeper, "prefix": prefix}
    return [
        (f"{prefix}?", StatusPage, shown),
        (f"{prefix}health", HealthPage, shown),
        style(prefix),
    ]


def style(prefix: str) -> Route:
    """Return the route of the style sheet, which holds no secret."""
    return (f"{prefix}static/(status\\.css)", StaticFileHandler, {"path": HERE / "static"})
