"""Windows over gaps where most have none: series come and go, a target is away for a while.

A window that lies within a stretch of samples is *whole*: functions compute it as if its block had
no gaps at all, with the same rows for all series. What is left are the windows over the ends of
stretches, a few for each, and they are computed one by one: a column of K windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from ..store.lazy import lazy
from ..store.stretches import Bools, Pairs, Rows, Stretches, covered
from .unique import run_starts
from .window import SPREAD, Differ, Floats, Indices, Spans, Window, each_of

Found = tuple[Floats, "Bools | None"]

SMALL = 4096
"""So few windows are computed with a mask: what is saved is less than what dividing them takes."""

DEARER = 4
"""A window that is computed by itself costs at least so many times what one of all does."""

CALL = 1000
"""So many samples a calculation takes in while it is only called."""


class Reads(Enum):
    """What a function reads of a window: how much one costs that is computed by itself."""

    ENDS = auto()  # some samples at its ends, or where it falls
    SAMPLES = auto()  # sums and extremes, which are found for all windows at once
    TURN = auto()  # its samples, one after the other
    SORTED = auto()  # all of them at once


@dataclass(frozen=True)
class Edges:
    """K windows over an end of a stretch, sorted by series, then by step; arrays of shape (K,)."""

    column: Rows
    step: Rows
    first: Rows  # row of the first sample
    last: Rows
    before_last: Rows  # row of the last sample but one; any, where there is none
    count: Rows  # samples
    first_value: Floats  # of the first stretch
    last_value: Floats  # of the last one


class WholeWindows(Window):
    """The windows of a block with gaps, as if there were none. Wrong where they are not whole."""

    def __init__(self, gapped: Window, edges: Edges) -> None:
        super().__init__(
            gapped.spans,
            gapped.series,
            gapped.read,
            ascending=gapped.ascending,
            check=gapped.check,
        )
        self._gapped, self.edges = gapped, edges
        self.of_broken = np.empty((0, 1))
        self._known: dict[Differ, list[Pairs]] = {}

    @lazy
    def rows(self) -> Floats:
        """All samples."""
        return self._gapped.rows

    @lazy
    def filled(self) -> Floats:
        """All samples, 0 where there is none: sums then see numbers only."""
        return self._gapped.filled

    def reduce(self, ufunc: np.ufunc) -> Floats:
        """Return each window's samples reduced by fmin or fmax: right for broken ones too."""
        return self._remembered(self._gapped.reduce(ufunc))

    def total(self) -> Floats:
        """Return each window's sum: right for broken ones too."""
        return self._remembered(self._gapped.total())

    def _remembered(self, values: Floats) -> Floats:
        """Return *values* (P, S), and remember those of the broken windows."""
        self.of_broken = values[self.edges.step, self.edges.column][:, None]
        return values

    def differing(self, differ: Differ) -> Iterator[Pairs]:
        """Yield neighbours, those over gaps too: no whole window has both of them.

        They are found once, unless they are many.
        """
        if differ in self._known:
            yield from self._known[differ]
            return
        found, size = [], 0
        for pairs in self._gapped.differing(differ):
            size += len(pairs[0])
            if size <= SPREAD:
                found.append(pairs)
            yield pairs
        if size <= SPREAD:
            self._known[differ] = found


