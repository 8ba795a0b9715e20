"""Plans: which groups and columns of which streams a selector means. Kept for its next query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .segment import Member, Part
from .slots import Groups, Slots

Ids = NDArray[np.int64]
Places = NDArray[np.intp]

WIDEST = 256  # columns of a tile
MOST_GROUPS = 16  # of a tile: where a selector takes a few series of each, tiles stay useful


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a tile reads, and which of the selected series that is."""

    part: Part
    positions: Places


class StreamPlan:
    """The groups of one stream that a selector means; G of them, ascending."""

    def __init__(self, stream: int, groups: Groups, ids: Ids, starts: Places) -> None:
        """Take the selected *ids* of the stream; *starts* are where each group begins in all."""
        self.stream, self.groups = stream, groups
        self._starts = starts
        firsts = np.flatnonzero(np.diff(ids >> 6, prepend=-1))
        bits = np.left_shift(np.uint64(1), (ids & 63).astype(np.uint64))
        self.masks: NDArray[np.uint64] = np.bitwise_or.reduceat(bits, firsts)
        """The columns that are meant, shape (G,)."""
        self._columns = np.split(ids & 63, firsts[1:])

    @cached_property
    def all(self) -> list[tuple[Wanted, Places]]:
        """What tiles of all groups read."""
        return list(self.packed(np.arange(len(self.masks))))

    def packed(self, chosen: Places) -> Iterator[tuple[Wanted, Places]]:
        """Yield (what a tile reads, the groups of it), the groups *chosen* in as few as fit."""
        tile: list[int] = []
        room = WIDEST
        for group in chosen.tolist():
            width = len(self._columns[group])
            if tile and (width > room or len(tile) == MOST_GROUPS):
                yield self._wanted(tile), np.array(tile)
                tile, room = [], WIDEST
            tile.append(group)
            room -= width
        if tile:
            yield self._wanted(tile), np.array(tile)

    def _wanted(self, tile: list[int]) -> Wanted:
        members = [Member(int(self.groups.numbers[g]), self._columns[g]) for g in tile]
        positions = [
            np.arange(self._starts[g], self._starts[g] + len(self._columns[g])) for g in tile
        ]
        part = Part.of(members, self.groups.places[tile].tolist())
        return Wanted(part, np.concatenate(positions))


def plans(ids: Ids, slots: Slots) -> list[StreamPlan]:
    """Return the plans of the streams of these series, which are ascending."""
    groups, starts, counts = np.unique(ids >> 6, return_index=True, return_counts=True)
    streams = slots.stream_of[groups]
    order = np.argsort(streams, kind="stable")
    by_stream = np.flatnonzero(np.diff(streams[order], prepend=-1))[1:]
    of_series = np.repeat(streams, counts)
    ids = ids[np.argsort(of_series, kind="stable")]
    ends = np.cumsum(counts[order])[by_stream - 1]
    parts = zip(np.split(order, by_stream), np.split(ids, ends), strict=True)
    return [
        StreamPlan(int(streams[mine[0]]), slots.known(groups[mine]), part, starts[mine])
        for mine, part in parts
        if len(mine)
    ]
