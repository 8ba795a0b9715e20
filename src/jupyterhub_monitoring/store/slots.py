"""Where the head keeps a group: which stream it belongs to, and from which slot on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WIDTH = 64
"""Slots of a group: one for each series id that it can hold."""

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Groups:
    """Some groups of one stream; arrays of shape (G,)."""

    numbers: NDArray[np.int64]
    places: NDArray[np.int64]  # which of the stream's groups each is: its first slot / WIDTH


class Slots:
    """The slots of every stream: its groups side by side, in the order in which they came."""

    def __init__(self) -> None:
        self.stream_of = np.full(1024, NOBODY, dtype=np.int64)  # by group
        self.first_of = np.zeros(1024, dtype=np.int64)  # by group
        self._groups: dict[int, list[int]] = {}

    def add(self, group: int, stream: int) -> None:
        """Give *group* the next slots of *stream*, where it has none yet."""
        if group >= len(self.stream_of):
            self._grow(group)
        if self.stream_of[group] == NOBODY:
            groups = self._groups.setdefault(stream, [])
            self.first_of[group] = len(groups) * WIDTH
            self.stream_of[group] = stream
            groups.append(group)

    def _grow(self, group: int) -> None:
        more = max(group + 1, 2 * len(self.stream_of)) - len(self.stream_of)
        self.stream_of = np.append(self.stream_of, np.full(more, NOBODY))
        self.first_of = np.append(self.first_of, np.zeros(more, dtype=np.int64))

    def groups(self, stream: int) -> Groups:
        """Return the groups of *stream*, in the order of their slots, which is theirs too."""
        return self.known(np.array(self._groups.get(stream, ()), dtype=np.int64))

    def known(self, groups: NDArray[np.int64]) -> Groups:
        """Return these groups of one stream, with their places."""
        return Groups(groups, self.first_of[groups] // WIDTH)

    def width(self, stream: int) -> int:
        """Return how many slots *stream* has."""
        return WIDTH * len(self._groups.get(stream, ()))

    def of(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the slot of each series, within its stream."""
        slots: NDArray[np.int64] = self.first_of[ids >> 6] + (ids & 63)
        return slots
