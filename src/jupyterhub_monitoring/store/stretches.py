"""Where the series of a matrix have samples: stretches of rows without a gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .lazy import lazy

Rows = NDArray[np.intp]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Pairs = tuple[Rows, Rows, Rows, Floats]
"""Neighbours in a series: rows of the earlier and the later one, the series, the earlier one."""

RAGGED = 64
"""With more than one stretch, or fall, for so many cells they are not worth being listed."""


@dataclass(frozen=True)
class Stretches:
    """Rows [start[i], stop[i]) of *column[i]* hold samples; the rows before and after do not.

    Sorted by column, then by row; arrays of shape (N,). *first* and *last* are the samples at the
    ends; any number where an end was cut off.
    """

    column: Rows
    start: Rows
    stop: Rows
    first: Floats
    last: Floats

    @classmethod
    def of(cls, values: Floats, there: Bools) -> Stretches:
        """Return the stretches of *values* (T, S), of which some are *there*; T is not 0."""
        rows, series = there.shape
        edges = np.empty((rows + 1, series), dtype=np.bool_)
        edges[0], edges[-1] = there[0], there[-1]
        np.not_equal(there[1:], there[:-1], out=edges[1:-1])
        row, column = np.divmod(np.flatnonzero(edges), series)
        order = np.argsort(column, kind="stable")
        row, column = row[order], column[order]
        column, start, stop = column[::2], row[::2], row[1::2]
        return cls(column, start, stop, values[start, column], values[stop - 1, column])

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, Stretches]]) -> Stretches:
        """Return those of matrices one below the other, those that touch each other as two.

        Each part comes with the row it begins at.
        """
        of = [part for _, part in parts]
        found = cls(
            np.concatenate([part.column for part in of]),
            np.concatenate([part.start + at for at, part in parts]),
            np.concatenate([part.stop + at for at, part in parts]),
            np.concatenate([part.first for part in of]),
            np.concatenate([part.last for part in of]),
        )
        return found._take(np.argsort(found.column, kind="stable"))

    @classmethod
    def beside(cls, parts: Sequence[Stretches]) -> Stretches:
        """Return those of matrices side by side, whose columns are numbered on; there is one."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.column for part in parts]),
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.stop for part in parts]),
            np.concatenate([part.first for part in parts]),
            np.concatenate([part.last for part in parts]),
        )

    @classmethod
    def none(cls) -> Stretches:
        """Return that there are no samples."""
        rows, values = np.empty(0, dtype=np.intp), np.empty(0)
        return cls(rows, rows, rows, values, values)

    def _take(self, which: Rows | Bools) -> Stretches:
        return Stretches(
            self.column[which],
            self.start[which],
            self.stop[which],
            self.first[which],
            self.last[which],
        )

    def __len__(self) -> int:
        return len(self.column)

    @property
    def nbytes(self) -> int:
        """Return the bytes that this takes, and what making it took for a while."""
        return 2 * 5 * 8 * len(self.column)

    def whole(self, shape: tuple[int, ...]) -> bool:
        """Whether all cells are samples."""
        return int((self.stop - self.start).sum()) == shape[0] * shape[1]

    def rows(self, length: int) -> Bools:
        """Return which of so many rows some series has, (T,)."""
        change = np.bincount(self.start, minlength=length + 1)
        change -= np.bincount(self.stop, minlength=length + 1)
        return np.cumsum(change[:-1]) > 0

    def mask(self, shape: tuple[int, int]) -> Bools:
        """Return which cells are samples."""
        return covered(self.column, self.start, self.stop, shape)

    def within(self, rows: slice, columns: slice) -> Stretches:
        """Return what lies in a part of the matrix, whose first cell is now 0, 0."""
        start, stop = np.maximum(self.start, rows.start), np.minimum(self.stop, rows.stop)
        inside = (start < stop) & (self.column >= columns.start) & (self.column < columns.stop)
        return Stretches(
            self.column[inside] - columns.start,
            start[inside] - rows.start,
            stop[inside] - rows.start,
            self.first[inside],
            self.last[inside],
        )

    def among(self, kept: Bools) -> Stretches:
        """Return the stretches among the rows that are *kept* (T,); all that hold samples are."""
        number = np.concatenate([[0], np.cumsum(kept)])
        start, stop = number[self.start], number[self.stop]
        return Stretches(self.column, start, stop, self.first, self.last).merged()

    def merged(self) -> Stretches:
        """Return the stretches with those that touch each other made one."""
        if not self._touches.any():
            return self
        apart = ~self._touches
        ends = np.append(apart[1:], True)
        return Stretches(
            self.column[apart],
            self.start[apart],
            self.stop[ends],
            self.first[apart],
            self.last[ends],
        )

    @property
    def _touches(self) -> Bools:
        """Whether a stretch begins where the one before it ends."""
        touches = self.follows.copy()
        touches[1:] &= self.start[1:] == self.stop[:-1]
        return touches

    def falls(self) -> Falls:
        """Return where a stretch falls from the one that it touches; by column, then by row."""
        touching = np.flatnonzero(self._touches)
        after = touching[self.first[touching] < self.last[touching - 1]]
        return Falls(self.start[after], self.column[after], self.last[after - 1])

    def of_series(self, series: Rows) -> Stretches:
        """Return the stretches with column series[i] as i; no other series has any."""
        return replace(self, column=series.searchsorted(self.column))

    def renumbered(self, number: Rows) -> Stretches:
        """Return the stretches with column c as number[c], which ascends; without those of -1."""
        column = number[self.column]
        kept = column >= 0
        if kept.all():
            return replace(self, column=column)
        return replace(self._take(kept), column=column[kept])

    @lazy
    def follows(self) -> Bools:
        """Whether a stretch is of the same series as the one before it."""
        follows = np.zeros(len(self.column), dtype=np.bool_)
        np.equal(self.column[1:], self.column[:-1], out=follows[1:])
        return follows

    def gaps(self) -> tuple[Pairs, Floats]:
        """Return the samples before and after each gap, and the values of those after it."""
        after = np.flatnonzero(self.follows)
        before = after - 1
        pairs = self.stop[before] - 1, self.start[after], self.column[after], self.last[before]
        return pairs, self.first[after]


