"""The pages on a free port, for one viewer, without a Hub: in a thread with an event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from jupyterhub_monitoring.pages.routes import page_routes, static_route
from jupyterhub_monitoring.pages.sources import Sources
from jupyterhub_monitoring.usage.viewer import Viewer
from support.api_server import Reply, fetch

PREFIX = "/services/monitoring/"
EVERYTHING = Viewer("admin", full=True)


class NoFaults:
    """Nothing is wrong with the service."""

    def standing(self) -> tuple[()]:
        return ()


@dataclass
class Context:
    """A `PageContext` of parts that a test chooses."""

    querier: Any = None
    scraper: Any = None
    rules: Any = None
    notifier: Any = None
    faults: Any = field(default_factory=NoFaults)
    unavailable: str | None = None
    retention: str = "400d"
    activity: Any = None
    hub_health: Any = None
    writing: Sequence[Any] = ()
    tells_nobody: bool = False
    victoria: bool = False
    runbooks: str = "https://docs.example/runbooks"
    external_labels: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, str] = field(default_factory=dict)


class PageServer:
    """Serves the pages while it is entered, all for *viewer*."""

    def __init__(self, context: Context, viewer: Viewer = EVERYTHING, **more: Any) -> None:
        """*more* are fields of `Sources`."""
        self.context, self.viewer, self.more = context, viewer, more
        self.loop = asyncio.new_event_loop()
        self._ready = threading.Event()

    def __enter__(self) -> PageServer:  # noqa: PYI034 -- nobody subclasses it
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, *exc: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(30)

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        (socket,) = bind_sockets(0, "127.0.0.1")
        self.port = socket.getsockname()[1]
        server = HTTPServer(Application(self._routes()))

        async def begin() -> None:
            server.add_sockets([socket])
            self._ready.set()

        self.loop.run_until_complete(begin())
        self.loop.run_forever()
        server.stop()
        self.loop.run_until_complete(server.close_all_connections())
        self.loop.close()

    def _routes(self) -> list[Any]:
        seen_by = {"viewer": self.viewer}
        routes = [
            (path, type(handler.__name__, (handler,), seen_by), given)
            for path, handler, given in page_routes(Sources(self.context, PREFIX, **self.more))
        ]
        return [*routes, static_route(PREFIX)]

    @property
    def url(self) -> str:
        """Where it is, without the prefix; ends with a slash."""
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str, *pairs: tuple[str, str], **query: str) -> Reply:
        """Ask for *path* below the prefix; redirects are followed."""
        asked = urlencode([*pairs, *query.items()])
        return fetch(f"{self.url}{PREFIX[1:]}{path}{'?' if asked else ''}{asked}")
