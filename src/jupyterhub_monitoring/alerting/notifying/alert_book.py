"""The alerts that there are now: put by rules and by the API, known again after a restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from ...metrics.alerting_catalogue import ALERTS_DROPPED
from ...store.selection import Labels
from ..alert import Alert, Millis

ENDED_MS = 3_600_000
"""How long an alert is shown after its end."""


class AlertKeeper(Protocol):
    """Where alerts outlive the process."""

    def keep(self, alerts: Sequence[Alert], forget: Sequence[Labels] = ()) -> None:
        """Write *alerts*, drop those with the labels *forget*: all or nothing.

        Durable when it returns; raises where it is not, and then nothing has changed.
        """


@dataclass(frozen=True, slots=True)
class BookLimits:
    """How many alerts there may be. Of those beyond nobody is told; they are counted."""

    alerts: int = 100_000
    per_name: int = 10_000  # firing ones with the same `alertname`


def merged(old: Alert, new: Alert, now: Millis) -> Alert:
    """Return what is known of an alert after *new* came.

    As in Alertmanager: where both were firing at one time they are one alert, which began with the
    earlier of them. Else *new* is another occurrence. That it ended counts when it is said; of two
    ends that are both past, or both to come, the later one does.
    """
    overlapping = old.starts_at < new.ends_at < old.ends_at or (
        old.starts_at < new.starts_at < old.ends_at
    )
    if not overlapping:
        return new
    ends_at = new.ends_at
    if new.resolved(now) is old.resolved(now):
        ends_at = max(old.ends_at, new.ends_at)
    return replace(new, starts_at=min(old.starts_at, new.starts_at), ends_at=ends_at)


def carried_over(alert: Alert, now: Millis, grace: Millis) -> Alert:
    """Return *alert* as it is after a restart at *now*.

    Whoever sends it was away with us, or could not reach us: an end that was only the time to
    send it again does not count until it had *grace* to do so.
    """
    said_to_have_ended = alert.ends_at <= alert.updated_at
    if said_to_have_ended or alert.ends_at >= now + grace:
        return alert
    return replace(alert, ends_at=now + grace)


class AlertBook:
    """Every alert by its labels, those that have ended for an hour more.

    A change is kept by the keeper before it is in force.
    """

    def __init__(
        self, kept: Iterable[Alert], keeper: AlertKeeper, limits: BookLimits | None = None
    ) -> None:
        self._alerts = {alert.labels: alert for alert in kept}
        self._keeper, self._limits = keeper, limits or BookLimits()

    def __len__(self) -> int:
        return len(self._alerts)

    def all(self) -> list[Alert]:
        """Return every alert, over or not."""
        return list(self._alerts.values())

    def get(self, labels: Labels) -> Alert | None:
        """Return the alert with *labels*, None where there is none."""
        return self._alerts.get(labels)

    def put(self, alerts: Iterable[Alert], now: Millis) -> list[Alert]:
        """Take *alerts*; return those of which there may be something to tell.

        That is all but those that had ended already when they were sent last.
        """
        changed: dict[Labels, Alert] = {}
        news: dict[Labels, Alert] = {}
        room = _Room(self._alerts, self._limits, now)
        for alert in alerts:
            old = changed.get(alert.labels) or self._alerts.get(alert.labels)
            if not room.takes(alert, old):
                ALERTS_DROPPED.inc()
                continue
            new = replace(alert, updated_at=now)
            if old is not None:
                new = merged(old, new, now)
            changed[alert.labels] = new
            if old is None or not (new.resolved(now) and old.ends_at == new.ends_at):
                news[alert.labels] = new
        if changed:
            self._keeper.keep(list(changed.values()))
            self._alerts.update(changed)
        return list(news.values())

    def forget(
        self, in_use: Callable[[Labels], bool], now: Millis, after: Millis = ENDED_MS
    ) -> int:
        """Drop alerts that ended longer than *after* ago, but those *in_use*; return how many."""
        over = [
            labels
            for labels, alert in self._alerts.items()
            if alert.ends_at + after <= now and not in_use(labels)
        ]
        if over:
            self._keeper.keep((), over)
            for labels in over:
                del self._alerts[labels]
        return len(over)


class _Room:
    """What the limits leave, counted when the first new alert of a batch comes."""

    def __init__(self, alerts: dict[Labels, Alert], limits: BookLimits, now: Millis) -> None:
        self._alerts, self._limits, self._now = alerts, limits, now
        self._size = len(alerts)
        self._firing: Counter[str] | None = None

    def takes(self, alert: Alert, old: Alert | None) -> bool:
        """Say whether *alert* may come in: one that is known, or there is room."""
        now = self._now
        if old is not None and (alert.resolved(now) or not old.resolved(now)):
            return True
        if self._firing is None:
            known = self._alerts.values()
            self._firing = Counter(a.name for a in known if not a.resolved(now))
        fits = old is not None or self._size < self._limits.alerts
        if not fits or self._firing[alert.name] >= self._limits.per_name:
            return False
        self._size += old is None
        self._firing[alert.name] += not alert.resolved(now)
        return True
