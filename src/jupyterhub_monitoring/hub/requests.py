"""Counts every request that the Hub answers, from tornado's `log_function`."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..metrics import catalogue as m
from ..metrics.labels import Point
from .guard import guarded
from .routes import UNKNOWN, Routes

log = logging.getLogger(__name__)

_METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
_STREAM = "text/event-stream"


class Requests:
    """The log function: the Hub's or the operator's own first, then ours."""

    def __init__(self, log_function: Callable[[Any], None]) -> None:
        self._log_function = log_function
        self._names: dict[type, str] = {}
        self.routes = Routes((), "")
        self.on_answer: list[Callable[[Any], Any]] = []  # further listeners, guarded by themselves

    def __call__(self, handler: Any) -> None:
        """Log and count the request that *handler* has answered."""
        self._log_function(handler)
        self.count(handler)
        for listener in self.on_answer:
            listener(handler)

    @guarded(Point.REQUEST)
    def count(self, handler: Any) -> None:
        """Count one answered request."""
        request, code = handler.request, handler.get_status()
        # Whoever reaches the Hub may send any method; only these become labels.
        method = request.method if request.method in _METHODS else "other"
        m.REQUEST_COUNT.labels(method, self._name(type(handler)), code).inc()
        if handler._headers.get("Content-Type", "").startswith(_STREAM):
            return
        seconds = request.request_time()
        m.HUB_RESPONSE_DURATION_SECONDS.observe(seconds)
        endpoint = self.routes.endpoint(handler)
        if endpoint.startswith("/api/") or (endpoint == UNKNOWN and "/api/" in request.path):
            m.API_REQUEST_DURATION_SECONDS.labels(method, endpoint, code).observe(seconds)

    def _name(self, cls: type) -> str:
        """Return what the Hub's own `request_duration_seconds` shows as `handler`."""
        name = self._names.get(cls)
        if name is None:
            name = self._names[cls] = f"{cls.__module__}.{cls.__name__}"
        return name