class BrokenWindows(Window):
    """The windows *edges* of a block, each a step of its own: results are (K, 1)."""

    def __init__(self, gapped: Window, whole: WholeWindows) -> None:
        spans, edges = gapped.spans, whole.edges
        step = edges.step
        own = Spans(
            spans.times, spans.low[step], spans.high[step], spans.ends[step], spans.at[step],
            spans.range_ms,
        )  # fmt: skip
        super().__init__(own, 1, gapped.read, ascending=gapped.ascending, check=gapped.check)
        self._gapped, self._whole, self._edges = gapped, whole, edges
        self.count, self.first = edges.count[:, None], edges.first[:, None]
        self.last, self.previous = edges.last[:, None], edges.before_last[:, None]

    def value(self, index: Indices) -> Floats:
        """Return the samples at these rows."""
        return self._gapped.cells(index[:, 0], self._edges.column)[:, None]

    @lazy
    def first_values(self) -> Floats:
        """The first samples: where a stretch begins, or in the first row as all others have it."""
        edges = self._edges
        same = self._whole.first_values[edges.step, edges.column]
        return np.where(edges.first == self.low, same, edges.first_value)[:, None]

    @lazy
    def last_values(self) -> Floats:
        """The last samples, likewise."""
        edges = self._edges
        same = self._whole.last_values[edges.step, edges.column]
        return np.where(edges.last == self.high - 1, same, edges.last_value)[:, None]

    def reduce(self, _ufunc: np.ufunc) -> Floats:
        """Return what was found for all windows."""
        return self._whole.of_broken

    def total(self) -> Floats:
        """Return what was found for all windows."""
        return self._whole.of_broken

    def samples_at(self, row: Rows, step: Rows, _series: Rows) -> Floats:
        """Return the samples at these rows of these windows, 0 where there is none."""
        return self._gapped.filled[row, self._edges.column[step]]

    def samples_in_turn(self) -> Iterator[tuple[NDArray[np.int64], Floats, Bools]]:
        """Yield the first, second ... row of all windows, as `Window` does."""
        column, valid = self._edges.column, self._gapped.mask
        for row, inside in self._walk(np.arange(len(column))):
            there = valid[row, column] & inside
            yield (
                self.times[row][:, None],
                self._gapped.filled[row, column][:, None],
                there[:, None],
            )

    def one_by_one(self) -> Iterator[tuple[Floats, Bools | None]]:
        """Yield the samples of each window (n, 1), and which are there."""
        rows, valid, column = self._gapped.rows, self._gapped.mask, self._edges.column[:, None]
        for low, high, own in zip(self.low.tolist(), self.high.tolist(), column, strict=True):
            self.check()
            yield rows[low:high, own], valid[low:high, own]

    def pairs(self, differ: Differ, totals: Floats, *, weigh: bool) -> Floats:
        """Add to *totals* for neighbours of whom *differ* holds, as `Window` does."""
        found, edges, steps = totals.reshape(-1), self._edges, len(self._gapped.low)
        keys = edges.column * steps + edges.step
        for earlier, later, series, value in self._whole.differing(differ):
            for step, pair in self._gapped.around(earlier, later):
                key = series[pair] * steps + step
                place = np.minimum(keys.searchsorted(key), len(keys) - 1)
                here = np.flatnonzero(keys[place] == key)
                of = pair[here]
                weights = value[of] if weigh else 1.0
                np.add.at(found, place[here], weights)
        return found.reshape(self.shape)


