"""From alerts to messages: grouped, muted, compared with what was told, and put in the queue.

What was decided and the message that tells it are written in one transaction: whenever the process
ends, either both are there or neither, and neither means that it is decided again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ...errors import StoreError
from ...store.selection import Labels
from ..alert import Alert, Millis
from ..message import Message, Reason, Receiver, Receivers
from ..routing.dedup import Told, why_notify
from ..routing.inhibit import Inhibitor
from ..routing.routing_config import RoutingConfig
from .delivery_queue import Offer
from .groups import Group, Groups, labels_in, look_after_restart
from .lane import Channel, Lane
from .notification_store import Decision, NotificationStore
from .stages import Flush, Inhibit, MuteTimes, Silence, Stage, run

log = logging.getLogger(__name__)

TOLD_MS = 120 * 3_600_000
"""How long is known what was told of a group that is no more, unless its end was told."""

GROUPS_AT_ONCE, ALERTS_AT_ONCE = 200, 10_000
"""What is decided in one transaction, so that others get their turn between."""

RETRY_MS = 5_000
"""When a decision that could not be kept is made again."""


@dataclass(slots=True)
class _Look:
    """What a look at one group led to."""

    group: Group
    over: set[Labels] = field(default_factory=set)  # ended, and told of or muted
    told: dict[Lane, Told] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)


class Dispatcher:
    """Groups the alerts of *store* by *routing*, and queues what *receivers* are to be told."""

    def __init__(
        self,
        store: NotificationStore,
        routing: RoutingConfig,
        receivers: Receivers,
        external_url: str,
    ) -> None:
        self.routing, self.receivers = routing, receivers
        self._store, self._external_url = store, external_url
        self.groups = Groups()

    # --- Alerts come in ----------------------------------------------------------------------

    def add(self, alerts: Iterable[Alert], now: Millis) -> None:
        """Put *alerts* into their groups."""
        for alert in alerts:
            for route in self.routing.route.matching(dict(alert.labels)):
                self.groups.add(route, alert, now)

    def restore(self, now: Millis) -> None:
        """Make the groups of all alerts in the store, as if the process had never ended."""
        self.groups = Groups()
        told_to_fire = {print_ for told in self._store.told.values() for print_ in told.firing}
        for alert in self._store.alerts.all():
            if not alert.resolved(now) or alert.fingerprint in told_to_fire:
                self.add([alert], now)
        for group in self.groups:
            starts_at = min(alert.starts_at for alert in self._alerts_of(group))
            at = look_after_restart(starts_at, now, self._last_told(group), group.route)
            self.groups.look_at(group, at)

    def update(self, routing: RoutingConfig, receivers: Receivers, now: Millis) -> None:
        """Go on with another configuration. Groups that are still there keep their time."""
        old = {(group.key, group.route.receiver): group for group in self.groups}
        alerts = [self._store.alerts.get(labels) for labels in labels_in(self.groups)]
        self.routing, self.receivers, self.groups = routing, receivers, Groups()
        self.add((alert for alert in alerts if alert is not None), now)
        for group in self.groups:
            before = old.get((group.key, group.route.receiver))
            if before is not None:
                group.looked_at = before.looked_at
                self.groups.look_at(group, before.next_at)

    def _alerts_of(self, group: Group) -> list[Alert]:
        found = (self._store.alerts.get(labels) for labels in group.alerts)
        return [alert for alert in found if alert is not None]

    def _last_told(self, group: Group) -> Millis | None:
        told = (self._store.told.get(lane) for lane, _ in self._lanes(group))
        return max((entry.at for entry in told if entry is not None), default=None)

    def _lanes(self, group: Group) -> Iterator[tuple[Lane, Receiver]]:
        name = group.route.receiver
        for position, receiver in enumerate(self.receivers.get(name, ())):
            yield Lane(Channel(name, position), group.key), receiver

    # --- Messages go out ---------------------------------------------------------------------

    def next_at(self) -> Millis | None:
        """Return when to call `flush_due` next, None while there are no groups."""
        return self.groups.next_at()

    def flush_due(self, now: Millis) -> int:
        """Look at some of the groups that are due; return at how many.

        Raises `StoreError` where what was decided cannot be kept: it is tried again soon.
        """
        looks = list(self._looks(now))
        try:
            self._carry_out(looks, now)
        except StoreError:
            for look in looks:
                self.groups.look_at(look.group, now + RETRY_MS)
            raise
        return len(looks)

    def _looks(self, now: Millis) -> Iterator[_Look]:
        """Look at some of the groups that are due, and say when to look at them again."""
        stages: list[Stage] = []
        alerts = 0
        for group in islice(self.groups.due(now), GROUPS_AT_ONCE):
            self.groups.look_at(group, now + group.route.group_interval)
            stages = stages or self.stages(now)
            try:
                yield self._look(group, stages, now)
            except Exception:  # a fault of ours must not keep the other groups from being told
                log.exception("Group %s cannot be told of", group.key)
            alerts += len(group.alerts)
            if alerts >= ALERTS_AT_ONCE:
                return

    def stages(self, now: Millis) -> list[Stage]:
        """Return what keeps alerts from being told at *now*, in the order in which it is asked."""
        return [
            Inhibit(self.inhibitor(now)),
            MuteTimes(self.routing.time_intervals),
            Silence(self._store.silences),
        ]

    def inhibitor(self, now: Millis) -> Inhibitor:
        """Return which alerts keep which others quiet at *now*."""
        rules = self.routing.inhibit_rules
        return Inhibitor(rules, self._store.alerts.all() if rules else (), now)

    def _look(self, group: Group, stages: Sequence[Stage], now: Millis) -> _Look:
        look = _Look(group)
        alerts = sorted(
            self._alerts_of(group), key=lambda a: (a.resolved(now), a.starts_at, a.labels)
        )
        look.over = group.alerts - {alert.labels for alert in alerts if not alert.resolved(now)}
        left = run(stages, Flush(group.route, tuple(alerts), now)).alerts
        if left:
            firing = frozenset(alert.fingerprint for alert in left if not alert.resolved(now))
            resolved = frozenset(alert.fingerprint for alert in left if alert.resolved(now))
            for lane, receiver in self._lanes(group):
                self._compare(look, lane, receiver, left, Told(now, firing, resolved))
        return look

    def _compare(
        self, look: _Look, lane: Lane, receiver: Receiver, alerts: Sequence[Alert], told: Told
    ) -> None:
        """Tell *receiver* of *alerts* if there is a reason to."""
        reason = why_notify(
            self._store.told.get(lane),
            told.firing,
            told.resolved,
            look.group.route.repeat_interval,
            told.at,
            sends_resolved=receiver.sends_resolved,
        )
        if reason is Reason.NOTHING_NEW:
            return
        look.told[lane] = told
        if not receiver.sends_resolved:
            alerts = [alert for alert in alerts if not alert.resolved(told.at)]
        if not alerts or (reason is Reason.REPEAT_DUE and self._store.queue.waits(lane)):
            return
        message = self._message(look.group, alerts, told.at, reason)
        look.offers.append(Offer(lane, receiver.kind, message))

    def _message(
        self, group: Group, alerts: Sequence[Alert], now: Millis, reason: Reason
    ) -> Message:
        limit = self._store.limits.alerts_per_message
        return Message(
            receiver=group.route.receiver,
            group_key=group.key,
            group_labels=group.labels,
            alerts=tuple(alerts[:limit]),
            at=now,
            external_url=self._external_url,
            truncated_alerts=max(0, len(alerts) - limit),
            reason=reason,
        )

    def _carry_out(self, looks: Sequence[_Look], now: Millis) -> None:
        """Keep what was decided, and take what is over out of the groups."""
        told: dict[Lane, Told] = {}
        forgotten: list[Lane] = []
        for look in looks:
            if look.group.alerts <= look.over:  # the group ends
                lanes = (lane for lane, _ in self._lanes(look.group))
                forgotten += [lane for lane in lanes if lane in self._store.told]
            else:
                told.update(look.told)
        offers = [offer for look in looks for offer in look.offers]
        admission = self._store.queue.admission(offers, now)
        self._store.carry_out(Decision(told, forgotten, admission))
        for look in looks:
            look.group.looked_at = now
            look.group.alerts -= look.over
            if not look.group.alerts:
                self.groups.remove(look.group)

    # --- Looking after -----------------------------------------------------------------------

    def forget(self, now: Millis) -> None:
        """Drop alerts that are long over, and what was told of groups that are long gone."""
        grouped = labels_in(self.groups)
        self._store.alerts.forget(grouped.__contains__, now)
        here = {(group.key, group.route.receiver) for group in self.groups}
        gone = [
            lane
            for lane, told in self._store.told.items()
            if told.at + TOLD_MS <= now and (lane.group_key, lane.channel.receiver) not in here
        ]
        admission = self._store.queue.admission((), now)
        self._store.carry_out(Decision({}, gone, admission))
