"""Windows over gaps where most have none: series come and go, a target is away for a while.

A window that lies within a stretch of samples is *whole*: functions compute it as if its block had
no gaps at all, with the same rows for all series. What is left are the windows over the ends of
stretches, a few for each, and they are computed one by one: a column of K windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .compensated import doubtful
from .stretches import Bools, Rows
from .window import SPREAD, Differ, Floats, Indices, Pairs, Spans, Window, each_of

Found = tuple[Floats, "Bools | None"]

DEARER = 4
"""A window that is computed by itself costs at least so many times what one of all does."""


class Reads(Enum):
    """What a function reads of a window: how much one costs that is computed by itself."""

    ENDS = auto()  # some samples at its ends, or what was found out for all windows at once
    SAMPLES = auto()  # its samples, one after the other
    SORTED = auto()  # all of them at once


class Neighbours:
    """Neighbours of which something holds, found once for all windows unless they are many."""

    def __init__(self, gapped: Window) -> None:
        self._gapped = gapped
        self._known: dict[Differ, list[Pairs]] = {}

    def differing(self, differ: Differ) -> Iterator[Pairs]:
        """Yield what `Window.differing` does."""
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


class WholeWindows(Window):
    """The windows of a block with gaps, as if there were none. Wrong where they are not whole."""

    def __init__(self, gapped: Window, neighbours: Neighbours) -> None:
        super().__init__(
            gapped.spans,
            gapped.series,
            gapped.rows.__getitem__,
            ascending=gapped.ascending,
            check=gapped.check,
        )
        self._gapped, self._neighbours = gapped, neighbours

    @cached_property
    def filled(self) -> Floats:
        """All samples, 0 where there is none: sums then see numbers only."""
        return self._gapped.filled

    def differing(self, differ: Differ) -> Iterator[Pairs]:
        """Yield neighbours, those over gaps too: no whole window has both of them."""
        yield from self._neighbours.differing(differ)


@dataclass(frozen=True)
class Edges:
    """K windows over an end of a stretch, sorted by series, then by step; arrays of shape (K,)."""

    column: Rows
    step: Rows
    first: Rows  # row of the first sample
    last: Rows
    before_last: Rows  # row of the last sample but one; any, where there is none
    count: Rows  # samples


class BrokenWindows(Window):
    """The windows *edges* of a block, each a step of its own: results are (K, 1)."""

    def __init__(self, gapped: Window, neighbours: Neighbours, edges: Edges) -> None:
        spans, step = gapped.spans, edges.step
        own = Spans(
            spans.times, spans.low[step], spans.high[step], spans.ends[step], spans.at[step],
            spans.range_ms,
        )  # fmt: skip
        super().__init__(
            own, 1, gapped.rows.__getitem__, ascending=gapped.ascending, check=gapped.check
        )
        self._gapped, self._neighbours, self._edges = gapped, neighbours, edges
        self.count, self.first = edges.count[:, None], edges.first[:, None]
        self.last, self.previous = edges.last[:, None], edges.before_last[:, None]

    def value(self, index: Indices) -> Floats:
        """Return the samples at these rows."""
        return self._gapped.rows[index[:, 0], self._edges.column][:, None]

    def reduce(self, ufunc: np.ufunc) -> Floats:
        """Return each window's samples reduced by fmin or fmax, which pass over NaN."""
        best = np.full(self.shape, np.nan)
        for _, value, there in self.samples_in_turn():
            ufunc(best, np.where(there, value, np.nan), out=best)
        return best

    def total(self) -> Floats:
        """Return each window's sum, as exact as a compensated one."""
        total, magnitude = np.zeros(self.shape), np.zeros(self.shape)
        with np.errstate(all="ignore"):
            for _, value, there in self.samples_in_turn():
                term = np.where(there, value, 0.0)
                total += term
                magnitude += np.abs(term)
            step, series = np.nonzero(doubtful(total, magnitude))
            total[step, series] = self.exact_total(step, series)
        return total

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
        for earlier, later, series in self._neighbours.differing(differ):
            for step, pair in self._gapped.around(earlier, later):
                key = series[pair] * steps + step
                place = np.minimum(keys.searchsorted(key), len(keys) - 1)
                here = np.flatnonzero(keys[place] == key)
                of = pair[here]
                weights = self._gapped.rows[earlier[of], series[of]] if weigh else 1.0
                np.add.at(found, place[here], weights)
        return found.reshape(self.shape)


