"""Places for queries: who waits for one comes in turn, asker by asker."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextvars import ContextVar

from ..errors import TooManyQueries

LINES = 32
"""So many times as many queries wait in all as one asker may have waiting."""

ANYBODY = ""
"""Who asks without a name, such as a client of the HTTP API."""

_ASKER: ContextVar[str] = ContextVar("asker", default=ANYBODY)


def asking_as(name: str) -> None:
    """Let the queries of this task, and of the tasks that it begins, be *name*'s."""
    _ASKER.set(name)


def asker() -> str:
    """Return who asks here."""
    return _ASKER.get()


class Turns:
    """Places for *width* queries at once. All methods are for the event loop's thread.

    A free place is given to the asker who has fewest; among those, to who was last given one
    longest ago. Who asks by name has all places but one at most, so that somebody else's query
    never waits for the slow ones of one page. *most_waiting* queries of one asker may wait.
    """

    def __init__(self, width: int, most_waiting: int) -> None:
        self.width, self.most_waiting = width, most_waiting
        self._running: Counter[str] = Counter()
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._lines.values()))

    async def take(self, asker: str, turn: asyncio.Future[None], seconds: float) -> bool:
        """Wait until *asker* has a place; False where that takes longer than *seconds*.

        Whoever sets an exception on *turn* ends the waiting with it. Raises `TooManyQueries`.
        """
        if asker not in self._lines and self._has_place(asker):
            self._running[asker] += 1
            return True
        self._queue(asker, turn)
        try:
            await asyncio.wait([turn], timeout=seconds)
        except asyncio.CancelledError:
            if _given(turn):  # in the same moment
                self.give_back(asker)
            raise
        finally:
            self._forget(asker, turn)
        if turn.cancelled():
            return False
        turn.result()
        return True

    def give_back(self, asker: str) -> None:
        """Free a place that *asker* had."""
        self._running[asker] -= 1
        if not self._running[asker]:
            del self._running[asker]
        while (following := self._following()) is not None:
            line = self._lines.pop(following)
            turn = line.popleft()
            if line:
                self._lines[following] = line  # behind the others
            if not turn.done():
                self._running[following] += 1
                turn.set_result(None)

    def _has_place(self, asker: str) -> bool:
        most = self.width if asker == ANYBODY else max(1, self.width - 1)
        return self._running[asker] < most and self._running.total() < self.width

    def _queue(self, asker: str, turn: asyncio.Future[None]) -> None:
        own = len(self._lines.get(asker, ()))
        if own >= self.most_waiting or self.waiting >= LINES * self.most_waiting:
            raise TooManyQueries(self._running.total(), self.waiting)
        self._lines.setdefault(asker, deque()).append(turn)

    def _forget(self, asker: str, turn: asyncio.Future[None]) -> None:
        """Let *turn* come to no place any more."""
        turn.cancel()
        line = self._lines.get(asker)
        if line is not None and turn in line:
            line.remove(turn)
            if not line:
                del self._lines[asker]

    def _following(self) -> str | None:
        able = [asker for asker in self._lines if self._has_place(asker)]
        return min(able, key=lambda asker: self._running[asker], default=None)


def _given(turn: asyncio.Future[None]) -> bool:
    return turn.done() and not turn.cancelled() and turn.exception() is None
