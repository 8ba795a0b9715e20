"""The HTTP API on a free port, in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

from prometheus_client import CollectorRegistry
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from jupyterhub_monitoring.api import QueryRunner, handlers
from jupyterhub_monitoring.api.alertmanager import alertmanager_handlers
from jupyterhub_monitoring.promql.budget import Limits


@dataclass
class Context:
    """An `ApiContext` of parts that a test chooses."""

    engine: Any = None
    store: Any = None
    scraper: Any = None
    rules: Any = None
    notifier: Any = None
    limits: Limits = field(default_factory=Limits)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    unavailable: str | None = None
    version: str = "0.0"
    started: float = field(default_factory=time.time)
    retention: str = "400d or 5GiB"
    flags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.queries = QueryRunner(self.limits)


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.body
        return self.json["data"]

    @property
    def error(self) -> tuple[int, str, str]:
        """Status, `errorType` and `error`."""
        said = self.json
        assert said["status"] == "error", said
        return self.status, said["errorType"], said["error"]


class ApiServer:
    """Serves *context* below *prefix* while it is entered."""

    def __init__(self, context: Context, prefix: str = "") -> None:
        self.context, self.prefix = context, prefix
        self.loop = asyncio.new_event_loop()

    def __enter__(self) -> ApiServer:  # noqa: PYI034 -- nobody subclasses it
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._ready = threading.Event()
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self.loop.call_soon_threadsafe(self._stop)
        self._thread.join(10)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        (socket,) = bind_sockets(0, "127.0.0.1")
        self.port = socket.getsockname()[1]
        routes = [
            *alertmanager_handlers(self.context, self.prefix),
            *handlers(self.context, self.prefix),
        ]
        self._server = HTTPServer(Application(routes))

        async def begin() -> None:
            self._server.add_sockets([socket])
            self._ready.set()

        self.loop.run_until_complete(begin())
        self.loop.run_forever()
        self.loop.run_until_complete(self._server.close_all_connections())
        self.loop.close()

    def _stop(self) -> None:
        self.context.queries.close()
        self._server.stop()
        self.loop.call_later(0.05, self.loop.stop)  # answers that say "canceled" go out first

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.prefix}"

    def ask(
        self,
        path: str,
        query: Any = (),
        *,
        form: Any = None,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Request *path*; *query* and *form* are mappings or pairs."""
        encoded = urllib.parse.urlencode(query, doseq=True)
        return fetch(f"{self.url}{path}?{encoded}", form=form, method=method, headers=headers)

    def get(self, path: str, **query: Any) -> Reply:
        """Ask `/api/v1/` + *path*; `match` stands for `match[]`."""
        if "match" in query:
            query["match[]"] = query.pop("match")
        return self.ask(f"/api/v1/{path}", query)


def fetch(
    url: str,
    *,
    form: Any = None,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Ask any server; an error's answer is an answer."""
    body = None if form is None else urllib.parse.urlencode(form, doseq=True).encode()
    request = urllib.request.Request(url, body, dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return Reply(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Reply(error.code, error.headers, error.read())
