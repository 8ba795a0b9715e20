"""Running a blocking function off the loop, one thread at a time.

Not `asyncio.to_thread`: its threads are shared with everything else in the Hub and are joined when
the process ends, so that one hung check would fill the pool and keep the Hub from stopping.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

R = TypeVar("R")


class StillRunning(Exception):  # noqa: N818 -- named for what happened
    """The thread of an earlier call hangs; *seconds* since it began. Nothing was started."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"an earlier run has been hanging for {seconds:.0f} s")
        self.seconds = seconds


class Worker:
    """At most one daemon thread. `await worker(f, x)` is f(x), or `StillRunning`.

    Cancelling the await leaves the thread alone, for nothing can end it; until it ends by itself,
    further calls are refused.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._since: float | None = None

    async def __call__(self, function: Callable[..., R], *args: Any) -> R:
        """Return what *function* returns, or raise what it raises."""
        if self._since is not None:
            raise StillRunning(time.monotonic() - self._since)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        self._since = time.monotonic()

        def body() -> None:
            try:
                result = function(*args)
            except BaseException as error:  # noqa: BLE001 -- handed to whoever awaits
                self._settle(loop, done, None, error)
            else:
                self._settle(loop, done, result, None)

        try:
            threading.Thread(target=body, name=f"health-{self._name}", daemon=True).start()
        except RuntimeError:  # no more threads
            self._since = None
            raise
        return await done

    def _settle(
        self,
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Future[R],
        result: Any,
        error: BaseException | None,
    ) -> None:
        def deliver() -> None:
            if done.cancelled():
                return
            if error is None:
                done.set_result(result)
            elif isinstance(error, Exception) and not isinstance(error, StopIteration):
                done.set_exception(error)
            else:  # an asyncio future takes neither SystemExit nor StopIteration well
                done.set_exception(RuntimeError(f"{type(error).__name__}: {error}"))

        self._since = None
        with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile
            loop.call_soon_threadsafe(deliver)
