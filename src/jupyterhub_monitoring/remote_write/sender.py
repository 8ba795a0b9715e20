"""Sending to one receiver: what is new is noted, what is owed goes out, failures wait.

sender = Sender(settings, store, folder / "remote-write", labels)
sender.start()
sender.state()      # for pages and health codes
await sender.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ..alerting.receivers.http_post import HttpPost, Request
from ..errors import DeliveryFailed
from ..metrics.service_catalogue import WRITE_DROPPED, WRITE_FAILED, WRITE_LAG, WRITE_SENT
from ..store.store import Store, wall_clock_ms
from .outbox import Batch, Outbox, Piece
from .receiver import ReceiverSettings
from .snappy import compress
from .state import Refused, WriteState
from .verdict import Fate, verdict
from .write_request import metadata_pieces

log = logging.getLogger(__name__)

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
NOTE_SECONDS = 5.0
"""So often what is new is looked for, and sent."""

DESCRIBE_SECONDS = 300.0
"""So often types and help texts are sent; a receiver forgets them when it starts."""

MOST_FAMILIES = 500  # in one request
MOST_PER_SECOND = 20_000
"""Samples. After an outage more would be taken from scrapes and queries."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often, how fast; and how a sender waits. Tests have no time."""

    note_seconds: float = NOTE_SECONDS
    most_per_second: float = MOST_PER_SECOND
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock_ms: Callable[[], int] = wall_clock_ms


class Sender:
    """Sends what *store* takes in to one receiver, from `start` to `stop`."""

    def __init__(
        self,
        settings: ReceiverSettings,
        store: Store,
        folder: Path,
        external_labels: Mapping[str, str],
        rhythm: Rhythm = Rhythm(),
    ) -> None:
        self._settings, self._store, self._rhythm = settings, store, rhythm
        self._path, self._external = folder / f"{settings.key}.json", external_labels
        self._http = HttpPost(settings.options, settings.timeout_seconds)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="remote-write")
        self._outbox: Outbox | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._news = asyncio.Event()
        self._described: tuple[float, object] = (float("-inf"), None)
        self._sent = 0
        self._taken_ms: int | None = None
        self._failing: tuple[int, str] | None = None
        self._refused: Refused | None = None

    # --- Life --------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, in the running event loop."""
        self._tasks = [asyncio.ensure_future(work()) for work in (self._note, self._send)]

    async def stop(self) -> None:
        """End; what goes out now goes out again after the next start."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        if self._outbox is not None:
            await self._in_thread(self._outbox.note)
        self._thread.shutdown(wait=False, cancel_futures=True)

    def state(self) -> WriteState:
        """Return how it stands."""
        outbox, failing = self._outbox, self._failing
        found = WriteState(
            self._settings.name,
            self._settings.address,
            self._sent,
            self._taken_ms,
            None if outbox is None else outbox.oldest_ms,
            None if failing is None else failing[0],
            "" if failing is None else failing[1],
            self._refused,
            None if outbox is None else outbox.lost_ms,
            "" if outbox is None else outbox.problem,
        )
        WRITE_LAG.labels(found.name).set(found.lag_seconds(self._rhythm.clock_ms()))
        return found

    # --- What is new -------------------------------------------------------------------------

    async def _note(self) -> None:
        while True:
            try:
                outbox = await self._opened()
                await self._in_thread(outbox.note)
            except Exception:
                log.exception("What is new cannot be read for %s", self._settings.name)
            self._news.set()
            await self._rhythm.sleep(self._rhythm.note_seconds)

    async def _opened(self) -> Outbox:
        if self._outbox is None:
            self._outbox = await self._in_thread(
                lambda: Outbox(
                    self._store.following(), self._path, self._external, self._rhythm.clock_ms
                )
            )
        return self._outbox

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # --- What goes out -----------------------------------------------------------------------

    async def _send(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self._send_all()
            except Exception:
                log.exception("Nothing can be sent to %s for now", self._settings.name)

    async def _send_all(self) -> None:
        """Send what is owed, the oldest first."""
        if (outbox := self._outbox) is None:
            return
        while (batch := await self._in_thread(outbox.next)) is not None:
            began = time.monotonic()
            await self._send_batch(batch)
            await self._in_thread(outbox.done)
            await self._describe()
            left = batch.samples / self._rhythm.most_per_second - (time.monotonic() - began)
            if left > 0:
                await self._rhythm.sleep(left)

    async def _send_batch(self, batch: Batch) -> None:
        for piece in batch.pieces:
            await self._deliver(piece, again=batch.again)

    async def _deliver(self, piece: Piece, *, again: bool) -> None:
        """Return when the receiver has *piece*, or will never have it."""
        name, attempt = self._settings.name, 0
        while True:
            attempt += 1
            failure = await self._failure(piece.body)
            if failure is None:
                break
            judged = verdict(failure, attempt, again=again)
            if judged.fate is Fate.THERE:
                break
            if judged.fate is Fate.DROP:
                WRITE_DROPPED.labels(name).inc(piece.samples)
                self._refuse(piece.samples, str(failure))
                return
            again |= failure.status == 0 or failure.status >= 500
            WRITE_FAILED.labels(name).inc(piece.samples)
            self._fail(str(failure))
            await self._rhythm.sleep(judged.wait_seconds)
        WRITE_SENT.labels(name).inc(piece.samples)
        self._sent += piece.samples
        self._take()

    async def _failure(self, body: bytes) -> DeliveryFailed | None:
        """Send *body*; return why that failed, or None."""
        try:
            await self._http.send(Request(self._settings.url, body, HEADERS))
        except DeliveryFailed as failure:
            return failure
        return None

    async def _describe(self) -> None:
        """Send types, help texts and units, where they changed or it is time; one try is enough."""
        at, before = self._described
        families = self._store.metadata()
        now = time.monotonic()
        if families == before and now - at < DESCRIBE_SECONDS:
            return
        self._described = now, families
        names = sorted(families)
        for start in range(0, len(names), MOST_FAMILIES):
            part = {name: families[name] for name in names[start : start + MOST_FAMILIES]}
            if failure := await self._failure(compress(metadata_pieces(part))):
                log.info("%s takes no help texts: %s", self._settings.name, failure)
                return

    # --- How it stands -----------------------------------------------------------------------

    def _take(self) -> None:
        if self._failing is not None:
            log.info("%s takes samples again", self._settings.name)
        self._failing, self._taken_ms = None, self._rhythm.clock_ms()

    def _fail(self, why: str) -> None:
        if self._failing is None:
            log.warning("%s takes no samples: %s", self._settings.name, why)
        since = self._rhythm.clock_ms() if self._failing is None else self._failing[0]
        self._failing = since, why

    def _refuse(self, samples: int, why: str) -> None:
        log.error("%s refused %d samples: %s", self._settings.name, samples, why)
        before = 0 if self._refused is None else self._refused.samples
        self._failing = None
        self._refused = Refused(before + samples, self._rhythm.clock_ms(), why)
