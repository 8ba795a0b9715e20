"""What Alertmanager's notification templates see of a message: `.Alerts.Firing`, `.CommonLabels`.

The values are those of the alerts. For HTML they are escaped, so that a label cannot become markup.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ...store.selection import Labels
from ..alert import ALERTNAME, Alert
from ..go_template import GoObject, StringMap
from ..go_template.times import ZERO_TIME, GoTime
from ..message import Message

Escape = Callable[[str], str]


def plain(text: str) -> str:
    """Return *text* as it is."""
    return text


class Pair(GoObject):
    """A name and its value."""

    __slots__ = ("name", "value")
    go_type = "template.Pair"

    def __init__(self, name: str, value: str) -> None:
        self.name, self.value = name, value

    def go_fields(self) -> Mapping[str, Any]:
        """Return both."""
        return {"Name": self.name, "Value": self.value}


class Pairs(GoObject, tuple[Pair, ...]):
    """Pairs in order."""

    __slots__ = ()
    go_type = "template.Pairs"

    def go_string(self) -> str:
        """Return them as Alertmanager writes them: a=b, c=d."""
        return ", ".join(f"{pair.name}={pair.value}" for pair in self)

    def go_methods(self) -> Mapping[str, Callable[..., Any]]:
        """Return what templates may ask."""
        return {
            "Names": lambda: [pair.name for pair in self],
            "Values": lambda: [pair.value for pair in self],
            "String": self.go_string,
        }


class KV(GoObject, StringMap):
    """Labels or annotations; the alert's name is the first of the sorted pairs."""

    __slots__ = ()
    go_type = "template.KV"

    def pairs(self) -> Pairs:
        """Return the pairs, sorted."""
        ordered = sorted(self, key=lambda name: (name != ALERTNAME, name))
        return Pairs(Pair(name, self[name]) for name in ordered)

    def remove(self, names: list) -> KV:  # type: ignore[type-arg] # Go's slice of anything
        """Return it without *names*."""
        return KV({name: value for name, value in self.items() if name not in names})

    def go_string(self) -> str:
        """Return them as Alertmanager writes them."""
        return self.pairs().go_string()

    def go_methods(self) -> Mapping[str, Callable[..., Any]]:
        """Return what templates may ask."""
        return {
            "SortedPairs": self.pairs,
            "Names": lambda: [pair.name for pair in self.pairs()],
            "Values": lambda: [pair.value for pair in self.pairs()],
            "Remove": self.remove,
            "String": self.go_string,
        }


class AlertView(GoObject):
    """One alert."""

    __slots__ = ("fields", "firing")
    go_type = "template.Alert"

    def __init__(self, alert: Alert, message: Message, escape: Escape) -> None:
        self.firing = not alert.resolved(message.at)
        self.fields = {
            "Status": "firing" if self.firing else "resolved",
            "Labels": kv(alert.labels, escape),
            "Annotations": kv(alert.annotations, escape),
            "StartsAt": GoTime.of_millis(alert.starts_at),
            "EndsAt": ZERO_TIME if self.firing else GoTime.of_millis(alert.ends_at),
            "GeneratorURL": escape(alert.generator_url),
            "Fingerprint": alert.fingerprint,
        }

    def go_fields(self) -> Mapping[str, Any]:
        """Return them."""
        return self.fields


class AlertViews(GoObject, tuple[AlertView, ...]):
    """The alerts of a message."""

    __slots__ = ()
    go_type = "template.Alerts"

    def go_methods(self) -> Mapping[str, Callable[..., Any]]:
        """Return what templates may ask."""
        return {
            "Firing": lambda: AlertViews(view for view in self if view.firing),
            "Resolved": lambda: AlertViews(view for view in self if not view.firing),
        }


class MessageView(GoObject):
    """The whole: what `.` is."""

    __slots__ = ("fields", "message")
    go_type = "*template.Data"

    def __init__(self, message: Message, escape: Escape = plain) -> None:
        self.message = message
        self.fields = {
            "Receiver": message.receiver,
            "Status": message.status,
            "Alerts": AlertViews(AlertView(alert, message, escape) for alert in message.alerts),
            "GroupLabels": kv(message.group_labels, escape),
            "CommonLabels": kv(message.common_labels, escape),
            "CommonAnnotations": kv(message.common_annotations, escape),
            "ExternalURL": message.external_url,
        }

    def go_fields(self) -> Mapping[str, Any]:
        """Return them."""
        return self.fields


def kv(labels: Labels | Iterable[tuple[str, str]], escape: Escape = plain) -> KV:
    """Return *labels* for templates."""
    return KV({name: escape(value) for name, value in labels})


def escaped(text: str) -> str:
    """Return *text* as HTML shows it."""
    return html.escape(text)
