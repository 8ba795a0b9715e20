"""Alerts, a routing, receivers for tests of who is told, and a desk whose time the test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.alerting.alert import Alert, labels_of
from jupyterhub_monitoring.alerting.message import Message, Receivers
from jupyterhub_monitoring.alerting.notifying.dispatch import Dispatcher
from jupyterhub_monitoring.alerting.notifying.notification_store import (
    NotificationLimits,
    NotificationStore,
)
from jupyterhub_monitoring.alerting.notifying.queue_rows import Ended, Outcome
from jupyterhub_monitoring.alerting.routing.receiver_config import ReceiverConfig
from jupyterhub_monitoring.alerting.routing.route import Route
from jupyterhub_monitoring.alerting.routing.routing_config import RoutingConfig

START = 1_790_000_000_000
"""When tests begin, in milliseconds since 1970."""

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000


def alert(
    name: str = "SpawnsFail",
    *,
    at: int = START,
    ends: int = START + 1000 * HOUR,
    annotations: dict[str, str] | None = None,
    **labels: str,
) -> Alert:
    """An alert that began *at*, and by default fires for all of the test."""
    return Alert(
        labels_of({"alertname": name, **labels}), labels_of(annotations or {}), at, ends, "", at
    )


def routing(route: Route | None = None, **more: Any) -> RoutingConfig:
    """A configuration with *route*, by default one to "team" that groups by name."""
    route = route or Route("team", group_by=frozenset({"alertname"}))
    names = dict.fromkeys(node.receiver for node in route.walk())
    return RoutingConfig(route, tuple(ReceiverConfig(name) for name in names), **more)


@dataclass(eq=False)
class Inbox:
    """A receiver that keeps what it is told. `failing` says how the next attempts fail."""

    kind: str = "webhook"
    sends_resolved: bool = True
    failing: list[Exception] = field(default_factory=list)
    down: Exception | None = None
    hangs: bool = False
    messages: list[Message] = field(default_factory=list)
    attempts: int = 0
    at_once: int = 0
    most_at_once: int = 0

    async def send(self, message: Message) -> None:
        self.attempts += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(3600 if self.hangs else 0)
            if self.down is not None:
                raise self.down
            if self.failing:
                raise self.failing.pop(0)
            self.messages.append(message)
        finally:
            self.at_once -= 1


class Desk:
    """The decisions without the sending: `advance` lets time pass, `told` takes the messages."""

    def __init__(
        self,
        folder: Path,
        config: RoutingConfig | None = None,
        receivers: Receivers | None = None,
        limits: NotificationLimits | None = None,
    ) -> None:
        self.folder, self.limits = folder, limits or NotificationLimits()
        self.config = config or routing()
        names = [receiver.name for receiver in self.config.receivers]
        self.receivers: Receivers = receivers or {name: [Inbox()] for name in names}
        self.now = START
        self._open()

    def _open(self) -> None:
        self.store = NotificationStore(self.folder, self.limits, self.now)
        self.dispatcher = Dispatcher(self.store, self.config, self.receivers, "https://hub/m/")
        self.dispatcher.restore(self.now)

    def restart(self, after: int = 0) -> None:
        """End as a kill does, and begin again *after* milliseconds."""
        self.store.close()
        self.now += after
        self._open()

    def put(self, *alerts: Alert) -> None:
        self.dispatcher.add(self.store.alerts.put(alerts, self.now), self.now)

    def advance(self, by: int) -> list[Message]:
        """Let *by* milliseconds pass; return what is told meanwhile, as if delivered at once."""
        until = self.now + by
        messages = []
        while (at := self.dispatcher.next_at()) is not None and at <= until:
            self.now = max(self.now, at)
            self.dispatcher.flush_due(self.now)
            messages += self.deliver()
        self.now = until
        return messages

    def deliver(self) -> list[Message]:
        messages = []
        for queued in self.store.queue.waiting():
            message = self.store.queue.message(queued)
            assert message is not None
            self.store.queue.end(Ended(queued, self.now, Outcome.DELIVERED))
            messages.append(message)
        return messages

    def close(self) -> None:
        self.store.close()


def names(alerts: Sequence[Alert], label: str = "alertname") -> list[str]:
    """The values of one label."""
    return [dict(alert.labels).get(label, "") for alert in alerts]
