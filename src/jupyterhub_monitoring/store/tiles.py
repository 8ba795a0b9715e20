"""Tiles: what a query reads, put together from the segments of a stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .lazy import lazy
from .plan import StreamPlan, Wanted
from .segment import Floats, Index, Segment
from .stretches import Falls, Stretches

Ids = NDArray[np.int64]

NARROW = 8  # columns of a tile that is read as a whole: reading a page piecemeal costs more
NARROW_CELLS = 1 << 17  # of such a tile, 1 MB
FEW_PIECES = 4  # of more than so many, no piece is read that is not asked for


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows *low* to *high* of a segment, which are the tile's rows from *at* on."""

    segment: Segment
    low: int
    high: int
    at: int


@dataclass(frozen=True, slots=True)
class Span:
    """What of one stream lies in the asked range; shared by all of its tiles."""

    pieces: Sequence[Piece]
    timestamps: Ids

    @property
    def segments(self) -> list[Segment]:
        """The segments of the pieces."""
        return [piece.segment for piece in self.pieces]

    @classmethod
    def of(cls, segments: Sequence[Segment], start_ms: int, end_ms: int) -> Span:
        """Return the rows of *segments*, by time, within [start_ms, end_ms]."""
        pieces, parts, at = [], [], 0
        for segment in segments:
            times = segment.timestamps
            low = 0 if start_ms <= times[0] else int(times.searchsorted(start_ms))
            high = len(times) if times[-1] <= end_ms else int(times.searchsorted(end_ms, "right"))
            if low < high:
                pieces.append(Piece(segment, low, high, at))
                parts.append(times[low:high])
                at += high - low
        if len(parts) == 1:
            return cls(pieces, parts[0])
        return cls(pieces, np.concatenate(parts) if parts else np.empty(0, np.int64))


