"""Alerts over a restart: neither begin to wait anew nor fire where nothing is wrong."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.alerting.rules.alert_restore import Remembered
from support.rules_rig import MINUTE, SECOND, Rig, run

NOW = 600 * MINUTE

# for, how long it was pending when it was seen last, how long ago that was: since when it holds.
CASES = {
    "it was firing": (15, 20, 2, NOW - 22 * MINUTE),
    "it was firing, without `for`": (0, 3, 2, NOW - 5 * MINUTE),
    "a long `for` with much left goes on where it was": (30, 5, 2, NOW - 5 * MINUTE),
    "a long `for` that is nearly over waits for the grace period": (30, 29, 2, NOW - 20 * MINUTE),
    "a short `for` goes on where it was": (5, 3, 2, NOW - 3 * MINUTE),
    "a short `for` that was over": (5, 5, 2, NOW - 7 * MINUTE),
}


@pytest.mark.parametrize(("for_", "pending", "away", "since"), CASES.values(), ids=CASES)
def test_since_when_a_condition_holds(for_, pending, away, since):
    """The time in which nobody looked does not count as waiting."""
    seen_at = NOW - away * MINUTE
    before = Remembered(seen_at, seen_at - pending * MINUTE)
    assert before.active_since(NOW, for_ms=for_ * MINUTE) == since


def evaluated(rig: Rig, rule: str, until: int, **values: float):
    """Evaluate *rule* each minute up to *until*."""
    group = rig.group(rule)
    for at in range(0, until + 1, MINUTE):
        rig.series.put(at, **values)
        group.evaluate(at)
    return group


def restarted(rig: Rig, rule: str, until: int, again: int, **values: float):
    """Evaluate *rule* each minute up to *until*, then, after a restart, once at *again*."""
    evaluated(rig, rule, until, **values)
    rig.series.put(again, **values)
    group = rig.group(rule, restoring=True)
    group.evaluate(again)
    return group


def states(group) -> list[str]:
    return [alert.state.text for alert in run(group, "A").status.alerts.values()]


RULE = "- alert: A\n  expr: a > 0\n  for: 5m\n  labels: {severity: x, i: '{{ $labels.i }}'}"
SERIES = 'a{i="1"}'


def test_what_was_firing_fires_again_at_the_first_evaluation():
    """Before those who were told take it for over, and with its old beginning."""
    rig = Rig()
    group = restarted(rig, RULE, 6 * MINUTE, 8 * MINUTE, **{SERIES: 1})
    assert states(group) == ["firing"]
    (alert,) = run(group, "A").status.alerts.values()
    assert alert.active_at == 0
    assert rig.sink.puts[-1][0] == 8 * MINUTE


def test_what_was_waiting_waits_on():
    """The three minutes before the restart count, those of the restart do not."""
    rig = Rig()
    group = restarted(rig, RULE, 3 * MINUTE, 10 * MINUTE, **{SERIES: 1})
    assert states(group) == ["pending"]
    for at in (11, 12):
        rig.series.put(at * MINUTE, **{SERIES: 1})
        group.evaluate(at * MINUTE)
    assert states(group) == ["firing"]
    assert rig.series.written('ALERTS_FOR_STATE{alertname="A",i="1",severity="x"}')[
        10 * MINUTE
    ] == pytest.approx(7 * 60)


def test_an_alert_that_shows_at_the_second_evaluation_only():
    """A recording rule, or a scrape, was not there yet at the first."""
    rig = Rig()
    evaluated(rig, RULE, 6 * MINUTE, **{SERIES: 1})
    group = rig.group(RULE, restoring=True)
    group.evaluate(13 * MINUTE)  # the last sample is older than the lookback
    assert states(group) == []
    rig.series.put(14 * MINUTE, **{SERIES: 1})
    group.evaluate(14 * MINUTE)
    assert states(group) == ["firing"]


def test_an_alert_of_later_is_a_new_one():
    """What begins after two evaluations has nothing to do with what was before."""
    rig = Rig()
    evaluated(rig, RULE, 6 * MINUTE, **{SERIES: 1})
    group = rig.group(RULE, restoring=True)
    for at in (13, 14):
        group.evaluate(at * MINUTE)
    rig.series.put(15 * MINUTE, **{SERIES: 1})
    group.evaluate(15 * MINUTE)
    assert states(group) == ["pending"]


def test_after_a_long_outage_alerts_wait_anew():
    """What was true an hour ago says nothing of now."""
    rig = Rig()
    group = restarted(rig, RULE, 6 * MINUTE, 70 * MINUTE, **{SERIES: 1})
    assert states(group) == ["pending"]


def test_what_had_ended_before_the_restart_waits_anew():
    """The end of `ALERTS_FOR_STATE` says that it was over."""
    rig = Rig()
    group = evaluated(rig, RULE, 6 * MINUTE, **{SERIES: 1})
    rig.series.put(7 * MINUTE, **{SERIES: 0})
    group.evaluate(7 * MINUTE)
    rig.series.put(8 * MINUTE, **{SERIES: 1})
    group = rig.group(RULE, restoring=True)
    group.evaluate(8 * MINUTE)
    assert states(group) == ["pending"]


def test_each_alert_is_restored_by_its_own_labels():
    """One that is new after the restart does not inherit from its neighbour."""
    rig = Rig()
    evaluated(rig, RULE, 6 * MINUTE, **{SERIES: 1})
    rig.series.put(7 * MINUTE, **{SERIES: 1, 'a{i="2"}': 1})
    group = rig.group(RULE, restoring=True)
    group.evaluate(7 * MINUTE)
    found = {dict(a.labels)["i"]: a.state.text for a in run(group, "A").status.alerts.values()}
    assert found == {"1": "firing", "2": "pending"}


def test_a_second_restart_right_after_the_first():
    """What the first one restored is what the second one reads."""
    rig = Rig()
    restarted(rig, RULE, 3 * MINUTE, 4 * MINUTE, **{SERIES: 1})
    rig.series.put(4 * MINUTE + 30 * SECOND, **{SERIES: 1})
    group = rig.group(RULE, restoring=True)
    group.evaluate(4 * MINUTE + 30 * SECOND)
    (alert,) = run(group, "A").status.alerts.values()
    assert alert.active_at == MINUTE + 30 * SECOND
