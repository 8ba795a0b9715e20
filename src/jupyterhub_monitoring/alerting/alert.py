"""One alert, as rules send it and routes group it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ..store.selection import Labels

Millis = int
"""Milliseconds since 1970."""

ALERTNAME = "alertname"

_FNV_OFFSET, _FNV_PRIME, _MASK = 14695981039346656037, 1099511628211, (1 << 64) - 1
_SEPARATOR = 0xFF


def labels_of(labels: Mapping[str, str]) -> Labels:
    """Return *labels* as they are kept: sorted by name, without empty values."""
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def fingerprint(labels: Labels) -> str:
    """Return Alertmanager's name of a label set: 64 bits of FNV-1a, 16 hexadecimal digits.

    Source: prometheus/common, `model.LabelSet.Fingerprint`.
    """
    value = _FNV_OFFSET
    for pair in labels:
        for text in pair:
            for byte in (*text.encode(), _SEPARATOR):
                value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return f"{value:016x}"


@dataclass(frozen=True)
class Alert:
    """An alert at one moment. The same labels are the same alert, whatever else changes."""

    labels: Labels  # `alertname` included
    annotations: Labels
    starts_at: Millis
    ends_at: Millis  # when it was over; in the future: when it is taken for over unless sent again
    generator_url: str = ""
    updated_at: Millis = 0

    @cached_property
    def fingerprint(self) -> str:
        """Alertmanager's name of this alert."""
        return fingerprint(self.labels)

    @cached_property
    def name(self) -> str:
        """The name of the rule, empty where somebody sent an alert without one."""
        return dict(self.labels).get(ALERTNAME, "")

    def resolved(self, now: Millis) -> bool:
        """Whether it is over at *now*."""
        return self.ends_at <= now


class AlertSink(Protocol):
    """Where alerts go: the embedded notifier, or Alertmanagers elsewhere."""

    def put(self, alerts: Sequence[Alert], now: Millis) -> None:
        """Take alerts that are firing or have ended. Durable, or queued, when it returns."""