@dataclass(frozen=True)
class Division:
    """The windows of a block with gaps: whole ones, broken ones and those without samples."""

    gapped: Window

    @cached_property
    def _ranges(self) -> tuple[Rows, Rows, Rows, Rows]:
        """Return of each stretch the first window that touches it, the first one that lies in it.

        Then the first one after it that does not lie in it, and that does not touch it.
        """
        stretches, low, high = self.gapped.stretches, self.gapped.low, self.gapped.high
        touch = high.searchsorted(stretches.start, "right")
        untouch = low.searchsorted(stretches.stop)
        begin = np.maximum(low.searchsorted(stretches.start), touch)
        end = np.maximum(high.searchsorted(stretches.stop, "right"), begin)
        return touch, begin, np.minimum(end, np.maximum(untouch, begin)), untouch

    @cached_property
    def whole(self) -> Bools:
        """Which windows are whole, (P, S)."""
        _, begin, end, _ = self._ranges
        column, (steps, series) = self.gapped.stretches.column, self.gapped.shape
        change = np.zeros((steps + 1) * series, dtype=np.int8)
        np.add.at(change, begin * series + column, 1)
        np.subtract.at(change, end * series + column, 1)
        inside = change.reshape(steps + 1, series)
        np.add.accumulate(inside, axis=0, out=inside)
        return inside[:-1].view(np.bool_)

    @cached_property
    def count(self) -> int:
        """How many windows are broken, those over several ends counted for each of them."""
        touch, begin, end, untouch = self._ranges
        return int((begin - touch).sum() + np.maximum(untouch - end, 0).sum())

    def edges(self) -> Edges:
        """Return the windows that are broken."""
        touch, begin, end, untouch = self._ranges
        stretches, low, high = self.gapped.stretches, self.gapped.low, self.gapped.high
        number = np.stack([begin - touch, np.maximum(untouch - end, 0)], axis=1).reshape(-1)
        step = each_of(np.stack([touch, end], axis=1).reshape(-1), number)
        owner = np.repeat(np.arange(len(touch)).repeat(2), number)
        key = stretches.column[owner] * len(low) + step
        order = np.argsort(key, kind="stable")  # of a window's stretches, the first one stays first
        key, step, owner = key[order], step[order], owner[order]
        new = np.flatnonzero(np.diff(key, prepend=-1))
        inside = np.minimum(high[step], stretches.stop[owner])
        inside -= np.maximum(low[step], stretches.start[owner])
        step, owner, latest = step[new], owner[new], owner[np.append(new[1:], len(key)) - 1]
        last = np.minimum(high[step], stretches.stop[latest]) - 1
        alone = last == stretches.start[latest]
        return Edges(
            stretches.column[owner],
            step,
            np.maximum(low[step], stretches.start[owner]),
            last,
            np.where(alone, stretches.stop[latest - 1] - 1, last - 1),
            np.add.reduceat(inside, new) if len(new) else inside,
        )

    def pays(self, reads: Reads) -> bool:
        """Whether the broken windows are so few that computing each by itself is the fastest."""
        steps, series = self.gapped.shape
        if reads is Reads.ENDS:
            return DEARER * self.count <= steps * series
        longest = int((self.gapped.high - self.gapped.low).max(initial=0))
        samples = len(self.gapped.times) * series
        return reads is Reads.SAMPLES and self.count * longest <= samples


def computed(
    look: Callable[[Window, slice | Rows], Found], window: Window, steps: slice, reads: Reads
) -> Found:
    """Return what *look* gives for the windows of a block at *steps*."""
    if window.valid is None:
        return look(window, steps)
    division = Division(window)
    if not division.pays(reads):
        return look(window, steps)
    neighbours = Neighbours(window)
    values, present = look(WholeWindows(window, neighbours), steps)
    there = division.whole if present is None else division.whole & present
    if division.count:
        edges = division.edges()
        broken = BrokenWindows(window, neighbours, edges)
        own, own_there = look(broken, steps.start + edges.step)
        if not values.flags.writeable:
            values = values.copy()
        values[edges.step, edges.column] = own[:, 0]
        there[edges.step, edges.column] = True if own_there is None else own_there[:, 0]
    return values, None if there.all() else there
