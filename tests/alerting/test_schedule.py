"""When groups are evaluated: on their moments, each once, whatever the clock does."""

from __future__ import annotations

from jupyterhub_monitoring.alerting.rules.schedule import Schedule, Turn

INTERVAL, OFFSET = 15_000, 4_000
START = 1_000_000_005_000


def test_the_first_turn_is_the_next_moment_of_the_group():
    """A restart changes nothing of when a group is evaluated."""
    schedule = Schedule(INTERVAL, OFFSET, START)
    assert START < schedule.next <= START + INTERVAL
    assert schedule.next % INTERVAL == OFFSET
    assert schedule.wait_seconds(START) == (schedule.next - START) / 1000


def test_turns_follow_each_other():
    """Each moment has one turn, at its own time even where it comes a little late."""
    schedule = Schedule(INTERVAL, OFFSET, START)
    first = schedule.next
    assert schedule.turn(first - 1) is None
    assert schedule.turn(first + 200) == Turn(first)
    assert schedule.turn(first + 300) is None
    assert schedule.turn(first + INTERVAL) == Turn(first + INTERVAL)


def test_moments_that_have_passed_are_missed_and_counted():
    """An evaluation that took three intervals is followed by one, not by three."""
    schedule = Schedule(INTERVAL, OFFSET, START)
    first = schedule.next
    assert schedule.turn(first + 3 * INTERVAL + 10) == Turn(first + 3 * INTERVAL, missed=3)
    assert schedule.turn(first + 3 * INTERVAL + 20) is None


def test_a_clock_that_is_set_back_a_little_lets_a_turn_wait():
    """Nothing is evaluated twice, the next moment only comes later."""
    schedule = Schedule(INTERVAL, OFFSET, START)
    first = schedule.next
    schedule.turn(first)
    assert schedule.turn(first - 5_000) is None
    assert schedule.turn(first + INTERVAL) == Turn(first + INTERVAL)


def test_a_clock_that_is_set_back_far_goes_on_at_once_with_times_of_its_own():
    """Alerts are not blind until the clock has caught up, and no timestamp comes twice."""
    schedule = Schedule(INTERVAL, OFFSET, START)
    given = [schedule.next + n * INTERVAL for n in range(8)]
    for at in given:
        assert schedule.turn(at) == Turn(at)
    now = given[-1] - 4 * INTERVAL + 7_000
    turn = schedule.turn(now)
    assert turn is not None
    assert turn.at not in given
    assert now - INTERVAL < turn.at <= now
    assert turn.at + turn.set_back == given[-1] + INTERVAL
    again = [turn.at]
    for _ in range(6):
        following = schedule.turn(schedule.next)
        assert following is not None
        assert following.set_back == 0
        again.append(following.at)
    assert not set(again) & set(given)
    assert len(set(again)) == len(again)


def test_waiting_is_never_longer_than_an_interval():
    """So that a clock that was set back while we slept is noticed."""
    schedule = Schedule(INTERVAL, OFFSET, START)
    assert schedule.wait_seconds(START - 10 * INTERVAL) == INTERVAL / 1000
    assert schedule.wait_seconds(schedule.next + 1) == 0
