"""The routing tree: whom an alert goes to, and with which others it makes one message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ...promql.quoting import quote
from ...store.selection import Labels
from ..alert import Alert, Millis
from .matcher import Matchers, all_match


@dataclass(frozen=True)
class Route:
    """One node of the tree, with what it inherits from the nodes above already filled in.

    Only the time intervals and `continues` are not inherited.
    """

    receiver: str
    matchers: Matchers = ()  # in order; the root has none
    group_by: frozenset[str] = frozenset()
    group_by_all: bool = False  # `group_by: ['...']`: each label set is a group of its own
    group_wait: Millis = 30_000  # before the first message of a group
    group_interval: Millis = 300_000  # between messages of a group that has changed
    repeat_interval: Millis = 14_400_000  # ... that has not
    continues: bool = False  # the routes after it are tried, too
    mute_time_intervals: tuple[str, ...] = ()  # silent in any of these
    active_time_intervals: tuple[str, ...] = ()  # if there are any: silent outside of all of them
    routes: tuple[Route, ...] = ()
    key: str = "{}"  # as Alertmanager prints it; two routes may have the same
    id: str = "{}"  # unique within a tree

    def matching(self, labels: Mapping[str, str]) -> list[Route]:
        """Return the nodes that alerts with *labels* go to; empty where this one does not match."""
        if not all_match(self.matchers, labels):
            return []
        found: list[Route] = []
        for route in self.routes:
            below = route.matching(labels)
            found += below
            if below and not route.continues:
                break
        return found or [self]

    def walk(self) -> Iterator[Route]:
        """Yield this node and all below it, from above, from the first."""
        yield self
        for route in self.routes:
            yield from route.walk()


def group_labels(route: Route, alert: Alert) -> Labels:
    """Return the labels that make the group of *alert* on *route*; it may not have them all."""
    if route.group_by_all:
        return alert.labels
    return tuple(pair for pair in alert.labels if pair[0] in route.group_by)


def group_key(route: Route, labels: Labels) -> str:
    """Return Alertmanager's name of a group: `{}/{severity="critical"}:{alertname="X"}`."""
    inside = ", ".join(f"{name}={quote(value)}" for name, value in labels)
    return f"{route.key}:{{{inside}}}"
