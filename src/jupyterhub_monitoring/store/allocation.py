"""Which ids new series get, so that those that are read together lie in one group.

A group is 64 ids of one stream, the pair (job, instance). The first series of a metric share
groups with those of other metrics; from the ninth on a metric has groups of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .slots import WIDTH

MIXED = ""
FEW = 8

Home = tuple[int, str]
"""Whose groups: the stream, and the metric, or MIXED."""


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group that was begun."""

    group: int
    stream: int
    metric: str


class Allocator:
    """Gives ids. They are never given again."""

    def __init__(self) -> None:
        self._next_group = 1
        self._next_id: dict[Home, int] = {}  # the next one of the home's newest group
        self._mixed: Counter[Home] = Counter()  # series of a metric in its stream's mixed groups

    def learn_group(self, group: NewGroup, last_id: int) -> None:
        """Take a group that is on disk, *last_id* being its highest; groups ascending."""
        self._next_group = max(self._next_group, group.group + 1)
        self._next_id[group.stream, group.metric] = last_id + 1

    def learn_mixed(self, stream: int, metric: str) -> None:
        """Take a series that is in a mixed group."""
        self._mixed[stream, metric] += 1

    def allocate(self, homes: Sequence[Home]) -> tuple[list[int], list[NewGroup]]:
        """Return (the id of each new series, the groups begun); *homes* are (stream, metric).

        Series of a metric that come together get ids that follow each other.
        """
        ids = [0] * len(homes)
        begun: list[NewGroup] = []
        by_home: dict[Home, list[int]] = {}
        for place, home in enumerate(homes):
            by_home.setdefault(home, []).append(place)
        for home, places in by_home.items():
            chosen = self._home(home, len(places))
            for place in places:
                ids[place] = self._take(chosen, begun)
        return ids, begun

    def _home(self, home: Home, count: int) -> Home:
        if home in self._next_id or self._mixed[home] + count > FEW:
            return home
        self._mixed[home] += count
        return home[0], MIXED

    def _take(self, home: Home, begun: list[NewGroup]) -> int:
        number = self._next_id.get(home, 0)
        if number % WIDTH == 0:  # none yet, or the last one is full
            group, self._next_group = self._next_group, self._next_group + 1
            begun.append(NewGroup(group, *home))
            number = group * WIDTH
        self._next_id[home] = number + 1
        return number
