"""The life of the alerts of one rule: inactive → pending → firing → resolved.

Decided as Prometheus's `rules/alerting.go` decides: whatever it keeps, sends or forgets at a moment
is what this keeps, sends or forgets. Nothing here looks at a clock, asks or writes: `at` is when
the rule was evaluated, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from types import MappingProxyType

from ...store.selection import Labels
from ..alert import Alert, Millis, labels_of

RESEND_DELAY_MS: Millis = 60_000
"""How long a firing alert is not sent again."""

RESOLVED_RETENTION_MS: Millis = 900_000
"""How long an alert that is over is kept and sent again, should a notifier have missed it."""

MISSED_SENDS = 4
"""So many evaluations in vain, and who was sent an alert takes it for over."""


class AlertState(IntEnum):
    """Life of one alert; ordered, so the state of a rule is that of its worst alert."""

    INACTIVE = 0  # was firing, and is over
    PENDING = 1  # the condition holds, but not yet for as long as `for:` asks
    FIRING = 2

    @property
    def text(self) -> str:
        """The state as `ALERTS` and the HTTP API name it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Element:
    """One element of the vector that an alerting rule gave, its templates expanded.

    *labels* are those of the alert: the rule's and `alertname` included, no metric name.
    """

    labels: Labels
    annotations: Labels
    value: float


@dataclass(frozen=True, slots=True)
class ActiveAlert:
    """An alert that is pending, firing, or was until lately. Moments that were not yet are None."""

    labels: Labels
    annotations: Labels
    value: float
    active_at: Millis  # since when the condition holds
    state: AlertState = AlertState.PENDING
    fired_at: Millis | None = None
    resolved_at: Millis | None = None
    sent_at: Millis | None = None  # the last time
    keep_firing_since: Millis | None = None  # fires though the condition no longer holds


Active = Mapping[Labels, ActiveAlert]
"""The alerts of a rule, by their labels."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a rule waits before its alerts fire, and goes on firing afterwards."""

    for_ms: Millis = 0
    keep_firing_for_ms: Millis = 0


def advance(
    active: Active,
    found: Iterable[Element],
    at: Millis,
    patience: Patience,
    since: Mapping[Labels, Millis] = MappingProxyType({}),
) -> Active:
    """Return the alerts of a rule whose condition holds for *found* at *at*.

    *found* has each label set once. An alert that is over stays for `RESOLVED_RETENTION_MS`.
    *since* tells since when the condition holds of alerts that are older than *active* knows.
    """
    holding = {
        element.labels: _holding(active.get(element.labels), element, at, since)
        for element in found
    }
    ending = {
        labels: alert
        for labels, before in active.items()
        if labels not in holding and (alert := _not_holding(before, at, patience))
    }
    return {labels: _settled(alert, at, patience) for labels, alert in (ending | holding).items()}


def _holding(
    before: ActiveAlert | None, element: Element, at: Millis, since: Mapping[Labels, Millis]
) -> ActiveAlert:
    """Return the alert of an element: the one that there is, or a new one."""
    if before is None or before.state is AlertState.INACTIVE:
        began = since.get(element.labels, at)
        return ActiveAlert(element.labels, element.annotations, element.value, active_at=began)
    return replace(
        before,
        annotations=element.annotations,
        value=element.value,
        keep_firing_since=None,
    )


def _not_holding(before: ActiveAlert, at: Millis, patience: Patience) -> ActiveAlert | None:
    """Return what becomes of an alert whose condition does not hold; None when it is forgotten."""
    if before.state is AlertState.PENDING:
        return None
    if before.state is AlertState.FIRING:
        since = at if before.keep_firing_since is None else before.keep_firing_since
        if at - since < patience.keep_firing_for_ms:
            return replace(before, keep_firing_since=since)
        return replace(before, state=AlertState.INACTIVE, resolved_at=at)
    over = before.resolved_at
    return None if over is not None and at - over > RESOLVED_RETENTION_MS else before


def _settled(alert: ActiveAlert, at: Millis, patience: Patience) -> ActiveAlert:
    """Return *alert* pending or firing, as the time for which its condition holds says.

    A firing one becomes pending where `for` was made longer meanwhile.
    """
    waited = at - alert.active_at >= patience.for_ms
    if alert.state is AlertState.PENDING and waited:
        return replace(alert, state=AlertState.FIRING, fired_at=at)
    if alert.state is AlertState.FIRING and not waited:
        return replace(
            alert, state=AlertState.PENDING, fired_at=None, sent_at=None, keep_firing_since=None
        )
    return alert


def current(active: Active) -> list[ActiveAlert]:
    """Return the alerts that are pending or firing."""
    return [alert for alert in active.values() if alert.state is not AlertState.INACTIVE]


def shifted(active: Active, by: Millis) -> Active:
    """Return the alerts as if all of their past had been *by* later: the clock was set."""

    def moved(moment: Millis | None) -> Millis | None:
        return None if moment is None else moment + by

    return {
        labels: replace(
            alert,
            active_at=alert.active_at + by,
            fired_at=moved(alert.fired_at),
            resolved_at=moved(alert.resolved_at),
            sent_at=moved(alert.sent_at),
            keep_firing_since=moved(alert.keep_firing_since),
        )
        for labels, alert in active.items()
    }


# --- Sending -------------------------------------------------------------------------------------


def due(active: Active, at: Millis) -> list[ActiveAlert]:
    """Return the alerts that are to be sent now."""
    return [alert for alert in active.values() if _is_due(alert, at)]


def _is_due(alert: ActiveAlert, at: Millis) -> bool:
    if alert.state is AlertState.PENDING:
        return False
    if alert.sent_at is None:
        return True
    if alert.resolved_at is not None and alert.resolved_at > alert.sent_at:
        return True  # it is over since it was sent
    return alert.sent_at + RESEND_DELAY_MS < at


def sent(active: Active, alerts: Sequence[ActiveAlert], at: Millis) -> Active:
    """Return *active* after *alerts*, which are of it, were sent."""
    return {**active, **{alert.labels: replace(alert, sent_at=at) for alert in alerts}}


def as_sent(alert: ActiveAlert, at: Millis, interval_ms: Millis, generator_url: str) -> Alert:
    """Return *alert* as it is sent at *at*, by a group that is evaluated each *interval_ms*."""
    valid_until = at + MISSED_SENDS * max(interval_ms, RESEND_DELAY_MS)
    return Alert(
        labels=alert.labels,
        annotations=labels_of(dict(alert.annotations)),
        starts_at=alert.active_at if alert.fired_at is None else alert.fired_at,
        ends_at=valid_until if alert.resolved_at is None else alert.resolved_at,
        generator_url=generator_url,
        updated_at=at,
    )


# --- Series --------------------------------------------------------------------------------------

ALERTS, ALERTS_FOR_STATE, ALERTSTATE = "ALERTS", "ALERTS_FOR_STATE", "alertstate"


def series_of(alert: ActiveAlert) -> tuple[Labels, Labels]:
    """Return the label sets of the two series of an alert: `ALERTS` and `ALERTS_FOR_STATE`."""
    labels = dict(alert.labels)
    state = labels | {"__name__": ALERTS, ALERTSTATE: alert.state.text}
    since = labels | {"__name__": ALERTS_FOR_STATE}
    return tuple(sorted(state.items())), tuple(sorted(since.items()))


def for_state(alert: ActiveAlert) -> float:
    """Return the value of `ALERTS_FOR_STATE`: whole seconds since 1970; that of `ALERTS` is 1."""
    return float(alert.active_at // 1000)
