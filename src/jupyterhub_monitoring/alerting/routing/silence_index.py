"""Which silences match an alert, whenever they may be: found fast, and remembered."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ...store.matcher import MatchType
from ..alert import Alert
from .matcher import Matchers, all_match

_Entry = tuple[int, str, Matchers]  # how many came before, the silence's id, its matchers


class SilenceIndex:
    """The matchers of silences by id, of which each is tried once for each alert.

    The matchers of an id never change. A silence with `name="value"` is only tried for alerts with
    that label, so that a storm of alerts and thousands of silences are not all tried together.
    """

    def __init__(self, remembered_alerts: int) -> None:
        self._most = remembered_alerts
        self._size = 0
        self._buckets: dict[tuple[str, str] | None, list[_Entry]] = defaultdict(list)
        self._known: dict[str, tuple[int, tuple[str, ...]]] = {}  # by fingerprint: up to, ids

    def add(self, id_: str, matchers: Matchers) -> None:
        """Add a silence that was not there."""
        self._buckets[self._rarest(matchers)].append((self._size, id_, matchers))
        self._size += 1

    def _rarest(self, matchers: Matchers) -> tuple[str, str] | None:
        """Return a label that every matching alert has, under which are few silences; or None."""
        labels = [
            (matcher.name, matcher.value)
            for matcher in matchers
            if matcher.type is MatchType.EQUAL and matcher.value
        ]
        return min(labels, key=lambda label: len(self._buckets.get(label, ())), default=None)

    def rebuild(self, silences: Iterable[tuple[str, Matchers]]) -> None:
        """Forget everything, then add these."""
        self._size = 0
        self._buckets.clear()
        self._known.clear()
        for id_, matchers in silences:
            self.add(id_, matchers)

    def ids(self, alert: Alert) -> tuple[str, ...]:
        """Return the ids of the silences that match; only those are tried that are new to it."""
        seen, ids = self._known.get(alert.fingerprint, (0, ()))
        if seen < self._size:
            labels = dict(alert.labels)
            new = self._candidates(alert, seen)
            ids = (*ids, *(id_ for _, id_, matchers in new if all_match(matchers, labels)))
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[alert.fingerprint] = (self._size, ids)
        return ids

    def _candidates(self, alert: Alert, seen: int) -> Iterator[_Entry]:
        for key in (None, *alert.labels):
            entries = self._buckets.get(key, ())
            yield from entries[bisect_left(entries, (seen,)) :]
