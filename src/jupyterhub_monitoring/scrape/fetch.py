"""Asking one target without holding up the event loop, and never twice at a time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable

from ..errors import ScrapeError, ScrapeOverLimit
from .http_get import Answer, HttpGet, TlsContext, format_of
from .target import Target

GRACE_SECONDS = 0.25
"""The thread knows the time limit itself and says what went wrong; then it is cut off."""


class Fetch:
    """Asks one target, in a daemon thread for each time.

    What cannot be ended, a name look-up, leaves its thread behind; until that has ended by itself
    the target is not asked again. Neither other targets nor the end of the process wait for it.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._tls = TlsContext(target.credentials)
        self._asking = False

    async def __call__(self) -> Answer:
        """Return the answer, or raise `ScrapeError`, within the target's time limit."""
        if self._asking:
            raise ScrapeError("the last attempt still waits, perhaps for a name look-up")
        if self._target.read is not None:
            return await self._within_limit(self._read_locally)
        get = HttpGet(self._target, self._tls)
        try:
            return await self._within_limit(get.run)
        finally:
            get.abort()

    async def _within_limit(self, work: Callable[[], Answer]) -> Answer:
        seconds = self._target.timeout_seconds
        answer = self._in_thread(work)
        answer.add_done_callback(_seen)
        try:
            # Not `wait_for`: before Python 3.12 that forgets to be cancelled when the answer comes
            # in the same moment, and the loop of this target would never end.
            await asyncio.wait({answer}, timeout=seconds + GRACE_SECONDS)
        finally:
            late = answer.cancel()
        if late:
            raise ScrapeError(f"no complete answer within {seconds:g} s")
        return answer.result()

    def _in_thread(self, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()

        def deliver(answer: Answer | None, error: Exception | None) -> None:
            if done.done():
                return
            if answer is not None:
                done.set_result(answer)
            elif error is not None:
                done.set_exception(error)

        def body() -> None:
            answer, error = None, None
            try:
                answer = work()
            except ScrapeError as failed:
                error = failed
            except Exception as failed:  # noqa: BLE001 -- shown beside the target
                error = ScrapeError(f"asking failed: {type(failed).__name__}")
            self._asking = False
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
                loop.call_soon_threadsafe(deliver, answer, error)

        name = f"scrape-{self._target.job}"
        self._asking = True
        try:
            threading.Thread(target=body, name=name, daemon=True).start()
        except RuntimeError:
            self._asking = False
            raise ScrapeError("the system allows no more threads") from None
        return done

    def _read_locally(self) -> Answer:
        assert self._target.read is not None  # noqa: S101 -- for the type checker
        body, content_type = self._target.read()
        if len(body) > (limit := self._target.limits.body_bytes):
            raise ScrapeOverLimit("bytes in the answer", limit, len(body))
        return Answer(body, format_of(content_type))


def _seen(answer: asyncio.Future[Answer]) -> None:
    """Look at what nobody waits for any more, so that asyncio does not complain about that."""
    if not answer.cancelled():
        answer.exception()
