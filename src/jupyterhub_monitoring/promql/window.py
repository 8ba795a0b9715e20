"""The windows of some series at some steps: what functions over a range read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..store.lazy import lazy
from ..store.stretches import Pairs, Stretches
from .compensated import add, doubtful, one_sign
from .sliding import sliding
from .unique import distinct

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Rows = NDArray[np.intp]
Indices = NDArray[np.intp]
Differ = Callable[[Floats, Floats], Bools]
Read = Callable[["slice | Rows"], Floats]

SPREAD = 1 << 18
"""Samples that are compared, and pairs that are added to the windows they lie in, at once."""

MANY = 3
"""With one of so many rows needed, all are read at once."""

NEVER = np.iinfo(np.int32).max
"""A row that no window has."""


@dataclass(frozen=True, slots=True)
class Spans:
    """When p windows begin and end: rows [low[p], high[p]) of T *times*.

    The window of the step *at* has its right end at *ends*, which an offset or `@` moves.
    """

    times: NDArray[np.int64]
    low: Rows
    high: Rows
    ends: NDArray[np.int64]
    at: NDArray[np.int64]
    range_ms: int

    def without(self, rows: Bools) -> Spans:
        """Return the same windows over the timestamps that are not among *rows* (T,)."""
        gone = np.concatenate([[0], np.cumsum(rows)])
        times, low, high = self.times[~rows], self.low - gone[self.low], self.high - gone[self.high]
        return Spans(times, low, high, self.ends, self.at, self.range_ms)


class Window:
    """The windows of *spans* over S series; results are (p, S) or broadcast to it.

    *read* gives rows of samples. *stretches* say which cells are samples, *valid* (T, S) too: one
    is enough. None is all: then the first and last rows of a window are the same for all
    series, and only those are read by what needs no more. *ascending* promises that no sample is
    less than the one before. *falls* knows where some are, if anybody does. *check* is called in
    long loops and may raise: the budget's.
    """

    def __init__(  # noqa: PLR0913 -- the last four by name
        self,
        spans: Spans,
        series: int,
        read: Read,
        *,
        stretches: Stretches | None = None,
        valid: Bools | None = None,
        ascending: bool = False,
        falls: Callable[[], Pairs | None] | None = None,
        check: Callable[[], None],
    ) -> None:
        self.read, self.series, self.check = read, series, check
        self.spans, self.times, self.low, self.high = spans, spans.times, spans.low, spans.high
        self.ends, self.at, self.range_ms = spans.ends, spans.at, spans.range_ms
        self.stretches, self.ascending, self._falls = stretches, ascending, falls
        self._valid = valid

    @property
    def shape(self) -> tuple[int, int]:
        """Steps and series."""
        return len(self.low), self.series

    @lazy
    def rows(self) -> Floats:
        """All samples, (T, S); what is no sample is some NaN."""
        return self.read(slice(0, len(self.times)))

    @lazy
    def filled(self) -> Floats:
        """All samples, 0 where there is none."""
        return self.rows if self.valid is None else np.where(self.valid, self.rows, 0.0)

    @lazy
    def valid(self) -> Bools | None:
        """Which cells are samples, (T, S); None is all."""
        if self._valid is not None or self.stretches is None:
            return self._valid
        return self.stretches.mask((len(self.times), self.series))

    @property
    def _where(self) -> Stretches:
        return self.stretches or Stretches.of(self.rows, self.mask)

    @property
    def mask(self) -> Bools:
        """Which cells are samples, as an array in any case."""
        return (
            np.ones((len(self.times), self.series), np.bool_) if self.valid is None else self.valid
        )

    def cells(self, row: Rows, series: Rows) -> Floats:
        """Return the samples of some series in some rows."""
        needed = distinct(row)
        if "rows" in self.__dict__ or MANY * len(needed) > len(self.times):
            return self.rows[row, series]
        return self.read(needed)[needed.searchsorted(row), series]

    @lazy
    def count(self) -> Indices:
        """Samples in each window, (p, 1) or (p, S)."""
        if self.valid is None:
            return (self.high - self.low)[:, None]
        return sliding(np.add, 0, self.valid.astype(np.int32), self.low, self.high)

    def present(self, least: int = 1) -> Bools | None:
        """Return where a window has at least *least* samples; None is everywhere."""
        gaps = self.valid is not None
        enough = self.last >= 0 if gaps and least == 1 else self.count >= least
        return None if enough.all() else enough

    @lazy
    def first(self) -> Indices:
        """Row of the first sample of each window."""
        if self.valid is None:
            return self.low[:, None]
        rows = np.where(self.valid, self._numbers, NEVER)
        return sliding(np.minimum, NEVER, rows, self.low, self.high)

    @lazy
    def last(self) -> Indices:
        """Row of the last sample of each window; less than 0 where there is none, but for gaps."""
        if self.valid is None:
            return np.maximum(self.high - 1, 0)[:, None]
        rows = np.where(self.valid, self._numbers, np.int32(-1))
        return sliding(np.maximum, -1, rows, self.low, self.high)

    @lazy
    def previous(self) -> Indices:
        """Row of the last sample but one."""
        before = np.maximum(self.last - 1, 0)
        if self.valid is None:
            return before
        return np.take_along_axis(self._latest(self.valid), before, axis=0)

    def value(self, index: Indices) -> Floats:
        """Return the samples at these rows; some number where the window is too short."""
        index = np.minimum(index, len(self.times) - 1)
        if self.valid is None:
            return self.read(index[:, 0])
        cells = np.maximum(index, 0) * self.series + np.arange(self.series)
        return self.rows.reshape(-1).take(cells)

    @lazy
    def first_values(self) -> Floats:
        """The first sample of each window; some number where there is none."""
        return self.value(self.first)

    @lazy
    def last_values(self) -> Floats:
        """The last sample of each window; some number where there is none."""
        return self.value(self.last)

    def time(self, index: Indices) -> NDArray[np.int64]:
        """Return the timestamps at these rows."""
        return self.times.take(np.minimum(index, len(self.times) - 1))

    @property
    def _numbers(self) -> NDArray[np.int32]:
        """The number of each row, (T, 1)."""
        return np.arange(len(self.times), dtype=np.int32)[:, None]

    def _latest(self, valid: Bools) -> Indices:
        """Row of the newest sample up to each row; 0 where there is none."""
        # Series by series: accumulating along memory is ten times faster.
        rows = np.where(np.ascontiguousarray(valid.T), np.arange(len(valid), dtype=np.int32), 0)
        return np.ascontiguousarray(np.maximum.accumulate(rows, axis=1).T)

    def reduce(self, ufunc: np.ufunc) -> Floats:
        """Return each window's samples reduced by fmin or fmax, which pass over NaN."""
        rows = self.rows  # what is no sample may be a signalling NaN, which fmax does not pass over
        if self.valid is not None:
            rows = np.where(self.valid, rows, np.nan)
        return sliding(ufunc, np.nan, rows, self.low, self.high)

    def total(self) -> Floats:
        """Return each window's sum, as exact as a compensated one."""
        filled = self.filled
        with np.errstate(all="ignore"):
            totals: Floats = sliding(np.add, 0, filled, self.low, self.high)
            if not one_sign(filled):
                magnitude = sliding(np.add, 0, np.abs(filled), self.low, self.high)
                step, series = np.nonzero(doubtful(totals, magnitude))
                totals[step, series] = self.exact_total(step, series)
        return totals

    def exact_total(self, step: Rows, series: Rows, scale: float = 1.0) -> Floats:
        """Return the compensated sums of some windows, times *scale* (a power of two)."""
        total, lost = np.zeros(len(step)), np.zeros(len(step))
        for row, inside in self._walk(step):
            value = np.where(inside, self.samples_at(row, step, series), 0.0) * scale
            total, lost = add(total, lost, value)
        return total + lost

    def samples_at(self, row: Rows, _step: Rows, series: Rows) -> Floats:
        """Return the samples at these rows, 0 where there is none; *_step* is their windows'."""
        return self.filled[row, series]

    def _walk(self, step: Rows) -> Iterator[tuple[Rows, Bools]]:
        """Yield the first, second ... row of the windows of *step*, and whether it is inside."""
        low, length = self.low[step], (self.high - self.low)[step]
        for offset in range(int(length.max(initial=0))):
            self.check()
            yield np.minimum(low + offset, len(self.times) - 1), length > offset

    def samples_in_turn(self) -> Iterator[tuple[NDArray[np.int64], Floats, Bools]]:
        """Yield the first, second ... row of all windows: times (p, 1), samples, which are there.

        What is not there is some number.
        """
        for row, inside in self._walk(np.arange(len(self.low))):
            there = inside[:, None] if self.valid is None else self.valid[row] & inside[:, None]
            yield self.times[row][:, None], self.filled[row], there

    def one_by_one(self) -> Iterator[tuple[Floats, Bools | None]]:
        """Yield the window of each step: samples (n, S), and which are there."""
        for low, high in zip(self.low.tolist(), self.high.tolist(), strict=True):
            self.check()
            yield self.rows[low:high], None if self.valid is None else self.valid[low:high]

    def pairs(self, differ: Differ, totals: Floats, *, weigh: bool) -> Floats:
        """Add to *totals* (p, S) 1 for each two neighbours in the window of whom *differ* holds.

        *weigh*: instead of 1 the value of the first of the two. They are added one after the other,
        the oldest first. `differ(later, earlier)`.
        """
        found = totals.reshape(-1)
        for earlier, later, series, value in self.differing(differ):
            weights = value if weigh else np.ones(len(series))
            for step, pair in self.around(earlier, later):
                np.add.at(found, step * self.series + series[pair], weights[pair])
        return found.reshape(self.shape)

    def around(self, earlier: Rows, later: Rows) -> Iterator[tuple[Rows, Rows]]:
        """Yield (windows that two rows lie in, which pair of rows that is), some at a time.

        *later* ascends; a window's pairs come in order.
        """
        begin = np.searchsorted(self.high, later, side="right")
        number = np.maximum(np.searchsorted(self.low, earlier, side="right") - begin, 0)
        for part in _slices(number, SPREAD):
            self.check()
            counts = number[part]
            yield each_of(begin[part], counts), np.repeat(np.arange(part.start, part.stop), counts)

    def differing(self, differ: Differ) -> Iterator[Pairs]:
        """Yield such neighbours, by the row of the later one."""
        known = self._falls() if differ is np.less and self._falls is not None else None
        if known is not None:
            yield known
            return
        rows, height = self.rows, max(1, SPREAD // max(1, self.series))
        apart = None if self.valid is None else across_gaps(differ, self._where)
        for start in range(0, len(rows) - 1, height):
            self.check()
            part = rows[start : start + height + 1]
            differing = differ(part[1:], part[:-1])
            if self.valid is not None:
                there = self.valid[start : start + height + 1]
                differing &= there[1:] & there[:-1]
            earlier, series = np.divmod(np.flatnonzero(differing), self.series)
            earlier += start
            found = earlier, earlier + 1, series, rows[earlier, series]
            if apart is not None:
                found = merged(found, apart, start, start + height)
            if len(found[0]):
                yield found


def across_gaps(differ: Differ, stretches: Stretches) -> Pairs:
    """Return the neighbours of whom *differ* holds between which there is a gap."""
    (earlier, later, series, before), after = stretches.gaps()
    chosen = differ(after, before)
    return earlier[chosen], later[chosen], series[chosen], before[chosen]


def merged(near: Pairs, apart: Pairs, after: int, last: int) -> Pairs:
    """Return the pairs of *near* and those of *apart* whose later row is in (after, last]."""
    chosen = (apart[1] > after) & (apart[1] <= last)
    if not chosen.any():
        return near
    order = np.argsort(np.append(near[1], apart[1][chosen]), kind="stable")
    earlier, later, series = (
        np.append(some, other[chosen])[order]
        for some, other in zip(near[:3], apart[:3], strict=True)
    )
    return earlier, later, series, np.append(near[3], apart[3][chosen])[order]


def each_of(begin: Rows, number: Rows) -> Rows:
    """Return begin[0], begin[0] + 1, ... number[0] of them, then those of the next."""
    ends = np.cumsum(number)
    offsets: Rows = np.repeat(begin - (ends - number), number)
    return np.arange(len(offsets)) + offsets


def _slices(number: Rows, most: int) -> Iterator[slice]:
    """Cut so that each slice of *number* sums to about *most*."""
    parts = np.cumsum(number) // most
    cuts = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist(), len(number)]
    for start, stop in pairwise(cuts):
        yield slice(start, stop)
