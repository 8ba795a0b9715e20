"""One target's life: wait for its turn, ask, keep what it said, remember how it went."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from ..errors import ScrapeError
from ..metrics.service_catalogue import SCRAPES, SCRAPES_LATE
from ..store.selection import Appendable
from .fetch import Fetch
from .http_get import Answer
from .recorder import Recorded, Recorder
from .rhythm import Clocks, Rhythm
from .state import Health, TargetState
from .target import Target

log = logging.getLogger(__name__)

R = TypeVar("R")


class TargetLoop:
    """Scrapes one target in its rhythm, from `start()` to `stop()`.

    *told* is called after each scrape, when `state` is new.
    """

    def __init__(
        self,
        store: Appendable,
        target: Target,
        writer: Executor,
        clocks: Clocks,
        told: Callable[[], None],
    ) -> None:
        self.state = TargetState(target)
        self._store, self._writer, self._clocks, self._told = store, writer, clocks, told
        self._fetch = Fetch(target)
        self._recorder: Recorder | None = None
        self._task: asyncio.Task[None] | None = None
        self._writing: asyncio.Future[Any] | None = None
        self._store_failing = False

    def start(self) -> None:
        """Begin the rhythm, in the running event loop."""
        self._task = asyncio.ensure_future(self._run())

    async def stop(self) -> None:
        """End the rhythm. What is being written is waited for; what is being asked is not."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def end(self) -> None:
        """Mark the series of the target as ended; after `stop()`."""
        if self._recorder is not None:
            at = round(self._clocks.wall_ms())
            if self.state.last_scrape_ms is not None:
                at = max(at, self.state.last_scrape_ms + 1)
            await self._keep(lambda recorder: recorder.end(at))

    async def _run(self) -> None:
        target = self.state.target
        rhythm = Rhythm(target.interval_ms, target.offset_ms, self._clocks)
        while True:
            turn = rhythm.next()
            if turn.skipped:
                SCRAPES_LATE.inc(turn.skipped)
            await asyncio.sleep((turn.at_ms - self._clocks.monotonic_ms()) / 1000)
            try:
                await self._scrape(rhythm.timestamp(turn))
            except Exception:  # a fault of ours: the next scrape may go well
                log.exception("Scraping %s failed", target.url)

    async def _scrape(self, at_ms: int) -> None:
        began = time.monotonic()
        answer: Answer | ScrapeError
        try:
            answer = await self._fetch()
        except ScrapeError as error:
            answer = error
        recorded = await self._keep(lambda recorder: recorder.record(answer, at_ms, began))
        if recorded is not None:
            self._note(at_ms, recorded)
            self._told()

    async def _keep(self, write: Callable[[Recorder], R]) -> R | None:
        """Let the recorder *write*, in the writer's thread. None where the store failed."""
        loop = asyncio.get_running_loop()
        self._writing = writing = loop.run_in_executor(self._writer, self._with_recorder, write)
        try:
            kept: R = await asyncio.shield(writing)
        except Exception as error:  # noqa: BLE001 -- the store's affair; scraping goes on
            self._store_failed(error)
            return None
        self._store_failing = False
        return kept

    def _with_recorder(self, write: Callable[[Recorder], R]) -> R:
        if self._recorder is None:
            self._recorder = Recorder(self._store, self.state.target)
        return write(self._recorder)

    def _store_failed(self, error: Exception) -> None:
        """Say it once in the log, and beside the target for as long as it lasts."""
        self.state.last_error = f"the scrape could not be kept: {error}"
        if not self._store_failing:
            self._store_failing = True
            log.error(
                "What %s said could not be kept: %s", self.state.target.url, error, exc_info=error
            )

    def _note(self, at_ms: int, recorded: Recorded) -> None:
        state, was = self.state, self.state.health
        state.health = Health.DOWN if recorded.error else Health.UP
        state.last_error, state.last_scrape_ms = recorded.error, at_ms
        state.last_duration_seconds, state.samples = recorded.seconds, recorded.samples
        state.metadata = recorded.metadata
        SCRAPES.labels(recorded.outcome.value).inc()
        if state.health is Health.DOWN and was is not Health.DOWN:
            log.warning("Target %s cannot be scraped: %s", state.target.url, recorded.error)
        elif state.health is Health.UP and was is Health.DOWN:
            log.info("Target %s is scraped again", state.target.url)
