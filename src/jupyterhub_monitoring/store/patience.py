"""Believing the clock only when it says the same for a while."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable


class Patience:
    """Which things have been due for *seconds* in a row, by a clock that nobody can set.

    A clock that is a year ahead for a minute must neither seal what is still being written nor
    drop what is to be kept.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._monotonic = seconds, monotonic
        self._since: dict[int, float] = {}

    def due(self, things: Iterable[int]) -> list[int]:
        """Return those of *things*, which the clock says are due, that it said long enough."""
        now = self._monotonic()
        self._since = {thing: self._since.get(thing, now) for thing in things}
        return [thing for thing, since in self._since.items() if now - since >= self._seconds]
