"""Whose turn it is to be told: channels side by side, lanes in order, failures further apart."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .lane import Channel, Lane

Seconds = float
"""Of a clock that nobody can set."""


@dataclass(frozen=True, slots=True)
class TurnLimits:
    """How many messages are on their way at once, and how long to wait after a failure."""

    per_channel: int = 4
    together: int = 64
    first_wait: Seconds = 1.0
    longest_wait: Seconds = 300.0


def backoff(failures: int, limits: TurnLimits, chance: float) -> Seconds:
    """Return how long to wait after that many *failures* in a row: doubled each time.

    *chance*, from 0 to 1, takes up to a third off, so that receivers are not all asked at once.
    """
    doubled = limits.first_wait * 2.0 ** min(failures - 1, 30)
    return min(limits.longest_wait, doubled) * (1.0 - chance / 3)


@dataclass(slots=True)
class _ChannelTurns:
    ready: deque[Lane] = field(default_factory=deque)
    later: list[tuple[Seconds, Lane]] = field(default_factory=list)  # a heap
    busy: int = 0
    failures: int = 0  # in a row, of any lane
    not_before: Seconds = 0.0


class Turns:
    """Which lane may send next. A lane is in here from `add` until `emptied`.

    A channel that fails is asked for one lane at a time until it takes a message: ten thousand
    groups do not knock at a door that is shut.
    """

    def __init__(
        self, limits: TurnLimits | None = None, chance: Callable[[], float] = random.random
    ) -> None:
        self._limits, self._chance = limits or TurnLimits(), chance
        self._channels: dict[Channel, _ChannelTurns] = {}
        self._failures: dict[Lane, int] = {}
        self._known: set[Lane] = set()
        self._busy = 0

    def add(self, lane: Lane) -> None:
        """Take note that something waits in *lane*."""
        if lane not in self._known:
            self._known.add(lane)
            self._channels.setdefault(lane.channel, _ChannelTurns()).ready.append(lane)

    def next(self, now: Seconds) -> Lane | None:
        """Return the lane that is to send now, None where none may; it is busy until it ended."""
        if self._busy >= self._limits.together:
            return None
        for channel in list(self._channels):
            lane = self._next_of(self._channels[channel], now)
            if lane is not None:
                self._busy += 1
                # Who was asked goes behind the others.
                self._channels[channel] = self._channels.pop(channel)
                return lane
        return None

    def _next_of(self, turns: _ChannelTurns, now: Seconds) -> Lane | None:
        while turns.later and turns.later[0][0] <= now:
            turns.ready.append(heapq.heappop(turns.later)[1])
        at_once = 1 if turns.failures else self._limits.per_channel
        if not turns.ready or turns.busy >= at_once or turns.not_before > now:
            return None
        turns.busy += 1
        return turns.ready.popleft()

    def next_at(self) -> Seconds | None:
        """Return when `next` may say something else, if nothing happens before; None: never."""
        times = [
            max(turns.not_before, turns.later[0][0] if not turns.ready else 0.0)
            for turns in self._channels.values()
            if turns.busy < (1 if turns.failures else self._limits.per_channel)
            and (turns.ready or turns.later)
        ]
        return min(times, default=None)

    def due(self) -> dict[Lane, Seconds]:
        """Return when each lane that is not busy may send next; 0: at once, when it is its turn."""
        found: dict[Lane, Seconds] = {}
        for turns in self._channels.values():
            found |= {lane: max(at, turns.not_before) for at, lane in turns.later}
            found |= dict.fromkeys(turns.ready, turns.not_before)
        return found

    def succeeded(self, lane: Lane, *, more: bool) -> None:
        """Take note that a message of *lane* is done with; *more* wait or not."""
        turns = self._ended(lane)
        turns.failures, turns.not_before = 0, 0.0
        self._failures.pop(lane, None)
        self._go_on(lane, turns, more=more)

    def refused(self, lane: Lane, *, more: bool) -> None:
        """Take note that a message of *lane* will never be taken; the channel may be all right."""
        self._failures.pop(lane, None)
        self._go_on(lane, self._ended(lane), more=more)

    def failed(self, lane: Lane, now: Seconds, wait: Seconds = 0.0) -> None:
        """Take note that *lane* has to try again, not before *wait*."""
        turns = self._fault(lane, now, wait)
        failures = self._failures[lane] = self._failures.get(lane, 0) + 1
        heapq.heappush(turns.later, (now + max(wait, self._backoff(failures)), lane))

    def gave_up(self, lane: Lane, now: Seconds, *, more: bool) -> None:
        """Take note that a message of *lane* failed for the last time; others may go well."""
        self._failures.pop(lane, None)
        self._go_on(lane, self._fault(lane, now, 0.0), more=more)

    def _fault(self, lane: Lane, now: Seconds, wait: Seconds) -> _ChannelTurns:
        turns = self._ended(lane)
        turns.failures += 1
        turns.not_before = now + max(wait, self._backoff(turns.failures))
        return turns

    def _backoff(self, failures: int) -> Seconds:
        return backoff(failures, self._limits, self._chance())

    def _ended(self, lane: Lane) -> _ChannelTurns:
        self._busy -= 1
        turns = self._channels[lane.channel]
        turns.busy -= 1
        return turns

    def _go_on(self, lane: Lane, turns: _ChannelTurns, *, more: bool) -> None:
        if more:
            turns.ready.append(lane)
            return
        self._known.discard(lane)
        if not (turns.ready or turns.later or turns.busy or turns.failures):
            self._channels.pop(lane.channel, None)
