"""The life of an alert, as rules/alerting.go of Prometheus has it, step by step.

A life is written as what the condition was at each evaluation and what the alert is after it:
`1` the condition holds, `.` it does not; `P` pending, `F` firing, `I` over, `-` forgotten or
unknown. Small letters are evaluations at which the alert is sent.
"""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.alerting.alert import Millis
from jupyterhub_monitoring.alerting.rules.alert_state import (
    RESOLVED_RETENTION_MS,
    ActiveAlert,
    AlertState,
    Element,
    Patience,
    advance,
    as_sent,
    current,
    due,
    for_state,
    sent,
    series_of,
    shifted,
)

LABELS = (("alertname", "A"), ("job", "j"))
SECOND, MINUTE = 1000, 60_000
SHOWN = {AlertState.PENDING: "P", AlertState.FIRING: "F", AlertState.INACTIVE: "I"}


def element(value: float = 1.0, labels=LABELS, text: str = "") -> Element:
    return Element(labels, (("summary", text),) if text else (), value)


def live(condition: str, patience: Patience, step: Millis = MINUTE, start: Millis = 0) -> str:
    """Return the life of an alert in letters."""
    active, letters = {}, ""
    for number, holds in enumerate(condition):
        at = start + number * step
        active = advance(active, [element()] if holds == "1" else [], at, patience)
        told = due(active, at)
        active = sent(active, told, at)
        alert = active.get(LABELS)
        letter = "-" if alert is None else SHOWN[alert.state]
        letters += letter.lower() if told else letter
    return letters


LIVES = {
    "without `for` it fires at once": (Patience(), MINUTE, "1", "f"),
    "with `for` it waits": (Patience(3 * MINUTE), MINUTE, "11111", "PPPfF"),
    "it waits for whole evaluations": (Patience(MINUTE), 40 * SECOND, "111", "PPf"),
    "a gap while it waits begins anew": (Patience(2 * MINUTE), MINUTE, "11.111", "PP-PPf"),
    "what ends is told at once": (Patience(), MINUTE, "1.", "fi"),
    "what fires again is another alert": (Patience(MINUTE), MINUTE, "11.11", "PfiPf"),
    "a firing one is sent again after more than a minute": (
        Patience(),
        20 * SECOND,
        "111111111",
        "fFFFfFFFf",
    ),
    "an end is told again, too": (Patience(), 40 * SECOND, "1.....", "fiIiIi"),
    "it goes on firing while it is kept": (
        Patience(keep_firing_for_ms=2 * MINUTE),
        MINUTE,
        "1....",
        "fFfiI",
    ),
    "the condition holds again while it is kept": (
        Patience(keep_firing_for_ms=2 * MINUTE),
        MINUTE,
        "1..1...",
        "fFfFfFi",
    ),
    "what is pending is not kept": (
        Patience(3 * MINUTE, keep_firing_for_ms=5 * MINUTE),
        MINUTE,
        "11.",
        "PP-",
    ),
}


@pytest.mark.parametrize(("patience", "step", "condition", "life"), LIVES.values(), ids=LIVES)
def test_a_life(patience, step, condition, life):
    """Each step is what Prometheus makes of it."""
    assert live(condition, patience, step) == life


def test_what_is_over_is_forgotten_after_a_quarter_of_an_hour():
    """Who missed that it ended is told for 15 minutes."""
    steps = RESOLVED_RETENTION_MS // MINUTE
    life = live("1" + "." * (steps + 2), Patience())
    assert life.lower() == "f" + "i" * (steps + 1) + "-"


def test_an_alert_keeps_when_it_began_and_has_the_newest_value_and_text():
    """`activeAt` and `startsAt` stay, the number in the message does not."""
    patience = Patience(MINUTE)
    active = advance({}, [element(1, text="one")], 0, patience)
    active = advance(active, [element(2, text="two")], MINUTE, patience)
    active = advance(active, [element(3, text="three")], 2 * MINUTE, patience)
    (alert,) = active.values()
    assert (alert.active_at, alert.fired_at, alert.value) == (0, MINUTE, 3)
    assert alert.annotations == (("summary", "three"),)


def test_a_longer_for_lets_a_firing_alert_wait_again():
    """After a reload with a longer `for` nobody is told before it has passed."""
    active = advance({}, [element()], 0, Patience())
    active = advance(active, [element()], MINUTE, Patience(5 * MINUTE))
    (alert,) = active.values()
    assert alert.state is AlertState.PENDING
    assert (alert.fired_at, alert.sent_at) == (None, None)


def test_each_label_set_lives_its_own_life():
    """One alert that ends leaves the others as they are."""
    other = (("alertname", "A"), ("job", "k"))
    active = advance({}, [element(), element(labels=other)], 0, Patience())
    active = advance(active, [element(labels=other)], MINUTE, Patience())
    assert {labels: alert.state for labels, alert in active.items()} == {
        LABELS: AlertState.INACTIVE,
        other: AlertState.FIRING,
    }
    assert [alert.labels for alert in current(active)] == [other]


SENT = {
    "firing, often evaluated: valid for four resend delays": (15 * SECOND, None, 4 * MINUTE),
    "firing, seldom evaluated: valid for four intervals": (5 * MINUTE, None, 20 * MINUTE),
    "over: since then": (15 * SECOND, 90 * SECOND, 90 * SECOND),
}


@pytest.mark.parametrize(("interval", "resolved_at", "ends_at"), SENT.values(), ids=SENT)
def test_how_long_a_sent_alert_is_valid(interval, resolved_at, ends_at):
    """Two evaluations may fail before those who were told take it for over."""
    alert = ActiveAlert(LABELS, (), 1.0, active_at=0, fired_at=MINUTE, resolved_at=resolved_at)
    at = 100 * SECOND
    told = as_sent(alert, at, interval, "http://here")
    assert told.starts_at == MINUTE
    assert told.ends_at == (ends_at if resolved_at else at + ends_at)
    assert (told.updated_at, told.generator_url) == (at, "http://here")


def test_what_could_not_be_sent_is_due_at_the_next_evaluation():
    """Only what was handed on waits for the resend delay."""
    active = advance({}, [element()], 0, Patience())
    active = advance(active, [element()], SECOND, Patience())
    assert len(due(active, SECOND)) == 1


def test_the_series_of_an_alert():
    """`ALERTS` says the state, `ALERTS_FOR_STATE` since when in whole seconds."""
    (alert,) = advance({}, [element()], 1_999, Patience(MINUTE)).values()
    state, since = series_of(alert)
    assert dict(state) == {
        "__name__": "ALERTS",
        "alertname": "A",
        "alertstate": "pending",
        "job": "j",
    }
    assert dict(since) == {"__name__": "ALERTS_FOR_STATE", "alertname": "A", "job": "j"}
    assert for_state(alert) == 1.0


def test_a_clock_that_is_set_changes_no_waiting():
    """All moments of the past move with the clock."""
    patience = Patience(3 * MINUTE)
    active = advance({}, [element()], 60 * MINUTE, patience)
    active = shifted(active, -30 * MINUTE)
    (waiting,) = advance(active, [element()], 32 * MINUTE, patience).values()
    assert waiting.state is AlertState.PENDING
    (firing,) = advance(active, [element()], 33 * MINUTE, patience).values()
    assert firing.state is AlertState.FIRING


def test_what_was_known_before_a_restart_counts():
    """An alert that is new to this process began when it began."""
    (alert,) = advance({}, [element()], 9 * MINUTE, Patience(5 * MINUTE), {LABELS: 0}).values()
    assert (alert.state, alert.active_at) == (AlertState.FIRING, 0)
