"""Groups that are due at the same moment, evaluated one after the other in one thread.

Side by side they would only wait for each other's turns with the interpreter; spread over time,
each would find the processor's caches full of other things, and would wake the event loop alone:
that takes a third more CPU.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

PATIENCE_SECONDS = 1.0
"""For so long groups wait for a slow one, at most; then another thread goes on with them."""


@dataclass(eq=False, slots=True)
class _Due:
    """One evaluation; *done* is for the event loop, the rest is set by the thread."""

    work: Callable[[], None]
    done: asyncio.Future[None]
    ended: bool = False
    error: Exception | None = None

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:  # noqa: BLE001 -- who waits for it is told
            self.error = error
        self.ended = True

    def tell(self) -> None:
        if self.ended and not self.done.done():
            if self.error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(self.error)


class Rounds:
    """Evaluates in *threads* what is due, in *at_once* of them where some are slow.

    All methods are for the event loop's thread.
    """

    def __init__(self, threads: Executor, at_once: int) -> None:
        self._threads, self._at_once = threads, at_once
        self._due: deque[_Due] = deque()
        self._working = 0

    def evaluate(self, work: Callable[[], None]) -> asyncio.Future[None]:
        """Have *work* done after what is due already; the future ends soon after it has."""
        due = _Due(work, asyncio.get_running_loop().create_future())
        self._due.append(due)
        if not self._working:
            self._begin()
        return due.done

    def _begin(self) -> None:
        """Let a thread evaluate until nothing is due."""
        loop, begun = asyncio.get_running_loop(), list[_Due]()
        working = loop.run_in_executor(self._threads, self._work, begun)
        self._working += 1
        waiting = loop.call_later(PATIENCE_SECONDS, self._look, working, begun)
        working.add_done_callback(lambda _: self._ended(begun, waiting))

    def _work(self, begun: list[_Due]) -> None:
        while True:
            try:
                due = self._due.popleft()
            except IndexError:
                return
            begun.append(due)
            due.run()

    def _look(self, working: asyncio.Future[None], begun: list[_Due]) -> None:
        """Let nobody wait any longer: one of the groups is slow."""
        if working.done():
            return
        _tell(begun)
        if self._due and self._working < self._at_once:
            self._begin()
        asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._look, working, begun)

    def _ended(self, begun: list[_Due], waiting: asyncio.TimerHandle) -> None:
        waiting.cancel()
        self._working -= 1
        _tell(begun)
        if self._due and not self._working:  # it came when the thread had just looked for more
            self._begin()


def _tell(begun: list[_Due]) -> None:
    for due in begun:
        due.tell()
