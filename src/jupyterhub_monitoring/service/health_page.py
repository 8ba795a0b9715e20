"""The service's own health, as health+json: for the Hub, load balancers and `health`."""

from __future__ import annotations

import json

from tornado.web import HTTPError, RequestHandler

from .._version import __version__
from ..health.report import CONTENT_TYPE
from .context import Context
from .gate import Gated


class HealthPage(RequestHandler):
    """`/services/monitoring/health`: the status for everybody, the details behind the gate."""

    def initialize(self, context: Context) -> None:
        """Take what is told of."""
        self.context = context

    def set_default_headers(self) -> None:
        """Nobody keeps our answers or guesses their type."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

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
