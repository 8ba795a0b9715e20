"""When the turn of a rule group is: at the same moments of each interval, for all groups.

The moments are of the wall clock, so that evaluations are at round distances and go on after a
restart where they were. Nothing here waits: `Schedule` is told what the clock says.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..alert import Millis

OFFSET_MS: Millis = 7_350
"""All groups have their turn so long after whole intervals: `rounds` says what is won by having it
at the same moment, and at whole minutes a machine has other things to do.
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One evaluation: its timestamp, and what happened since the one before."""

    at: Millis
    missed: int = 0
    set_back: Millis = 0  # by so much the clock was set back meanwhile


class Schedule:
    """The turns of one group: each *interval_ms*, at the wall-clock times ≡ *offset_ms*.

    No timestamp is given twice, whatever becomes of the clock: set back by more than an interval,
    the moments that come again are the next millisecond.
    """

    def __init__(self, interval_ms: Millis, offset_ms: Millis, now: float) -> None:
        self._interval, self._offset = interval_ms, offset_ms
        self.next = self._before(now) + interval_ms

    def _before(self, now: float) -> Millis:
        """Return the last moment of the group that is not after *now*."""
        return int(now - (now - self._offset) % self._interval)

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait for the next turn, at most an interval."""
        return min(max(0.0, self.next - now), self._interval) / 1000

    def turn(self, now: float) -> Turn | None:
        """Return the turn that is due at *now*; None where there is none yet."""
        if now < self.next - 2 * self._interval:
            return self._after_set_back(now)
        if now < self.next:
            return None
        missed = int((now - self.next) // self._interval)
        at = self.next + missed * self._interval
        self.next = at + self._interval
        return Turn(at, missed)

    def _after_set_back(self, now: float) -> Turn:
        """Begin anew at *now*, as if the next turn had come at its time."""
        self._offset += 1
        at = self._before(now)
        set_back, self.next = self.next - at, at + self._interval
        return Turn(at, set_back=set_back)
