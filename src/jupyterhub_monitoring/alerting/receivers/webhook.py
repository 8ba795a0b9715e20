"""Alertmanager's webhook, version 4: what hundreds of tools take already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from ..alert import Alert, Millis
from ..message import Message
from ..rfc3339 import NEVER, rfc3339
from .http_post import HttpPost, Request

JSON = {"Content-Type": "application/json"}


@dataclass
class Webhook:
    """Posts messages to a URL; *max_alerts* of one message, 0 for all of them.

    *url* is called for each message, because it may stand in a file that changes.
    """

    url: Callable[[], str] = field(repr=False)
    http: HttpPost = field(default_factory=HttpPost, repr=False)
    max_alerts: int = 0
    sends_resolved: bool = True
    kind: str = "webhook"

    async def send(self, message: Message) -> None:
        """Post *message*. Raises `DeliveryFailed`."""
        body = orjson.dumps(payload(truncated(message, self.max_alerts)))
        await self.http.send(Request(self.url(), body, JSON))


def truncated(message: Message, most: int) -> Message:
    """Return *message* with at most *most* alerts (0: all); the others are counted."""
    left_out = len(message.alerts) - most
    if most <= 0 or left_out <= 0:
        return message
    return replace(
        message,
        alerts=message.alerts[:most],
        truncated_alerts=message.truncated_alerts + left_out,
    )


def payload(message: Message) -> dict[str, Any]:
    """Return *message* as Alertmanager's webhook sends it."""
    return {
        "version": "4",
        "groupKey": message.group_key,
        "truncatedAlerts": message.truncated_alerts,
        "status": message.status,
        "receiver": message.receiver,
        "groupLabels": dict(message.group_labels),
        "commonLabels": dict(message.common_labels),
        "commonAnnotations": dict(message.common_annotations),
        "externalURL": message.external_url,
        "alerts": [_alert(alert, message.at) for alert in message.alerts],
    }


def _alert(alert: Alert, now: Millis) -> dict[str, Any]:
    resolved = alert.resolved(now)
    return {
        "status": "resolved" if resolved else "firing",
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "startsAt": rfc3339(alert.starts_at),
        "endsAt": rfc3339(alert.ends_at) if resolved else NEVER,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }
