"""What every page is: rendered for one viewer, framed by nobody, and well spoken when it fails."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tornado.web import HTTPError, RequestHandler

from .._version import __version__
from ..api.failures import failure
from ..errors import MonitoringError
from ..querier.turns import ANYBODY, asking_as
from ..usage.viewer import NOBODY, Viewer
from .environment import environment
from .navigation import Audience, entries, may_open
from .period import DEFAULT, Period, read_period
from .sources import Sources

STATIC = Path(__file__).parent / "static"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)


YOUNG_SECONDS = 3600.0
NEW_RANGE = "1h"


class PageHandler(RequestHandler):
    """A page or what a page fetches. Whoever puts a gate before it sets `viewer`."""

    viewer: Viewer = NOBODY
    audience = Audience.FULL
    page = ""  # its entry in the navigation
    default_range = DEFAULT

    def initialize(self, sources: Sources) -> None:
        """Take what is shown."""
        self.sources = sources
        self.began = time.time()

    def prepare(self) -> None:
        """Refuse who is not meant. HTTPError 403. Queries wait with the others of this viewer."""
        if not may_open(self.viewer, self.audience):
            raise HTTPError(403, "this page is not for you")
        asking_as(self.viewer.name or ANYBODY)

    def set_default_headers(self) -> None:
        """Nobody frames us, keeps our answers or guesses their type."""
        self.set_header("Content-Security-Policy", CSP)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Referrer-Policy", "same-origin")
        self.clear_header("Server")

    async def head(self, *args: str) -> None:
        """Answer as GET does; tornado leaves the body out."""
        handler: Any = self
        await handler.get(*args)

    @property
    def period(self) -> Period:
        """The time that is looked at. Raises `BadData`."""
        period = read_period(
            lambda name: self.get_query_argument(name, ""),
            self.began,
            self._default_range,
            self.sources.interval,
        )
        return replace(period, victoria=self.sources.context.victoria)

    @property
    def _default_range(self) -> str:
        """An hour while there is no more: on a new Hub the first minutes can be seen."""
        stats = self.sources.store_stats()
        oldest = stats.oldest_ms if stats else None
        new = oldest is not None and self.began - oldest / 1000 < YOUNG_SECONDS
        return NEW_RANGE if new else self.default_range

    def show(self, template: str, **values: Any) -> None:
        """Answer with *template*."""
        sources = self.sources
        shown = {
            "prefix": sources.prefix,
            "hub_prefix": sources.hub_prefix,
            "viewer": self.viewer,
            "entries": entries(self.viewer),
            "page": self.page,
            "version": __version__,
            "asset": asset,
            "now": self.began,
            "faults": sources.context.faults.standing() if self.viewer.full else (),
            "unavailable": sources.context.unavailable,
            "engine": sources.engine,
            "period": None,
            "badges": self._badges(),
            "xsrf": self._xsrf_text(),
        }
        self.finish(environment().get_template(template).render(shown | values))

    def _badges(self) -> dict[str, int]:
        """Return the numbers beside entries of the navigation: how many alerts fire."""
        firing = self.sources.alerts.firing(self.sources.context) if self.viewer.full else ()
        return {"alerts": len(firing)}

    def _xsrf_text(self) -> str:
        """Return what a form and a script of this page send with what they ask (see `gate`)."""
        if not self.sources.hub_prefix:
            return ""
        return self.xsrf_token.decode("ascii")

    def log_exception(self, *args: Any) -> None:
        """Log only what is our fault: who asked for nonsense was told."""
        if not isinstance(args[1], MonitoringError):
            super().log_exception(*args)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say on a page what is wrong and what to do."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        reason = getattr(error, "log_message", None) or self._reason
        if isinstance(error, MonitoringError):
            known = failure(error)
            self.set_status(known[0] if known else HTTPStatus.INTERNAL_SERVER_ERROR)
            status_code, reason = self.get_status(), str(error)
        elif status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, HTTPError):
            reason = "The service failed to make this page; its log says how."
        self.show("refused.html", status=status_code, reason=reason)


@lru_cache(maxsize=256)
def asset(path: str) -> str:
    """Return the address of a static file below the prefix, new with each of its contents."""
    digest = hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:12]
    return f"static/{path}?v={digest}"
