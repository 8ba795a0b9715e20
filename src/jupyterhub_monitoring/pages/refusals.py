"""How what a page fetches says that it has nothing: JSON, with a sentence for a person."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import orjson
from tornado.web import HTTPError, RequestHandler

from ..api.failures import failure
from ..errors import MonitoringError
from ..querier import kind_of


class Refusing(RequestHandler):
    """Put before a handler class, its errors are JSON."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer `{"error": sentence, "kind": …}`, with the status that fits."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        text = getattr(error, "log_message", None) or self._reason
        known = failure(error) if isinstance(error, MonitoringError) else None
        if known is not None:
            status_code, text = known[0], str(error)
            self.set_status(status_code)
        elif status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(error, HTTPError):
            text = "the service failed; its log says how"
        self.set_header("Content-Type", "application/json")
        kind = kind_of(error).value if isinstance(error, MonitoringError) else ""
        self.finish(orjson.dumps({"error": str(text), "kind": kind}))
