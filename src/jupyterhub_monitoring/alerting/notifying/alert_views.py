"""What people are shown of alerts and groups: who is told, and what keeps them quiet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...store.selection import Labels
from ..alert import Alert, Millis
from .dispatch import Dispatcher
from .groups import Group
from .notification_store import NotificationStore
from .stages import MuteTimes


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert that fires, as it is now."""

    alert: Alert
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...]  # ids of silences
    inhibited_by: tuple[str, ...]  # fingerprints of alerts
    muted_by: tuple[str, ...] = ()  # names of time intervals, of the group that is shown

    @property
    def suppressed(self) -> bool:
        """Whether it is not told of now."""
        return bool(self.silenced_by or self.inhibited_by or self.muted_by)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with the alerts in it that fire."""

    receiver: str
    labels: Labels
    key: str
    next_at: Millis  # when it is looked at next
    muted_by: tuple[str, ...]
    alerts: tuple[AlertView, ...]


class Views:
    """What there is at *now*; looks once at everything that keeps alerts quiet."""

    def __init__(self, store: NotificationStore, dispatcher: Dispatcher, now: Millis) -> None:
        self._store, self._dispatcher, self._now = store, dispatcher, now
        self._inhibitor = dispatcher.inhibitor(now)
        self._times = MuteTimes(dispatcher.routing.time_intervals)

    def alerts(self) -> list[AlertView]:
        """Return every alert that fires, by fingerprint."""
        route = self._dispatcher.routing.route
        firing = (a for a in self._store.alerts.all() if not a.resolved(self._now))
        views = [
            self._view(a, tuple(r.receiver for r in route.matching(dict(a.labels)))) for a in firing
        ]
        return sorted(views, key=lambda view: view.alert.fingerprint)

    def groups(self) -> list[GroupView]:
        """Return every group in which an alert fires, by its labels."""
        groups = [view for group in self._dispatcher.groups for view in self._group(group)]
        return sorted(groups, key=lambda view: (view.labels, view.receiver, view.key))

    def _group(self, group: Group) -> Iterator[GroupView]:
        found = [self._store.alerts.get(labels) for labels in sorted(group.alerts)]
        firing = [a for a in found if a is not None and not a.resolved(self._now)]
        if firing:
            muted_by = self._times.names(group.route, self._now)
            name = group.route.receiver
            alerts = tuple(self._view(alert, (name,), muted_by) for alert in firing)
            yield GroupView(name, group.labels, group.key, group.next_at, muted_by, alerts)

    def _view(
        self, alert: Alert, receivers: tuple[str, ...], muted_by: tuple[str, ...] = ()
    ) -> AlertView:
        silenced_by = self._store.silences.silenced_by(alert, self._now)
        return AlertView(
            alert, receivers, silenced_by, self._inhibitor.inhibited_by(alert), muted_by
        )
