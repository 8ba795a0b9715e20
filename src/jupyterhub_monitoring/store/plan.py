"""Plans: which groups and columns of which streams a selector means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from .lazy import lazy
from .remembered import Remembered
from .segment import FALLS, HOLES, PRESENT, Masks, Member, Part, Segment
from .slots import Groups, Slots

Ids = NDArray[np.int64]
Places = NDArray[np.intp]
Sets = NDArray[np.uint64]

WIDEST = 256  # columns of a tile
MOST_GROUPS = 16  # of a tile: where a selector takes a few series of each, tiles stay useful


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a tile reads, and which of the selected series that is.

    *intact* and *rises* remember whether all of it can be read of segments that follow each other,
    and whether no series falls from the end of one to the start of the next.
    """

    part: Part
    positions: Places
    intact: Remembered[bool] = field(default_factory=Remembered)
    rises: Remembered[bool] = field(default_factory=Remembered)


@dataclass(frozen=True, slots=True)
class Known:
    """What the masks of segments that follow each other say of G groups; sets of columns, (G,)."""

    present: Sets  # somewhere
    in_all: Sets  # in each segment
    holes: Sets
    falls: Sets

    @classmethod
    def of(cls, masks: Masks) -> Known:
        """Return what is known of one segment."""
        return cls(masks[PRESENT], masks[PRESENT], masks[HOLES], masks[FALLS])

    def and_then(self, other: Known) -> Known:
        """Return what is known of these segments and those of *other*."""
        return Known(
            self.present | other.present,
            self.in_all & other.in_all,
            self.holes | other.holes,
            self.falls | other.falls,
        )


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
        self._known: Remembered[Known] = Remembered()

    def known(self, segments: Sequence[Segment]) -> Known:
        """Return what is known of the groups in *segments*, of which there is one at least.

        It is remembered of all but the last one, which is another with each scrape.
        """
        *before, last = segments
        found = Known.of(last.masks(self.groups))
        if not before:
            return found
        return self._known.of(before, lambda: self._known_of(before)).and_then(found)

    def _known_of(self, segments: Sequence[Segment]) -> Known:
        return reduce(Known.and_then, (Known.of(one.masks(self.groups)) for one in segments))

    @lazy
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
