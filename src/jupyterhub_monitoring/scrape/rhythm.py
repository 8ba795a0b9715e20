"""When a target's turn is, and which timestamp its samples get.

The rhythm comes from the monotonic clock, so that setting the wall clock neither delays nor
repeats a scrape. Timestamps are wall-clock time, so that they mean what people take them for.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass

TOLERANCE_MS = 2
"""As Prometheus: a scrape that begins this late has the timestamp of the beat, for equal steps
compress better; a clock that is corrected by less than this keeps the beat where it is."""

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Clocks:
    """The two clocks, in milliseconds; a test gives its own."""

    def monotonic_ms(self) -> float:
        """Return a time that only goes forward, from an arbitrary beginning."""
        return time.monotonic_ns() / 1e6

    def wall_ms(self) -> float:
        """Return the time since 1970, which may be set at any moment."""
        return time.time_ns() / 1e6


@dataclass(frozen=True, slots=True)
class Turn:
    """One beat: when it is by the monotonic clock, and how many before it were missed."""

    at_ms: float
    skipped: int


class Rhythm:
    """The beats of one target: every *interval_ms*, at the wall-clock times ≡ *offset_ms*."""

    def __init__(self, interval_ms: int, offset_ms: int, clocks: Clocks) -> None:
        self._interval, self._clocks = interval_ms, clocks
        self._tolerance = min(TOLERANCE_MS, interval_ms / 100)
        self._ahead = self._wall_ahead()
        wall = clocks.wall_ms()
        first = wall + (offset_ms - wall) % interval_ms
        self._next = first - self._ahead
        self._newest = -1
        self._given: deque[int] = deque(maxlen=_REMEMBERED)

    def next(self) -> Turn:
        """Return the next beat. Those that have passed are skipped, not made up for."""
        late = self._clocks.monotonic_ms() - self._next
        skipped = max(0, int(late // self._interval))
        at = self._next + skipped * self._interval
        self._next = at + self._interval
        return Turn(at, skipped)

    def timestamp(self, turn: Turn) -> int:
        """Return the timestamp of a scrape that begins now, on *turn*; none is given twice.

        After the clock was set back, times come again that had samples already: where one would be
        the same to the millisecond it becomes the next that is free, so that both are kept.
        """
        ahead = self._wall_ahead()
        if abs(ahead - self._ahead) > self._tolerance:
            self._ahead = ahead
        late = self._clocks.monotonic_ms() - turn.at_ms
        at = round(turn.at_ms + self._ahead + (late if late > self._tolerance else 0))
        if at <= self._newest:
            given = set(self._given)
            while at in given:
                at += 1
        self._newest = max(self._newest, at)
        self._given.append(at)
        return at

    def _wall_ahead(self) -> float:
        """Return by how much the wall clock is ahead of the monotonic one."""
        return self._clocks.wall_ms() - self._clocks.monotonic_ms()
