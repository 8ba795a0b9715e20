"""Sends the messages that wait: again and again until somebody takes them, or time is up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from ...errors import DeliveryFailed
from ...metrics.alerting_catalogue import (
    NOTIFICATION_SECONDS,
    NOTIFICATIONS,
    NOTIFICATIONS_FAILED,
)
from ..alert import Millis
from ..message import Message, Receiver, Receivers
from .delivery_queue import DeliveryQueue
from .delivery_turns import TurnLimits, Turns
from .lane import Lane
from .queue_rows import Ended, Outcome, Queued

log = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 3600.0
"""The longest that a receiver may make us wait by `Retry-After`."""

ERROR_CHARACTERS = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How long a receiver may take, and how long a message is tried."""

    send_seconds: float = 30.0
    give_up_after: Millis = 24 * 3_600_000  # but each message is tried once
    turns: TurnLimits = field(default_factory=TurnLimits)


@dataclass(frozen=True, slots=True)
class _Result:
    """How an attempt went: delivered where *error* is None."""

    error: str | None
    retry: bool = True
    wait_seconds: float = 0.0


class Delivery:
    """Empties *queue*, from `run()` until that is cancelled, then `stop()`.

    *lock* guards the queue; the database is written to in *executor*'s thread, never in the loop.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        lock: threading.RLock,
        executor: Executor,
        settings: DeliverySettings,
        wall: Callable[[], Millis],
    ) -> None:
        self.receivers: Receivers = {}
        self._queue, self._lock, self._executor = queue, lock, executor
        self._settings, self._wall = settings, wall
        self._turns = Turns(settings.turns)
        self._attempts: set[asyncio.Task[None]] = set()
        self._noting: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again at what waits; in the event loop."""
        self._woken.set()

    def next_tries(self) -> dict[Lane, Millis]:
        """Return when each lane with something that waits is tried next, in the event loop."""
        now, wall = time.monotonic(), self._wall()
        return {
            lane: wall + round(1000 * max(0.0, at - now)) for lane, at in self._turns.due().items()
        }

    async def run(self) -> None:
        """Send what waits, until cancelled."""
        while True:
            self._woken.clear()
            for lane in await self._in_thread(self._queue.fresh):
                self._turns.add(lane)
            self._start_attempts()
            await self._rest()

    async def stop(self, within_seconds: float) -> None:
        """End what is being sent; it is sent again after the next start.

        What was sent just now is noted, so that a restart repeats nothing.
        """
        for attempt in self._attempts - self._noting:
            attempt.cancel()
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=within_seconds)

    def _start_attempts(self) -> None:
        while (lane := self._turns.next(time.monotonic())) is not None:
            attempt = asyncio.ensure_future(self._attempt(lane))
            self._attempts.add(attempt)
            attempt.add_done_callback(self._attempts.discard)
            attempt.add_done_callback(self._noting.discard)

    async def _rest(self) -> None:
        """Wait for news, the end of an attempt, or the next turn."""
        at = self._turns.next_at()
        timeout = None if at is None else max(0.0, at - time.monotonic())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout)

    # --- One attempt -------------------------------------------------------------------------

    async def _attempt(self, lane: Lane) -> None:
        queued: Queued | None = None
        try:
            queued = await self._in_thread(lambda: self._queue.take(lane))
            if queued is None:
                self._turns.refused(lane, more=False)
            else:
                await self._tell(queued)
        except asyncio.CancelledError:
            if queued is not None:
                self._queue.put_back(queued)
            raise
        except Exception:  # a fault of ours: the message stays
            log.exception("A message to %s could not be sent", lane.channel.receiver)
            if queued is not None:
                self._queue.put_back(queued)
            self._turns.failed(lane, time.monotonic())
        finally:
            self._woken.set()

    async def _tell(self, queued: Queued) -> None:
        message = await self._in_thread(lambda: self._queue.message(queued))
        if message is None:
            result = _Result("the message cannot be read any more", retry=False)
        else:
            result = await self._send(queued, message)
        if (attempt := asyncio.current_task()) is not None:
            self._noting.add(attempt)
        await self._note(queued, result)

    async def _send(self, queued: Queued, message: Message) -> _Result:
        receiver = integration_of(self.receivers, queued)
        if receiver is None:
            return _Result("the configuration has no such receiver any more")
        began = time.monotonic()
        try:
            await asyncio.wait_for(receiver.send(message), self._settings.send_seconds)
        except DeliveryFailed as failed:
            return _Result(str(failed)[:ERROR_CHARACTERS], failed.retry, failed.wait_seconds)
        except asyncio.TimeoutError:
            return _Result(f"no answer within {self._settings.send_seconds:g} s")
        except Exception as error:  # noqa: BLE001 -- what it says may hold a secret
            return _Result(f"the receiver failed with {type(error).__name__}")
        else:
            return _Result(None)
        finally:
            NOTIFICATION_SECONDS.observe(time.monotonic() - began)

    async def _note(self, queued: Queued, result: _Result) -> None:
        """Write down how it went, and say whose turn is next."""
        lane, now = queued.lane, self._wall()
        name = lane.channel.receiver
        if result.error is None:
            await self._end(Ended(queued, now, Outcome.DELIVERED))
            NOTIFICATIONS.labels(name).inc()
            self._turns.succeeded(lane, more=self._queue.waits(lane))
            return
        NOTIFICATIONS_FAILED.labels(name).inc()
        if result.retry and now - queued.queued_at < self._settings.give_up_after:
            await self._try_again(queued, result)
            return
        await self._end(Ended(queued, now, Outcome.GIVEN_UP, result.error))
        more = self._queue.waits(lane)
        if result.retry:
            self._turns.gave_up(lane, time.monotonic(), more=more)
        else:
            self._turns.refused(lane, more=more)

    async def _end(self, ended: Ended) -> None:
        tried = ended.message.attempts + 1
        await self._in_thread(lambda: self._queue.end(ended.after(tried)))

    async def _try_again(self, queued: Queued, result: _Result) -> None:
        error = result.error or ""
        tried = await self._in_thread(lambda: self._queue.failed(queued, error))
        if tried.attempts == 1:
            log.warning(
                "A message to %s (%s) was not taken, it is tried again: %s",
                *(queued.lane.channel.receiver, queued.kind, error),
            )
        wait = min(MAX_WAIT_SECONDS, result.wait_seconds)
        self._turns.failed(queued.lane, time.monotonic(), wait)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        def guarded() -> T:
            with self._lock:
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._executor, guarded)


def integration_of(receivers: Receivers, queued: Queued) -> Receiver | None:
    """Return who is to be told *queued*, None where the configuration names nobody like that.

    Integrations are known by their position; where another kind stands there now, the only one of
    that kind is meant.
    """
    name, position = queued.lane.channel
    integrations = receivers.get(name, ())
    if position < len(integrations) and integrations[position].kind == queued.kind:
        return integrations[position]
    same = [receiver for receiver in integrations if receiver.kind == queued.kind]
    return same[0] if len(same) == 1 else None
