"""Groups of alerts that are told of in one message, and when each is looked at next."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...store.selection import Labels
from ..alert import Alert, Millis
from ..routing.route import Route, group_key, group_labels


@dataclass(slots=True, eq=False)
class Group:
    """The alerts of one route that share the labels it groups by."""

    route: Route
    labels: Labels
    key: str
    next_at: Millis  # when it is looked at next
    looked_at: Millis | None = None  # when it was looked at last, since the start of the process
    alerts: set[Labels] = field(default_factory=set)


def first_look(starts_at: Millis, now: Millis, group_wait: Millis) -> Millis:
    """Return when to look at a new group: after *group_wait*, at once if its alert is older."""
    return now if starts_at + group_wait <= now else now + group_wait


def look_after_restart(
    starts_at: Millis, now: Millis, told_at: Millis | None, route: Route
) -> Millis:
    """Return when to look at a group that was there before the process ended.

    As if it had not: *told_at* is when somebody was last told of the group.
    """
    if told_at is not None:
        return min(max(now, told_at + route.group_interval), now + route.group_interval)
    return min(max(now, starts_at + route.group_wait), now + route.group_wait)


class Groups:
    """Every group, and which is due. Ten thousand of them cost a heap, and no timer each."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, Labels], Group] = {}
        self._heap: list[tuple[Millis, int, Group]] = []
        self._pushed = 0

    def __iter__(self) -> Iterator[Group]:
        return iter(self._groups.values())

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, route: Route, alert: Alert, now: Millis) -> Group:
        """Put *alert* into its group on *route*, which is made if there is none; return it."""
        labels = group_labels(route, alert)
        group = self._groups.get((route.id, labels))
        if group is None:
            at = first_look(alert.starts_at, now, route.group_wait)
            group = Group(route, labels, group_key(route, labels), at)
            self._groups[route.id, labels] = group
            self.look_at(group, at)
        elif group.looked_at is None and alert.starts_at + route.group_wait <= now < group.next_at:
            self.look_at(group, now)  # as in Alertmanager: it has waited long enough elsewhere
        group.alerts.add(alert.labels)
        return group

    def look_at(self, group: Group, at: Millis) -> None:
        """Let *group* be due at *at*, and at no other time."""
        group.next_at = at
        self._pushed += 1
        heapq.heappush(self._heap, (at, self._pushed, group))

    def next_at(self) -> Millis | None:
        """Return when the next group is due, None when there is none."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    def due(self, now: Millis) -> Iterator[Group]:
        """Yield the groups that are due; whoever takes one says when to look at it again."""
        while (at := self.next_at()) is not None and at <= now:
            yield heapq.heappop(self._heap)[2]

    def remove(self, group: Group) -> None:
        """Forget *group*."""
        self._groups.pop((group.route.id, group.labels), None)

    def shift(self, by: Millis) -> None:
        """Move every time by *by*: somebody has set the clock."""
        groups = list(self)
        self._heap.clear()
        for group in groups:
            self.look_at(group, group.next_at + by)

    def _drop_outdated(self) -> None:
        heap = self._heap
        while heap and not self._in_force(*heap[0]):
            heapq.heappop(heap)

    def _in_force(self, at: Millis, _: int, group: Group) -> bool:
        known = self._groups.get((group.route.id, group.labels))
        return known is group and group.next_at == at


def labels_in(groups: Iterable[Group]) -> set[Labels]:
    """Return the alerts that are in any of *groups*."""
    return {labels for group in groups for labels in group.alerts}
