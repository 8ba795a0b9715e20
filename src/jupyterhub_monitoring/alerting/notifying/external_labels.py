"""The labels of this Hub on all alerts that leave, so that those of several can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..alert import Alert, AlertSink, Millis, labels_of


class Labelled:
    """An `AlertSink`: hands alerts to *sink* with *labels*; an alert's own of a name come first."""

    def __init__(self, sink: AlertSink, labels: Mapping[str, str]) -> None:
        self._sink, self._labels = sink, dict(labels)

    def put(self, alerts: Sequence[Alert], now: Millis) -> None:
        """Hand *alerts* on."""
        self._sink.put([self._labelled(alert) for alert in alerts], now)

    def _labelled(self, alert: Alert) -> Alert:
        return replace(alert, labels=labels_of({**self._labels, **dict(alert.labels)}))


def with_labels(sink: AlertSink, labels: Mapping[str, str]) -> AlertSink:
    """Return *sink*, which gets *labels* on everything."""
    return Labelled(sink, labels) if labels else sink
