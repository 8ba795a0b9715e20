"""Beats and timestamps, by clocks that the test sets."""

from __future__ import annotations

from itertools import pairwise

import pytest

from jupyterhub_monitoring.scrape.rhythm import Rhythm
from jupyterhub_monitoring.scrape.target import Target

DAY = 1_795_000_000_000.0


class FakeClocks:
    def __init__(self) -> None:
        self.monotonic, self.ahead = 5_000.0, DAY

    def monotonic_ms(self) -> float:
        return self.monotonic

    def wall_ms(self) -> float:
        return self.monotonic + self.ahead


class Beats:
    """A rhythm that is followed: `after(late)` waits for the next beat and begins *late* ms on."""

    def __init__(self, interval: int = 15_000, offset: int = 4_000) -> None:
        self.clocks = FakeClocks()
        self.rhythm = Rhythm(interval, offset, self.clocks)
        self.skipped = 0

    def after(self, late: float = 0.0) -> int:
        turn = self.rhythm.next()
        self.skipped += turn.skipped
        self.clocks.monotonic = max(self.clocks.monotonic, turn.at_ms) + late
        return self.rhythm.timestamp(turn)


def test_beats_are_on_the_grid():
    """Timestamps are whole intervals apart, at the target's offset, and stay so after a restart."""
    beats = Beats()
    times = [beats.after() for _ in range(4)]
    assert [at % 15_000 for at in times] == [4_000] * 4
    assert {b - a for a, b in pairwise(times)} == {15_000}
    assert times[0] - DAY - 5_000 < 15_000


@pytest.mark.parametrize(("late", "shift"), [(0.4, 0), (2, 0), (2.6, 3), (700, 700)])
def test_small_lateness_is_forgiven(late, shift):
    """A beat that is up to 2 ms late has its exact time, else its true one; the next is in time."""
    beats = Beats()
    assert [beats.after(late) % 15_000 for _ in range(3)] == [4_000 + shift] * 3


def test_lateness_does_not_add_up():
    """A service that is always late by 0.3 s still scrapes 240 times an hour."""
    beats = Beats()
    first = beats.after(300)
    for _ in range(239):
        last = beats.after(300)
    assert last - first == 239 * 15_000


def test_missed_beats_are_counted_not_made_up_for():
    """After a stall the next scrape is at a beat of the rhythm; those between are counted."""
    beats = Beats()
    first = beats.after()
    beats.clocks.monotonic += 50_000  # three beats passed
    assert beats.after() - first == 50_000  # the last of them, at once
    assert beats.skipped == 2
    assert (beats.after() - first) % 15_000 == 0


def test_clock_set_forward():
    """The clock jumps an hour ahead: one scrape per interval as before, at the new time."""
    beats = Beats()
    first = beats.after()
    beats.clocks.ahead += 3_600_000
    assert [beats.after() - first for _ in range(2)] == [3_615_000, 3_630_000]
    assert beats.skipped == 0


@pytest.mark.parametrize("back", [600_000, 600_001, 15_000, 7, 3_600_000])
def test_clock_set_back(back):
    """The clock jumps back: one scrape per interval as before, and no timestamp comes twice."""
    beats = Beats()
    times = [beats.after() for _ in range(300)]
    beats.clocks.ahead -= back
    later = [beats.after() for _ in range(300)]
    assert len(set(times + later)) == 600
    assert all(abs(at - (times[-1] - back + 15_000 * n)) <= 2 for n, at in enumerate(later, 1))
    assert beats.skipped == 0


def test_clock_that_is_slewed():
    """A clock that is corrected by half a millisecond a beat pulls the timestamps along."""
    beats = Beats()
    for _ in range(100):
        beats.clocks.ahead += 0.5
        at = beats.after()
    assert abs(at - beats.clocks.wall_ms()) <= 2


def test_targets_are_spread_over_the_interval():
    """Many targets of one interval do not come all at once, and keep their places."""
    targets = [Target(f"http://node{n}:9100/metrics", "node") for n in range(300)]
    tenths = {target.offset_ms // 1_500 for target in targets}
    assert tenths == set(range(10))
    assert targets[7].offset_ms == Target("http://node7:9100/metrics", "node").offset_ms