@dataclass(frozen=True, slots=True)
class Falls:
    """Samples that are less than the one in the row before, which is *before[i]*.

    Of *column[i]* in *row[i]*, by row unless said otherwise; arrays of shape (N,).
    """

    row: Rows
    column: Rows
    before: Floats

    @classmethod
    def of(cls, values: Floats) -> Falls:
        """Return those of *values* (T, S), in which no sample is some NaN."""
        row, column = np.divmod(np.flatnonzero(values[1:] < values[:-1]), values.shape[1])
        return cls(row + 1, column, values[row, column])

    @property
    def nbytes(self) -> int:
        """Return the bytes that this takes, and what making it took for a while."""
        return 2 * 3 * 8 * len(self.row)

    @classmethod
    def none(cls) -> Falls:
        """Return that nothing falls."""
        rows = np.empty(0, dtype=np.intp)
        return cls(rows, rows, np.empty(0))

    @classmethod
    def together(cls, parts: Sequence[Falls]) -> Falls:
        """Return those of all *parts*, of which there is one."""
        row = np.concatenate([part.row for part in parts])
        column = np.concatenate([part.column for part in parts])
        before = np.concatenate([part.before for part in parts])
        order = np.argsort(row, kind="stable")
        return cls(row[order], column[order], before[order])

    def renumbered(self, number: Rows) -> Falls:
        """Return the falls with column c as number[c]; without those of -1."""
        column = number[self.column]
        kept = column >= 0
        return Falls(self.row[kept], column[kept], self.before[kept])

    def within(self, rows: slice, columns: slice) -> Falls:
        """Return those between rows of a part of the matrix, whose first cell is now 0, 0."""
        begin, end = self.row.searchsorted([rows.start + 1, rows.stop])
        column = self.column[begin:end]
        inside = np.flatnonzero((column >= columns.start) & (column < columns.stop)) + begin
        return Falls(
            self.row[inside] - rows.start, self.column[inside] - columns.start, self.before[inside]
        )

    def below(self, rows: int) -> Falls:
        """Return the falls of a matrix that so many rows were put above."""
        return replace(self, row=self.row + rows)


def covered(column: Rows, start: Rows, stop: Rows, shape: tuple[int, int]) -> Bools:
    """Return which cells (T, S) lie in rows [start[i], stop[i]) of *column[i]*; none overlap."""
    rows, series = shape
    change = np.zeros((rows + 1) * series, dtype=np.int8)
    np.add.at(change, start * series + column, 1)
    np.subtract.at(change, stop * series + column, 1)
    inside = change.reshape(rows + 1, series)
    np.add.accumulate(inside, axis=0, out=inside)
    return inside[:-1].view(np.bool_)


def listed(number: int, cells: int, series: int) -> bool:
    """Whether so many stretches, or falls, of a matrix are worth being listed."""
    return number <= max(2 * series, cells // RAGGED)
