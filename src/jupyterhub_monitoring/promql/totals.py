"""What an aggregation keeps of the blocks that it has seen: one accumulator for each lane of work.

An accumulator takes blocks one after the other and never needs the unaggregated matrix. Those of
two lanes merge, and `result` gives values and presence (P, G).
"""

from __future__ import annotations

from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from .compensated import add, doubtful
from .grouping import Layout
from .stream import Part, columns

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Inexact(Exception):  # noqa: N818 -- a signal between modules, no error
    """Plain sums lost digits or overflowed: aggregate again with compensated ones."""


Self = TypeVar("Self", bound="Accumulator")


class Accumulator(Protocol):
    """The state of an aggregation over P steps and G groups."""

    def take(self, part: Part, layout: Layout) -> None:
        """Aggregate one block."""

    def merge(self: Self, other: Self) -> None:  # noqa: PYI019 -- Python 3.10 has no typing.Self
        """Aggregate what *other*, of the same class, has."""

    def result(self) -> tuple[Floats, Bools | None]:
        """Return values and presence. Raises `Inexact`."""


class Present:
    """Which groups have a sample, for all accumulators; *count* holds how many."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.count = np.zeros(shape)

    def see(self, part: Part, layout: Layout) -> Floats:
        """Count the samples of a block by group; returns the counts, (p, g) or (1, g)."""
        if part.present is None:
            found = layout.lengths[None, :].astype(np.float64)
        elif part.present.shape[1] < len(layout.order):  # all series of a window, or none
            found = np.where(part.present, layout.lengths, 0.0)
        else:
            found = layout.sum(part.present.astype(np.float64))
        self.count[part.steps, columns(layout.groups)] += found
        return found

    @property
    def mask(self) -> Bools | None:
        """Presence of each group."""
        seen = self.count > 0
        return None if seen.all() else seen


class Counts:
    """`count` and `group`."""

    def __init__(self, shape: tuple[int, int], *, group: bool = False) -> None:
        self._seen, self._group = Present(shape), group

    def take(self, part: Part, layout: Layout) -> None:
        """Count a block."""
        self._seen.see(part, layout)

    def merge(self, other: Counts) -> None:
        """Add the counts of *other*."""
        self._seen.count += other._seen.count

    def result(self) -> tuple[Floats, Bools | None]:
        """Return the counts, or 1 for each group."""
        count = self._seen.count
        return np.ones_like(count) if self._group else count, self._seen.mask


class Extremes:
    """`min` (by fmin) and `max` (by fmax): NaN only where all are."""

    def __init__(self, shape: tuple[int, int], ufunc: np.ufunc) -> None:
        self._seen, self._ufunc = Present(shape), ufunc
        self._best = np.full(shape, np.nan)

    def take(self, part: Part, layout: Layout) -> None:
        """Compare a block with what was best so far."""
        values = part.values
        if part.present is not None:
            values = np.where(part.present, values, np.nan)
        where = (part.steps, columns(layout.groups))
        self._best[where] = self._ufunc(self._best[where], layout.reduce(self._ufunc, values))
        self._seen.see(part, layout)

    def merge(self, other: Extremes) -> None:
        """Compare with what was best in *other*."""
        self._ufunc(self._best, other._best, out=self._best)
        self._seen.count += other._seen.count

    def result(self) -> tuple[Floats, Bools | None]:
        """Return the best of each group."""
        return self._best, self._seen.mask


class Sums:
    """`sum` and `avg` by plain additions, as long as these are as exact as compensated ones."""

    def __init__(self, shape: tuple[int, int], *, mean: bool = False) -> None:
        self._seen, self._mean = Present(shape), mean
        self._total, self._magnitude = np.zeros(shape), np.zeros(shape)

    def take(self, part: Part, layout: Layout) -> None:
        """Add a block."""
        values = part.values
        if part.present is not None:
            values = np.where(part.present, values, 0.0)
        where = (part.steps, columns(layout.groups))
        lowest, highest = values.min(initial=0.0), values.max(initial=0.0)
        finite = np.isfinite(lowest) and np.isfinite(highest)
        add_up = layout.sum if finite else partial(layout.reduce, np.add)
        total = add_up(values)
        self._total[where] += total
        if lowest < 0 < highest:
            self._magnitude[where] += add_up(np.abs(values))
        else:
            self._magnitude[where] += np.abs(total)
        self._seen.see(part, layout)

    def merge(self, other: Sums) -> None:
        """Add what *other* has."""
        self._total += other._total
        self._magnitude += other._magnitude
        self._seen.count += other._seen.count

    def result(self) -> tuple[Floats, Bools | None]:
        """Return the sums or means. Raises `Inexact` where one has cancelled or overflowed."""
        total, mask = self._total, self._seen.mask
        if doubtful(total, self._magnitude).any() or (self._mean and np.isinf(total).any()):
            raise Inexact
        return (total / self._seen.count if self._mean else total), mask


SCALE = 2.0**-64
"""What the terms of a mean are scaled by, so that no sum of finite numbers overflows."""


class ExactSums:
    """`sum` and `avg` by compensated additions, one series at a time. Slow, and right to the end.

    A mean's sum is kept a second time, scaled, for where the sum itself overflows.
    """

    def __init__(self, shape: tuple[int, int], *, mean: bool = False) -> None:
        self._seen, self._mean = Present(shape), mean
        self._sums = {scale: (np.zeros(shape), np.zeros(shape)) for scale in self._scales}

    @property
    def _scales(self) -> tuple[float, ...]:
        return (1.0, SCALE) if self._mean else (1.0,)

    def take(self, part: Part, layout: Layout) -> None:
        """Add a block."""
        values = part.values
        if part.present is not None:
            values = np.where(part.present, values, 0.0)
        for having, chosen in layout.members():
            self._add(part.steps, layout.groups[having], values[:, chosen])
        self._seen.see(part, layout)

    def _add(self, steps: slice, groups: NDArray[np.intp], values: Floats) -> None:
        where = (steps, groups)
        for scale, (total, lost) in self._sums.items():
            total[where], lost[where] = add(total[where], lost[where], values * scale)

    def merge(self, other: ExactSums) -> None:
        """Add what *other* has."""
        for scale, (total, lost) in self._sums.items():
            more, more_lost = other._sums[scale]
            new, new_lost = add(total, lost, more)
            total[:], lost[:] = new, new_lost + more_lost
        self._seen.count += other._seen.count

    def result(self) -> tuple[Floats, Bools | None]:
        """Return the sums or means."""
        total = np.add(*self._sums[1.0])
        if self._mean:
            count = self._seen.count
            scaled = np.add(*self._sums[SCALE]) / count / SCALE
            total = np.where(np.isinf(total), scaled, total / count)
        return total, self._seen.mask


class Deviations:
    """`stdvar` and `stddev`: mean and sum of squares of each block, merged without cancelling."""

    def __init__(self, shape: tuple[int, int], *, root: bool = False) -> None:
        self._seen, self._root = Present(shape), root
        self._mean, self._squares = np.zeros(shape), np.zeros(shape)

    def take(self, part: Part, layout: Layout) -> None:
        """Take a block in.

        Its mean is found as a distance from its least value: equal values deviate by exactly 0.
        """
        where = (part.steps, columns(layout.groups))
        before = self._seen.count[where].copy()
        count = np.broadcast_to(self._seen.see(part, layout), before.shape)
        values, own = part.values, layout.own
        if part.present is not None:
            values = np.where(part.present, values, np.nan)
        least = layout.reduce(np.fmin, values)
        there = True if part.present is None else part.present
        above = layout.reduce(np.add, np.where(there, values - least[:, own], 0.0))
        mean = least + above / np.maximum(count, 1)
        off = np.where(there, values - mean[:, own], 0.0)
        squares = layout.reduce(np.add, off * off)
        self._combine(part.steps, layout.groups, before, (count, mean, squares))

    def _combine(
        self,
        steps: slice,
        groups: NDArray[np.intp],
        before: Floats,
        block: tuple[Floats, Floats, Floats],
    ) -> None:
        """Merge (count, mean, squares) of a *block* into the groups, of *before* samples so far."""
        count, mean, squares = block
        where = (steps, columns(groups))
        both = before + count
        off = mean - self._mean[where]
        share = np.divide(count, both, out=np.zeros(both.shape), where=both > 0)
        self._mean[where] += np.where(count > 0, off * share, 0.0)
        self._squares[where] += squares + np.where(count > 0, off * off * before * share, 0.0)

    def merge(self, other: Deviations) -> None:
        """Take in what *other* has."""
        before = self._seen.count.copy()
        everything, groups = slice(None), np.arange(before.shape[1])
        block = (other._seen.count, other._mean, other._squares)
        self._combine(everything, groups, before, block)
        self._seen.count += other._seen.count

    def result(self) -> tuple[Floats, Bools | None]:
        """Return the population variances, or their roots."""
        count = self._seen.count
        variance = self._squares / count
        return (np.sqrt(variance) if self._root else variance), self._seen.mask
