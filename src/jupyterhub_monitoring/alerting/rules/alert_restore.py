"""`for` over a restart: how long an alert had been waiting is read back from `ALERTS_FOR_STATE`.

As Prometheus's `rules/group.go: RestoreForState` decides, with two exceptions, because our service
is restarted together with its Hub, which may be what an alert is about.

* Prometheus restores after the second evaluation, and an alert fires again at the third. We restore
  an alert when its condition is found to hold, at the first or the second: it fires again at once,
  before those who were told of it take it for over.
* Prometheus restores no `for` shorter than its grace period: such an alert begins to wait anew. Of
  a Hub that restarts every few minutes nobody would ever be told. Here it goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...store.matcher import Matcher, MatchType
from ...store.selection import ABSENT_BITS, STALE_BITS, Labels, Selectable, Selection
from ..alert import ALERTNAME, Millis
from .alert_state import ALERTS_FOR_STATE, Element
from .rule import AlertingRule

OUTAGE_TOLERANCE_MS: Millis = 3_600_000
"""After a longer outage every alert begins to wait anew."""

GRACE_MS: Millis = 600_000
"""A long `for` waits for at least so long after a restart: the scrapes may not be complete."""

EVALUATIONS = 2
"""At so many evaluations after the start alerts are restored: recording rules catch up."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """The last sample of an alert's `ALERTS_FOR_STATE`."""

    seen_at: Millis
    active_at: Millis

    def active_since(self, at: Millis, for_ms: Millis) -> Millis:
        """Return since when the condition, which holds again at *at*, is taken to hold.

        The time in which nobody looked is left out.
        """
        remaining = for_ms - (self.seen_at - self.active_at)
        if remaining <= 0:
            return self.active_at  # it was firing: it fires again
        if for_ms >= GRACE_MS and remaining < GRACE_MS:
            return at + GRACE_MS - for_ms
        return self.active_at + (at - self.seen_at)


class ForStateMemory:
    """What the store remembers of the alerts of one rule, for the first evaluations."""

    def __init__(self, storage: Selectable, rule: AlertingRule) -> None:
        self._storage, self._rule = storage, rule
        self._left = EVALUATIONS
        self._remembered: dict[Labels, Remembered] | None = None

    def since(self, found: Sequence[Element], at: Millis) -> dict[Labels, Millis]:
        """Return since when the condition of each of *found* holds, where that is remembered."""
        if not self._left:
            return {}
        self._left -= 1
        if self._remembered is None:
            self._remembered = self._read(at)
        known = {element.labels: self._remembered.get(element.labels) for element in found}
        if not self._left:
            self._remembered = {}
        return {
            labels: before.active_since(at, self._rule.for_ms)
            for labels, before in known.items()
            if before is not None
        }

    def _read(self, at: Millis) -> dict[Labels, Remembered]:
        """Return what is remembered, by the labels of the alerts."""
        wanted = {"__name__": ALERTS_FOR_STATE, ALERTNAME: self._rule.name}
        wanted |= {k: v for k, v in self._rule.labels.items() if v and "{{" not in v}
        matchers = [Matcher(name, MatchType.EQUAL, value) for name, value in wanted.items()]
        selection = self._storage.select(matchers, at - OUTAGE_TOLERANCE_MS, at)
        return {
            tuple(sorted(labels.items())): last
            for labels, last in zip(_nameless(selection), _last_samples(selection), strict=True)
            if last is not None
        }


def _nameless(selection: Selection) -> list[dict[str, str]]:
    return selection.labels.drop(["__name__"]).rows()


def _last_samples(selection: Selection) -> Sequence[Remembered | None]:
    """Return the last sample of each series; None where there is none, or where it has ended."""
    found: list[Remembered | None] = [None] * len(selection.labels)
    for tile in selection.tiles:
        values = tile.rows(slice(0, len(tile.timestamps)))
        there = values.view(np.int64) != ABSENT_BITS
        rows = len(there) - 1 - np.argmax(there[::-1], axis=0)
        columns = np.arange(len(tile.positions))
        last = values[rows, columns]
        alive = there[rows, columns] & (last.view(np.int64) != STALE_BITS)
        for column in np.flatnonzero(alive).tolist():
            seen_at = int(tile.timestamps[rows[column]])
            position = int(tile.positions[column])
            found[position] = Remembered(seen_at, int(last[column]) * 1000)
    return found
