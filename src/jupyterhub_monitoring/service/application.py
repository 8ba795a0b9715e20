"""HOST 2: the parts of the service, put together, started and ended.

The HTTP server comes first and stays whatever happens; the store is opened behind it, as often as
it takes; scraping and queries begin when it is open.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import CollectorRegistry
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from ..api import MAX_BODY_BYTES, QueryRunner
from ..health.codes import SERVICE_SETTINGS_WRONG, TARGET_DOWN
from ..promql.engine import Engine
from ..querier import HttpQuerier
from ..scrape import Health, Scraper, Target, TargetState
from ..store.store import Store
from . import settings as service_settings
from .context import Context
from .keeper import StoreKeeper
from .signals import end_on_signal

log = logging.getLogger(__name__)

BIND_SECONDS = 20.0
"""How long somebody else may have our port: the service that was here before us is ending."""

TARGETS_SECONDS = 5.0


class Part(Protocol):
    """Something that lives in the service beside the store: it begins before, and ends before."""

    async def start(self) -> None:
        """Begin with what needs no store. What is wrong is told, not raised."""

    async def opened(self, store: Store, engine: Engine) -> None:
        """Begin with the rest."""

    async def stop(self) -> None:
        """End, in less than a second."""


@dataclass
class Host:
    """One data folder, served over HTTP; with *targets*, what they say is scraped into it.

    With *beside* another engine has the series: no store is opened, and nothing scraped.
    """

    folder: Path
    settings: service_settings.Settings
    registry: CollectorRegistry
    targets: Sequence[Target] = ()
    beside: HttpQuerier | None = None
    context: Context = field(init=False)
    keeper: StoreKeeper = field(init=False)
    parts: list[Part] = field(default_factory=list)
    _problems: list[str] = field(default_factory=list)
    _server: HTTPServer | None = None
    _tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        queries = QueryRunner(self.settings.query.limits())
        self.context = Context(self.settings, queries, self.registry, beside=self.beside)
        self.add_problem(*self.settings.problems)
        self.keeper = StoreKeeper(self.folder, self.settings.store.limits(), self.context.faults)

    def add_problem(self, *problems: str) -> None:
        """Tell of settings that are wrong, beside those that are known."""
        self._problems += problems
        self.context.faults.put(SERVICE_SETTINGS_WRONG, *self._problems)

    async def run(
        self,
        application: Application,
        address: tuple[str, int],
        *,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Serve *application* until SIGINT, SIGTERM or `stop`. Raises OSError without a port."""
        end_on_signal(self.stop)
        try:
            self._server = await _listen(application, address, tls)
            for part in self.parts:
                await part.start()
            if self.beside is None:
                self.also(self.keeper.run(self._opened))
            await self._stopping.wait()
        finally:
            await self._close()

    def also(self, work: Coroutine[Any, Any, None]) -> None:
        """Do *work* beside the rest; what it raises ends the service."""
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping.set()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and task.exception() is not None:
            log.critical("The monitoring service fails and ends", exc_info=task.exception())
            self.stop()

    async def _opened(self, store: Store) -> None:
        context = self.context
        context.open_store = store
        context.open_engine = Engine(store, self.settings.query.limits())
        if self.targets:
            context.scraper = Scraper(store, self.targets, writer=self.keeper.writer)
            await context.scraper.start()
            self.also(self._watch_targets(context.scraper))
        for part in self.parts:
            await part.opened(store, context.open_engine)

    async def _watch_targets(self, scraper: Scraper) -> None:
        """Tell of targets that cannot be scraped."""
        while True:
            self.context.faults.put(TARGET_DOWN, _down(scraper.targets()))
            await asyncio.sleep(TARGETS_SECONDS)

    async def _close(self) -> None:
        """End in the order in which things depend on each other; each part may fail alone."""
        for task in self._tasks:
            task.cancel()
        context = self.context
        if self._server is not None:
            self._server.stop()
        steps: list[Callable[[], Any]] = [part.stop for part in reversed(self.parts)]
        steps.append(context.queries.close)
        if context.scraper is not None:
            steps.append(context.scraper.stop)
        if context.open_engine is not None:
            steps.append(context.open_engine.close)
        for step in [*steps, self.keeper.close]:
            await _end(step)


async def _end(step: Callable[[], Any]) -> None:
    try:
        result = step()
        if asyncio.iscoroutine(result):
            await result
    except Exception:
        log.exception("A part of the service did not end well")


def _down(states: Sequence[TargetState]) -> str | None:
    """Return what to say of the targets that are down, None when none is."""
    down = [state for state in states if state.health is Health.DOWN]
    if not down:
        return None
    first = down[0]
    return (
        f"{len(down)} of {len(states)} targets cannot be scraped; the first is job"
        f" {first.target.job!r} at {first.target.url}: {first.last_error}"
    )


async def _listen(
    application: Application, address: tuple[str, int], tls: ssl.SSLContext | None
) -> HTTPServer:
    host, port = address
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BIND_SECONDS
    while (sockets := _bind(host, port, final=loop.time() > deadline)) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    server = HTTPServer(application, ssl_options=tls, xheaders=True, max_body_size=MAX_BODY_BYTES)
    server.add_sockets(sockets)
    with suppress(IndexError):
        log.info("Listening on http://%s:%d", *sockets[0].getsockname()[:2])
    return server


def _bind(host: str, port: int, *, final: bool) -> list[socket.socket] | None:
    """Return sockets that listen there, None while somebody else has the port."""
    try:
        return bind_sockets(port, host)
    except OSError:
        if final:
            raise
        return None
