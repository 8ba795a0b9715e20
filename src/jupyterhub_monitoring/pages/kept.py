"""Answers that may take a while: asked for once for all who look, and waited for only so long."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from ..errors import MonitoringError

T = TypeVar("T")

PATIENCE_SECONDS = 0.6
"""A page that waits longer for one of its parts comes without it."""

REST = 30
"""What took a second is good for so many: however many look, asking costs a core a thirtieth."""

LONGEST_SECONDS = 60.0
MOST = 100


class NotYet(MonitoringError):  # noqa: N818 -- it is no fault
    """It is being asked for. Whoever asks again gets it then."""

    def __init__(self) -> None:
        super().__init__("the answer takes longer than usual; it appears here when it is there")


@dataclass
class _Answer:
    """One question that was asked; *before* is what it gave the last time, if that was anything."""

    asking: asyncio.Future[Any]
    before: asyncio.Future[Any] | None
    old_at: float = float("inf")

    @property
    def good(self) -> bool:
        """Whether it has come to something."""
        asking = self.asking
        return asking.done() and not asking.cancelled() and asking.exception() is None


class Kept:
    """The latest answers, by key. For the event loop's thread."""

    def __init__(
        self, patience: float = PATIENCE_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.patience = patience
        self._clock = clock
        self._answers: OrderedDict[Hashable, _Answer] = OrderedDict()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Return what *ask* gives, or gave lately.

        Where it takes longer than one's patience, it goes on for who asks next: this one gets the
        answer before, or `NotYet`. Raises what *ask* raises.
        """
        answer = self._answers.get(key)
        if answer is None or self._clock() >= answer.old_at:
            answer = self._begin(key, ask, answer)
        self._answers.move_to_end(key)
        await asyncio.wait([answer.asking], timeout=self.patience)
        if answer.asking.done():
            return cast("T", answer.asking.result())
        if answer.before is None:
            raise NotYet
        return cast("T", answer.before.result())

    def _begin(
        self, key: Hashable, ask: Callable[[], Awaitable[T]], last: _Answer | None
    ) -> _Answer:
        answer = _Answer(asyncio.ensure_future(ask()), last.asking if last and last.good else None)
        began = self._clock()

        def ended(asking: asyncio.Future[Any]) -> None:
            now = self._clock()
            answer.old_at = now + min(LONGEST_SECONDS, REST * (now - began))
            answer.before = None
            if not asking.cancelled():
                asking.exception()  # whoever waited was told; nobody else has to be

        answer.asking.add_done_callback(ended)
        self._answers[key] = answer
        while len(self._answers) > MOST:
            _, oldest = self._answers.popitem(last=False)
            oldest.asking.cancel()
        return answer
