"""What one receiver is told of one group at one moment, and who tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ..store.selection import Labels
from .alert import Alert, Millis


class Reason(str, Enum):
    """Why a group is told of now, or is not."""

    FIRST = "first"  # nobody was told of this group yet
    NEW_ALERTS = "new_alerts"  # alerts fire of which was not told
    NEW_RESOLVED = "new_resolved"  # some have ended, others fire
    ALL_RESOLVED = "all_resolved"  # the last one has ended
    REPEAT_DUE = "repeat_due"  # nothing new for the repeat interval
    NOTHING_NEW = "nothing_new"  # not told


@dataclass(frozen=True, slots=True)
class Message:
    """One notification to one receiver: a group of alerts, as Alertmanager's templates see it."""

    receiver: str
    group_key: str
    group_labels: Labels
    alerts: tuple[Alert, ...]  # firing first, each part by start
    at: Millis  # when it was decided to tell
    external_url: str = ""  # of our pages
    truncated_alerts: int = 0
    reason: Reason = Reason.FIRST

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that were not over when it was decided to tell."""
        return tuple(alert for alert in self.alerts if not alert.resolved(self.at))

    @property
    def resolved(self) -> tuple[Alert, ...]:
        """Those that were over."""
        return tuple(alert for alert in self.alerts if alert.resolved(self.at))

    @property
    def status(self) -> str:
        """Return "firing" while one alert is, else "resolved"."""
        return "firing" if self.firing else "resolved"

    @property
    def common_labels(self) -> Labels:
        """The labels that all alerts share."""
        return _common([alert.labels for alert in self.alerts])

    @property
    def common_annotations(self) -> Labels:
        """The annotations that all alerts share."""
        return _common([alert.annotations for alert in self.alerts])


def _common(sets: Sequence[Labels]) -> Labels:
    shared = set(sets[0]).intersection(*sets[1:]) if sets else set()
    return tuple(sorted(shared))


class Receiver(Protocol):
    """One way to tell somebody: a webhook, a mail, a script. Knows its own secrets."""

    kind: str
    """webhook, email, slack, script ...: a label of metrics, and shown on pages."""
    sends_resolved: bool

    async def send(self, message: Message) -> None:
        """Tell *message* once. Raises `DeliveryFailed`, whose text holds no secret."""


Receivers = Mapping[str, Sequence[Receiver]]
"""The ways to tell each receiver of the routing tree, by its name."""
