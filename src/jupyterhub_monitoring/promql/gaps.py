"""The gaps of a tile, as its blocks meet them: known from the store, or seen in all samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..store.lazy import lazy
from ..store.selection import Tile, there
from ..store.stretches import Bools, Falls, Pairs, Rows, Stretches
from .budget import Budget
from .unique import distinct
from .window import Floats, Read, Spans, Window, across_gaps, merged

SMALL = 1 << 15
"""Below so many samples a tile is read rather than looked up."""

FEW = 0.75
"""Up to such a part of a block's series, those that have a sample are looked at alone."""

Found = Iterator[tuple[slice | Rows, Window]]
"""Which series of a block have samples, and their windows; nothing where none has."""


@dataclass(frozen=True)
class Gaps:
    """Where the series of *tile* have samples; *markers*: staleness markers are taken for some.

    *known*: what is known of the tile is asked, so that not all of its samples have to be read.
    """

    tile: Tile
    budget: Budget
    markers: bool
    known: bool

    @lazy
    def stretches(self) -> Stretches | None:
        """The samples of the tile, if that is known."""
        large = len(self.tile.timestamps) * len(self.tile.positions) >= SMALL
        found = self.tile.stretches(markers=self.markers) if self.known and large else None
        self.budget.hold(0 if found is None else found.nbytes)
        return found

    @lazy
    def falls(self) -> Falls | None:
        """Where series fall from one row to the next, if that is known."""
        found = self.tile.falls()
        self.budget.hold(0 if found is None else found.nbytes)
        return found

    def release(self) -> None:
        """Give back what was held for what is known."""
        for known in (self.__dict__.get("stretches"), self.__dict__.get("falls")):
            self.budget.hold(0 if known is None else -known.nbytes)

    def windows(self, rows: slice, columns: slice, spans: Spans, read: Read) -> Found:
        """Yield the windows of *spans* over a block of the tile, which *read* reads."""
        if self.stretches is None:
            values = read(slice(0, len(spans.times)))
            yield from _seen(spans, values, there(values, markers=self.markers), self.budget.check)
        else:
            yield from self._known(rows, columns, spans, read, self.stretches)

    def _known(
        self, rows: slice, columns: slice, spans: Spans, read: Read, stretches: Stretches
    ) -> Found:
        stretches = stretches.within(rows, columns)
        if not len(stretches):
            return
        width = columns.stop - columns.start
        part = _Part(self, rows, columns, read, stretches)
        kept = stretches.rows(len(spans.times))
        if not kept.all():  # rows that nobody has: the target did not answer
            part.kept = np.flatnonzero(kept)
            spans, stretches = spans.without(~kept), stretches.among(kept)
        part.series = _few(stretches, width)
        if part.series is not None:
            stretches, width = stretches.of_series(part.series), len(part.series)
        window = Window(
            spans,
            width,
            part.rows_of,
            stretches=None if stretches.whole((len(spans.times), width)) else stretches,
            falls=part.falls,
            check=self.budget.check,
        )
        yield slice(None) if part.series is None else part.series, window


def _seen(spans: Spans, values: Floats, valid: Bools, check: Callable[[], None]) -> Found:
    if len(spans.low) > 1:
        kept = np.logical_or.reduce(valid, axis=1)
        if not kept.any():
            return
        if not kept.all():  # rows that nobody has: the target did not answer
            spans, values, valid = spans.without(~kept), values[kept], valid[kept]
    if len(spans.low) == 1 or valid.all():
        mask = None if valid.all() else valid
        yield (
            slice(None),
            Window(spans, valid.shape[1], values.__getitem__, valid=mask, check=check),
        )
        return
    stretches = Stretches.of(values, valid)
    series = _few(stretches, valid.shape[1])
    if series is not None:
        stretches = stretches.of_series(series)
        values, valid = values.take(series, axis=1), valid.take(series, axis=1)
    window = Window(
        spans,
        valid.shape[1],
        values.__getitem__,
        stretches=stretches,
        valid=valid,
        check=check,
    )
    yield slice(None) if series is None else series, window


def _few(stretches: Stretches, width: int) -> Rows | None:
    """Return the series that have samples, if they are few of *width*."""
    series = distinct(stretches.column)
    return series if len(series) < FEW * width else None


class _Part:
    """A block of a tile: *kept* are its rows that are looked at, *series* likewise; None is all."""

    def __init__(
        self, gaps: Gaps, rows: slice, columns: slice, read: Read, stretches: Stretches
    ) -> None:
        self._gaps, self._rows, self._columns = gaps, rows, columns
        self._read, self._stretches = read, stretches
        self.kept: Rows | None = None
        self.series: Rows | None = None

    def rows_of(self, index: slice | Rows) -> Floats:
        """Return rows of samples."""
        values = self._read(index if self.kept is None else self.kept[index])
        return values if self.series is None else values.take(self.series, axis=1)

    def falls(self) -> Pairs | None:
        """Return the neighbours of whom the later one is less, over gaps too; None is unknown."""
        known = self._gaps.falls
        if known is None:
            return None
        near = known.within(self._rows, self._columns)
        earlier, later, series, value = merged(
            (near.row - 1, near.row, near.column, near.before),
            across_gaps(np.less, self._stretches),
            after=-1,
            last=self._rows.stop - self._rows.start,
        )
        if self.kept is not None:
            earlier, later = self.kept.searchsorted(earlier), self.kept.searchsorted(later)
        if self.series is not None:  # no other series has a sample
            series = self.series.searchsorted(series)
        return earlier, later, series, value