class StoreTile:
    """A `Tile` of some groups of one stream, all *full* or all not, as far as their masks say.

    *falls* tells whether some series falls within a piece.
    """

    def __init__(self, span: Span, wanted: Wanted, *, full: bool, falls: bool) -> None:
        self._span, self._wanted, self._part = span, wanted, wanted.part
        self._full, self._falls = full, falls
        self.timestamps, self.positions = span.timestamps, wanted.positions

    @lazy
    def dense(self) -> bool:
        """No cell is ABSENT or STALE; reads pages that nobody has read yet, to be sure."""
        if not self._full:
            return False
        *before, last = self._span.segments
        if not last.intact(self._part):
            return False
        return not before or self._wanted.intact.of(before, lambda: self._intact(before))

    def _intact(self, segments: Sequence[Segment]) -> bool:
        return all(segment.intact(self._part) for segment in segments)

    @lazy
    def ascending(self) -> bool:
        """No sample is less than the one before it in its series; known of dense tiles only."""
        return not self._falls and self.dense and self._rises_between()

    def _rises_between(self) -> bool:
        """Return whether no series falls from the end of a segment to the start of the next."""
        *before, last = self._span.pieces
        if not before:
            return True
        segments, starts = self._span.segments[:-1], [piece.at for piece in before[1:]]
        return self._rise([last.at]) and (
            not starts or self._wanted.rises.of(segments, lambda: self._rise(starts))
        )

    def _rise(self, starts: Sequence[int]) -> bool:
        """Return whether no series falls to one of these rows."""
        rows = np.array(starts, dtype=np.intp)
        return bool((self.rows(rows) >= self.rows(rows - 1)).all())

    def stretches(self, *, markers: bool) -> Stretches | None:
        """Return where the series have samples; None where that is not worth being listed."""
        found = self._stretches(markers=markers)
        return None if found is None else found.merged()

    def _stretches(self, *, markers: bool) -> Stretches | None:
        """Return the same, cut where a piece ends."""
        parts = []
        for piece in self._span.pieces:
            found = piece.segment.stretches(self._part, markers=markers)
            if found is None:
                return None
            if piece.high - piece.low < len(piece.segment.timestamps):
                found = found.within(slice(piece.low, piece.high), slice(0, self._part.width))
            parts.append((piece.at, found))
        return Stretches.joined(parts)

    def falls(self) -> Falls | None:
        """Return where series fall from one row to the next; None where that is not worth it."""
        stretches = self._stretches(markers=False)
        if stretches is None:
            return None
        parts = [stretches.falls()]
        for piece in self._span.pieces:
            found = piece.segment.falls(self._part)
            if found is None:
                return None
            found = found.within(slice(piece.low, piece.high), slice(0, self._part.width))
            parts.append(found.below(piece.at))
        return Falls.together(parts)

    def rows(self, index: Index) -> Floats:
        """Return the samples at these timestamps, shape (len, S), C-contiguous."""
        if isinstance(index, slice):
            if self._whole is not None:
                return self._whole[index]
            start, stop, step = index.indices(len(self.timestamps))
            if step == 1:
                return self._slice(start, max(stop, start))
            index = np.arange(start, stop, step)
        few_pieces = len(self._span.pieces) <= max(FEW_PIECES, len(index))
        if few_pieces and self._whole is not None:
            return self._whole[index]
        return self._places(index)

    @lazy
    def _whole(self) -> Floats | None:
        """All samples, where they are few and lie in more than one piece."""
        narrow = self._part.width <= NARROW and len(self._span.pieces) > 1
        if not narrow or self._part.width * len(self.timestamps) > NARROW_CELLS:
            return None
        return self._slice(0, len(self.timestamps))

    def _slice(self, start: int, stop: int) -> Floats:
        found = []
        for piece in self._span.pieces:
            low, high = max(start, piece.at), min(stop, piece.at + piece.high - piece.low)
            if low < high:
                move = piece.low - piece.at
                found.append(piece.segment.read(self._part, slice(low + move, high + move)))
        if len(found) == 1:
            return np.ascontiguousarray(found[0])
        return np.concatenate(found) if found else np.empty((0, self._part.width))

    def _places(self, places: NDArray[np.intp]) -> Floats:
        pieces = self._span.pieces
        if len(pieces) == 1:
            read = pieces[0].segment.read(self._part, places + pieces[0].low)
            return np.ascontiguousarray(read)
        order = None if (places[1:] >= places[:-1]).all() else np.argsort(places, kind="stable")
        ascending = places if order is None else places[order]
        cuts = ascending.searchsorted([piece.at for piece in pieces]).tolist()
        found = np.empty((len(places), self._part.width))
        for piece, first, last in zip(pieces, cuts, [*cuts[1:], len(places)], strict=True):
            if first < last:
                within = ascending[first:last] + (piece.low - piece.at)
                values = piece.segment.read(self._part, within)
                found[slice(first, last) if order is None else order[first:last]] = values
        return found


def tiles(plan: StreamPlan, span: Span) -> list[StoreTile]:
    """Return the tiles of a stream: groups that have samples in *span*."""
    if not span.pieces:
        return []
    some, full, falls = _meant(plan, span)
    if full.all():
        return [
            StoreTile(span, wanted, full=True, falls=bool(falls[groups].any()))
            for wanted, groups in plan.all
        ]
    made = []
    for kind, chosen in ((True, full), (False, some & ~full)):
        made += [
            StoreTile(span, wanted, full=kind, falls=bool(falls[groups].any()))
            for wanted, groups in plan.packed(np.flatnonzero(chosen))
        ]
    return made


Bools = NDArray[np.bool_]


def _meant(plan: StreamPlan, span: Span) -> tuple[Bools, Bools, Bools]:
    """Return (has a sample, has no hole, falls) of each group in what is meant, shape (G,)."""
    known, meant = plan.known(span.segments), plan.masks
    full = known.in_all & ~known.holes & meant
    return (known.present & meant) != 0, full == meant, (known.falls & meant) != 0