@dataclass(frozen=True)
class Division:
    """The windows of a block with gaps: whole ones, broken ones and those without samples."""

    gapped: Window
    stretches: Stretches

    @lazy
    def _ranges(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Return of each stretch the first window that touches it, the first one that lies in it.

        Then the first one after it that does not lie in it, and that does not touch it.
        """
        stretches, low, high = self.stretches, self.gapped.low, self.gapped.high
        touch = high.searchsorted(stretches.start, "right")
        untouch = low.searchsorted(stretches.stop)
        begin = np.maximum(low.searchsorted(stretches.start), touch)
        end = np.maximum(high.searchsorted(stretches.stop, "right"), begin)
        return touch, begin, np.minimum(end, np.maximum(untouch, begin)), untouch

    @lazy
    def whole(self) -> Bools:
        """Which windows are whole, (P, S)."""
        _, begin, end, _ = self._ranges
        return covered(self.stretches.column, begin, end, self.gapped.shape)

    @lazy
    def count(self) -> int:
        """How many windows are broken, those over several ends counted for each of them."""
        touch, begin, end, untouch = self._ranges
        return int((begin - touch).sum() + np.maximum(untouch - end, 0).sum())

    def edges(self) -> Edges:
        """Return the windows that are broken."""
        touch, begin, end, untouch = self._ranges
        stretches, low, high = self.stretches, self.gapped.low, self.gapped.high
        number = np.stack([begin - touch, np.maximum(untouch - end, 0)], axis=1).reshape(-1)
        step = each_of(np.stack([touch, end], axis=1).reshape(-1), number)
        owner = np.repeat(np.arange(len(touch)).repeat(2), number)
        key = stretches.column[owner] * len(low) + step
        order = np.argsort(key, kind="stable")  # of a window's stretches, the first one stays first
        key, step, owner = key[order], step[order], owner[order]
        new = run_starts(key)
        inside = np.minimum(high[step], stretches.stop[owner])
        inside -= np.maximum(low[step], stretches.start[owner])
        ends = np.append(new[1:], len(key))[: len(new)]
        step, owner, latest = step[new], owner[new], owner[ends - 1]
        last = np.minimum(high[step], stretches.stop[latest]) - 1
        alone = last == stretches.start[latest]
        return Edges(
            stretches.column[owner],
            step,
            np.maximum(low[step], stretches.start[owner]),
            last,
            np.where(alone, stretches.stop[latest - 1] - 1, last - 1),
            np.add.reduceat(inside, new) if len(new) else inside,
            stretches.first[owner],
            stretches.last[latest],
        )

    def pays(self, reads: Reads) -> bool:
        """Whether the broken windows are so few that computing each by itself is the fastest."""
        steps, series = self.gapped.shape
        if steps * series < SMALL:
            return False
        if reads in {Reads.ENDS, Reads.SAMPLES}:
            return DEARER * self.count <= steps * series
        longest = int((self.gapped.high - self.gapped.low).max(initial=0))
        samples = len(self.gapped.times) * series
        return reads is Reads.TURN and (self.count + CALL) * longest <= samples


def computed(
    look: Callable[[Window, slice | Rows], Found], window: Window, steps: slice, reads: Reads
) -> Iterator[tuple[Rows | None, Found]]:
    """Yield what *look* gives for windows that end at *steps*, and for which series (None: all)."""
    if window.stretches is None:
        yield None, look(window, steps)
        return
    division = Division(window, window.stretches)
    if division.pays(reads):
        yield None, _divided(look, division, steps)
        return
    every: Bools = np.logical_and.reduce(window.mask, axis=0)
    for full, series in ((True, np.flatnonzero(every)), (False, np.flatnonzero(~every))):
        if len(series):
            yield series, look(_of_series(window, window.stretches, series, full=full), steps)


def _divided(
    look: Callable[[Window, slice | Rows], Found], division: Division, steps: slice
) -> Found:
    """Return what *look* gives for the whole windows, and for each broken one."""
    edges = division.edges()
    whole = WholeWindows(division.gapped, edges)
    values, present = look(whole, steps)
    there = division.whole if present is None else division.whole & present
    if len(edges.step):
        own, own_there = look(BrokenWindows(division.gapped, whole), steps.start + edges.step)
        if not values.flags.writeable:
            values = values.copy()
        values[edges.step, edges.column] = own[:, 0]
        there[edges.step, edges.column] = True if own_there is None else own_there[:, 0]
    return values, None if there.all() else there


def _of_series(window: Window, stretches: Stretches, series: Rows, *, full: bool) -> Window:
    """Return the windows of some series; *full* are those that have all samples."""
    if len(series) == window.series:
        return window
    number = np.full(window.series, -1)
    number[series] = np.arange(len(series))
    return Window(
        window.spans,
        len(series),
        window.rows.take(series, axis=1).__getitem__,
        stretches=None if full else stretches.renumbered(number),
        valid=None if full else window.mask.take(series, axis=1),
        check=window.check,
    )
