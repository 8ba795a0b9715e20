"""/hub/health/live, /hub/health/ready, /hub/health/checks/NAME. `/hub/health` itself is the Hub's.

Every answer comes from the last results: no request runs a check, however often it is asked, and an
anonymous one does not touch the database. Details are for those who have the scope `read:metrics`
or `admin-ui`, and for our service.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any

from jupyterhub.handlers.base import BaseHandler

from .report import (
    CONTENT_TYPE,
    STATUS,
    check_report,
    readiness,
    ready_report,
    unknown_names,
)

if TYPE_CHECKING:
    from .checker import HealthChecker

DETAIL_SCOPES = ("read:metrics", "admin-ui")


class HealthHandler(BaseHandler):
    """What the three have in common. HEAD is GET without its body, as tornado sends it."""

    _accept_token_auth = True

    def initialize(self, checker: HealthChecker) -> None:
        """Take the checker whose results are shown."""
        self.checker = checker

    @property
    def may_see_details(self) -> bool:
        """Whether whoever asks may see more than the status."""
        return self._is_our_service or any(scope in self.parsed_scopes for scope in DETAIL_SCOPES)

    @property
    def _is_our_service(self) -> bool:
        """Whether it is our service that asks, which is known also while the database is down."""
        ours, token = self.checker.own_token(), self.get_auth_token()
        return bool(ours and token) and hmac.compare_digest(ours.encode(), token.encode())

    def answer(self, status: int, report: dict[str, Any]) -> None:
        """Send *report*; nobody on the way may keep it."""
        self.set_status(status)
        self.set_header("Content-Type", CONTENT_TYPE)
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(report))

    def head(self, *args: str) -> None:
        """Answer as GET does; tornado leaves the body out."""
        self.get(*args)


class LiveHandler(HealthHandler):
    """200 whenever the Hub's event loop answers. For restarting a Hub that hangs."""

    def get(self) -> None:
        """Say that we are alive."""
        self.answer(200, {"status": "pass"})


class ReadyHandler(HealthHandler):
    """200 or 503, by the critical checks. `?exclude=NAME` (repeatable), `?verbose`, `?report`.

    With `?report` those who may see it get the report with 200, whatever it says: who only reads it
    makes no line of an error in the Hub's log each time.
    """

    def get(self) -> None:
        """Judge by the last results."""
        exclude = self.get_query_arguments("exclude")
        unknown = unknown_names(self.checker, exclude)
        if unknown:
            self._refuse(unknown)
            return
        ready = readiness(self.checker, exclude)
        if not self.may_see_details:
            self.answer(ready.http_status, {"status": ready.status})
            return
        report = ready_report(self.checker, ready, exclude, history=self._says("verbose"))
        self.answer(200 if self._says("report") else ready.http_status, report)

    def _says(self, name: str) -> bool:
        """Whether the query says *name*, also without a value, which tornado does not keep."""
        return name in self.request.query_arguments or name in self.request.query.split("&")

    def _refuse(self, unknown: list[str]) -> None:
        output = f"exclude names no check: {', '.join(unknown)}"
        if self.may_see_details:
            output += f"; known: {', '.join(self.checker.checks)}"
        else:
            output += "; a token with the scope read:metrics is told the known names"
        self.answer(400, {"status": "fail", "output": output})


class CheckHandler(HealthHandler):
    """One check: 200 or 503 by its last result, 404 when there is no such check."""

    def get(self, name: str) -> None:
        """Show the last result of the check *name*."""
        if name not in self.checker.checks:
            self.answer(404, {"status": "fail", "output": "no such health check"})
            return
        result = self.checker.results().get(name)
        status = 200 if result is not None and not result.status.failing else 503
        if self.may_see_details:
            self.answer(status, check_report(self.checker, name, result))
        else:
            self.answer(status, {"status": STATUS[result.status] if result else "unknown"})


def handlers(checker: HealthChecker) -> list[tuple[str, type[BaseHandler], dict[str, Any]]]:
    """Return the handlers, their patterns without the Hub's prefix."""
    arguments = {"checker": checker}
    return [
        (r"/health/live$", LiveHandler, arguments),
        (r"/health/ready$", ReadyHandler, arguments),
        (r"/health/checks/([^/]+)$", CheckHandler, arguments),
    ]
