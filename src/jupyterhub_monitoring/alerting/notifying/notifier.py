"""Alerts in, messages out: the parts from the alert book to the delivery, put together.

notifier = Notifier(folder, routing, receivers, external_url="https://…/services/monitoring/")
await notifier.start()
notifier.put(alerts, now)     # from any thread
notifier.update(routing, receivers)
await notifier.stop()
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from ...errors import StoreError
from ...metrics.alerting_catalogue import SILENCES
from ..alert import Alert, Millis
from ..message import Receivers
from ..routing.routing_config import RoutingConfig
from ..routing.silence import Silence, SilenceState
from .alert_views import AlertView, GroupView, Views
from .delivery import Delivery, DeliverySettings
from .dispatch import Dispatcher
from .lane import Lane
from .notification_store import NotificationLimits, NotificationStore
from .queue_rows import Ended, Queued

log = logging.getLogger(__name__)

LOOK_AFTER_SECONDS = 5.0
STOP_SECONDS = 0.5
LONGEST_SLEEP = 60.0
SHARE = 4
"""After work that took a second it rests for so many, so that rules and queries get their turn."""

SHOWN_SECONDS = 600.0
"""How long a fault of ours is shown."""

CLOCK_JUMP_MS = 5_000
RECENT = 1000

T = TypeVar("T")


def wall_ms() -> Millis:
    """Return the time of day."""
    return time.time_ns() // 1_000_000


class Notifier:
    """Whom to tell of which alerts, from `start()` to `stop()`: an `AlertSink`.

    All methods but those two, `in_thread` and `next_tries` may be called from any thread; they wait
    while a decision is being written, which takes milliseconds, with thousands of alerts up to a
    second.
    """

    def __init__(  # noqa: PLR0913 -- the wiring
        self,
        folder: Path,
        routing: RoutingConfig,
        receivers: Receivers,
        *,
        external_url: str = "",
        limits: NotificationLimits | None = None,
        delivery: DeliverySettings | None = None,
        clock: Callable[[], Millis] = wall_ms,
    ) -> None:
        self._clock, self._lock = clock, threading.RLock()
        self.started_at = clock()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="alerting")
        self._store = NotificationStore(folder, limits or NotificationLimits(), clock())
        self._dispatcher = Dispatcher(self._store, routing, receivers, external_url)
        self._dispatcher.restore(clock())
        self._delivery = Delivery(
            self._store.queue, self._lock, self._executor, delivery or DeliverySettings(), clock
        )
        self._delivery.receivers = receivers
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._failed_at: float | None = None

    # --- Life --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to decide and to deliver, in the running event loop. Safe to repeat."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            for work in (self._decide, self._delivery.run, self._look_after):
                self._tasks.append(asyncio.ensure_future(self._forever(work)))

    async def stop(self) -> None:
        """End within a second, also while a receiver hangs. What still waits stays on disk."""
        self._loop = None
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_SECONDS)
        await self._delivery.stop(STOP_SECONDS)
        self._executor.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            self._store.close()

    async def _forever(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do *work*, which never ends; where a fault of ours ends it, begin anew."""
        while True:
            try:
                await work()
            except Exception:
                log.critical("Telling of alerts has failed, it begins anew", exc_info=True)
                self._failed_at = time.monotonic()
            await asyncio.sleep(LOOK_AFTER_SECONDS)

    # --- Alerts, configuration ---------------------------------------------------------------

    def put(self, alerts: Sequence[Alert], now: Millis) -> None:
        """Take alerts that are firing or have ended; they are on disk when it returns."""
        with self._lock:
            self._dispatcher.add(self._store.alerts.put(alerts, now), now)
        self._wake()

    def update(self, routing: RoutingConfig, receivers: Receivers) -> None:
        """Go on with another configuration. What was told stays known, what waits is delivered."""
        with self._lock:
            self._dispatcher.update(routing, receivers, self._clock())
            self._delivery.receivers = receivers
        self._wake()

    @property
    def problem(self) -> str | None:
        """What is wrong, and what to do; None while nothing is."""
        failed_at = self._failed_at
        if failed_at is not None and time.monotonic() - failed_at < SHOWN_SECONDS:
            return "telling of alerts has failed, and began anew; the service's log says how"
        return self._store.database.problem

    # --- Silences ----------------------------------------------------------------------------

    def silences(self) -> list[Silence]:
        """Return every silence, those that ended in the last five days, too."""
        with self._lock:
            return self._store.silences.all()

    def silence(self, id_: str) -> Silence:
        """Return one silence. Raises `UnknownSilence`."""
        with self._lock:
            return self._store.silences.get(id_)

    def put_silence(self, wish: Silence) -> Silence:
        """Make or change a silence. Raises `BadData` and `UnknownSilence`, as `Silences.put`."""
        with self._lock:
            return self._store.silences.put(wish, self._clock())

    def expire_silence(self, id_: str) -> Silence:
        """End a silence now. Raises `UnknownSilence`."""
        with self._lock:
            return self._store.silences.expire(id_, self._clock())

    # --- For pages and the API ---------------------------------------------------------------

    @property
    def routing(self) -> RoutingConfig:
        """The configuration in force."""
        return self._dispatcher.routing

    def now(self) -> Millis:
        """Return the time by which is decided."""
        return self._clock()

    def alerts(self) -> list[AlertView]:
        """Return every alert that fires."""
        with self._lock:
            return Views(self._store, self._dispatcher, self._clock()).alerts()

    def groups(self) -> list[GroupView]:
        """Return every group in which an alert fires."""
        with self._lock:
            return Views(self._store, self._dispatcher, self._clock()).groups()

    def queue(self) -> list[Queued]:
        """Return every message that waits, the oldest first."""
        with self._lock:
            return self._store.queue.waiting()

    def next_tries(self) -> dict[Lane, Millis]:
        """Return when the first message of each lane is tried next; in the event loop."""
        return self._delivery.next_tries()

    def history(self, limit: int = RECENT) -> list[Ended]:
        """Return what became of the last *limit* messages, the newest first."""
        with self._lock:
            return self._store.queue.history(limit)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Return what *work*, a method of this, returns, without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    # --- What it does by itself --------------------------------------------------------------

    def _wake(self) -> None:
        """Let the decisions be looked at again, from any thread."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(self._woken.set)

    async def _decide(self) -> None:
        """Look at the groups that are due, as soon as they are."""
        while True:
            self._woken.clear()
            took = await self.in_thread(self._decide_now)
            self._delivery.wake()
            await asyncio.sleep(took * SHARE)
            await self._rest()

    def _decide_now(self) -> float:
        """Look at some groups that are due; return the seconds that it took."""
        began = time.monotonic()
        with self._lock:
            try:
                self._dispatcher.flush_due(self._clock())
            except StoreError as error:
                log.error("What was decided cannot be kept, it is tried again: %s", error)  # noqa: TRY400
        return time.monotonic() - began

    async def _rest(self) -> None:
        """Sleep until a group is due, or an alert came."""
        with self._lock:
            at = self._dispatcher.next_at()
        seconds = LONGEST_SLEEP if at is None else (at - self._clock()) / 1000
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._woken.wait(), min(LONGEST_SLEEP, max(0.0, seconds)))

    async def _look_after(self) -> None:
        ahead = self._ahead()
        while True:
            await asyncio.sleep(LOOK_AFTER_SECONDS)
            jumped = round(self._ahead() - ahead)
            if abs(jumped) >= CLOCK_JUMP_MS:
                ahead += jumped
            else:
                jumped = 0
            try:
                await self.in_thread(lambda by=jumped: self._look_after_now(by))  # type: ignore[misc]
            except Exception:
                log.exception("Looking after the alerts failed")
            self._woken.set()

    def _ahead(self) -> float:
        """Return how far the clock is ahead of one that nobody can set, in milliseconds."""
        return self._clock() - time.monotonic() * 1000

    def _look_after_now(self, jumped: Millis) -> None:
        """Go back to the disk if that failed before, forget what is old, and measure."""
        with self._lock:
            now = self._clock()
            if jumped:
                log.warning("The clock was set by %d ms", jumped)
                self._dispatcher.groups.shift(jumped)
            if self._store.database.recover():
                self._store.load(now)
                self._dispatcher.restore(now)
            self._dispatcher.forget(now)
            self._store.silences.forget(now)
            self._store.queue.measure(now)
            self._store.database.give_back()
            states = Counter(silence.state(now) for silence in self._store.silences.all())
            for state in SilenceState:
                SILENCES.labels(state.value).set(states[state])
