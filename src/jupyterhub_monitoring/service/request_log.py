"""What is logged of requests: never what somebody has put into an address.

A query names users, and so may the path of one that nobody has made a page for. Who reads the log
need not be somebody who may see names.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, HTTPError, RequestHandler

from ..metrics.usernames import UsernameMode, policy
from .route import Route

access_log = logging.getLogger("tornado.access")
application_log = logging.getLogger("tornado.application")

LONGEST = 300
"""Characters of a path."""


class DiscreetApplication(Application):
    """Tornado's, but what it logs of an address is the words that stand in *routes*."""

    def __init__(self, routes: Sequence[Route], **settings: Any) -> None:
        super().__init__(list(routes), **settings)
        self._words = _words(routes)
        self._discreet: dict[type[RequestHandler], type[RequestHandler]] = {}

    def log_request(self, handler: RequestHandler) -> None:
        """Write one line, as tornado does, at the same levels."""
        status, milliseconds = handler.get_status(), 1000.0 * handler.request.request_time()
        level = logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR
        access_log.log(level, "%d %s %.2fms", status, self.summary(handler.request), milliseconds)

    def summary(self, request: HTTPServerRequest) -> str:
        """Return "GET /api/v1/label/*/values (10.0.0.1)" of a request."""
        parts = request.path[:LONGEST].split("/")
        path = "/".join(part if part in self._words else "*" for part in parts)
        return f"{request.method} {path} ({request.remote_ip})"

    def get_handler_delegate(
        self,
        request: HTTPServerRequest,
        target_class: type[RequestHandler],
        target_kwargs: dict[str, Any] | None = None,
        path_args: list[bytes] | None = None,
        path_kwargs: dict[str, bytes] | None = None,
    ) -> Any:
        """Let the handler be one whose errors are logged by the same rule."""
        discreet = self._discreet.get(target_class)
        if discreet is None:
            discreet = type(target_class.__name__, (_Discreet, target_class), {})
            self._discreet[target_class] = discreet
        return super().get_handler_delegate(
            request, discreet, target_kwargs, path_args, path_kwargs
        )


def _words(routes: Sequence[Route]) -> frozenset[str]:
    """Return what stands between slashes in *routes* and is no placeholder."""
    plain = (pattern.replace("\\", "") for pattern, *_ in routes)
    parts = (part for pattern in plain for part in re.split(r"[/()?:$]", pattern))
    return frozenset(part for part in parts if re.fullmatch(r"[\w.~-]*", part))


class _Discreet(RequestHandler):
    """Put before a handler class, it logs errors without their request."""

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Tell of what is no answer to the client; the line of the request tells of the rest."""
        application = self.application
        if isinstance(value, HTTPError) or not isinstance(application, DiscreetApplication):
            return
        where = application.summary(self.request)
        if policy().mode is UsernameMode.NAME:
            told = "".join(traceback.format_exception(typ, value, tb))
        else:  # without the error's text: it may be about somebody
            told = "".join(traceback.format_tb(tb)) + getattr(typ, "__name__", "")
        application_log.error("Uncaught exception %s\n%s", where, told.rstrip())
