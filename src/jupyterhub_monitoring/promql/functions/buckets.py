"""Classic histograms in a vector: series that differ in `le` only, as matrices of buckets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...store.label_table import LabelTable
from ...store.lazy import lazy
from ..quoting import quote
from ..unique import nameless
from ..values import Vector
from .arguments import bare

if TYPE_CHECKING:
    from ..ast import Expr
    from ..evaluation import Evaluation

Matrix = NDArray[np.float64]
Bools = NDArray[np.bool_]
Columns = NDArray[np.intp]

_LE = "le"
_CELLS = 16_384
"""Steps times histograms that are looked at together: what fits the processor's cache."""


_PLACE_BYTES = 18
"""Of the nth bucket of one histogram: its bound, its column, whether it is there."""

_BUCKET_BYTES = 26
"""Of one bucket of a histogram at one step: its count, the same made monotonic, presence."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """The nth bucket of G histograms at some steps."""

    bound: Matrix  # (G,), NaN where a histogram has no nth bucket
    count: Matrix  # (P, G), cumulative
    there: Bools  # (P, G)


@dataclass(frozen=True, slots=True)
class Histograms:
    """G histograms at some steps: their buckets by rising bound."""

    buckets: list[Bucket]
    there: Bools  # (P, G): whether there is any bucket
    complete: Bools  # (P, G): whether there is the bucket up to infinity


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the nth buckets are: a column of the vector for each histogram, or several.

    Bounds that are written differently ("1" and "1.0") are one bucket with the sum of the counts.
    """

    bound: Matrix  # (G,)
    columns: list[tuple[Columns, Bools]]  # (G,), and for which histograms that is right


@dataclass(frozen=True)
class Layout:
    """Which series of *series* are which buckets of which histograms.

    *labels* are those of the G histograms, without name and `le`.
    """

    series: Vector
    labels: LabelTable
    places: list[_Place]

    @classmethod
    def of(cls, ctx: Evaluation, series: Vector, asked: Expr) -> Layout:
        """Find the histograms; tell about series that have samples but no bound."""
        bounds = _bounds(ctx, series, asked)
        rows = np.flatnonzero(~np.isnan(bounds))
        table = series.labels.take(rows).drop([_LE])
        group, first = table.group()
        order = np.lexsort((bounds[rows], group))
        rows, group = rows[order], group[order]
        places = []
        for place in _places(bounds[rows], rows, group, len(first)):
            ctx.budget.check()
            ctx.budget.hold(_PLACE_BYTES * len(first) * (1 + len(place.columns)))
            places.append(place)
        return cls(series, nameless(table.take(first)), places)

    def blocks(self, ctx: Evaluation) -> Iterator[slice]:
        """Give some steps after the other; what is made of their buckets is counted."""
        if not len(self.labels):
            return
        total, number = len(self.series.values), len(self.labels)
        steps = max(1, _CELLS // number)
        for start in range(0, total, steps):
            ctx.budget.check()
            block = slice(start, min(start + steps, total))
            taken = _BUCKET_BYTES * len(self.places) * (block.stop - start) * number
            ctx.budget.hold(taken)
            yield block
            ctx.budget.hold(-taken)

    @lazy
    def bounds(self) -> Matrix:
        """The bounds of the nth buckets, (B, G); NaN where a histogram has no nth bucket."""
        return np.array([place.bound for place in self.places])

    @lazy
    def _is_even(self) -> bool:
        """Whether all histograms have as many buckets, the last up to infinity, each once."""
        return (
            bool(self.places)
            and all(len(place.columns) == 1 for place in self.places)
            and bool((self.bounds[-1] == np.inf).all())
        )

    def whole(self, steps: slice) -> list[Matrix] | None:
        """Return the counts (P, G) of the nth buckets; None where a bucket is absent."""
        if not self._is_even:
            return None
        values, present = self.series.values[steps], self.series.present
        columns = [place.columns[0][0] for place in self.places]
        if present is not None and not present[steps].all():
            used = np.concatenate(columns)
            if not present[steps][:, used].all():
                return None
        return [np.take(values, nth, axis=1) for nth in columns]

    def at(self, steps: slice) -> Histograms:
        """Return the histograms at some steps."""
        shape = (steps.stop - steps.start, len(self.labels))
        there, complete = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
        buckets = []
        for place in self.places:
            bucket = self._bucket(place, steps)
            buckets.append(bucket)
            there |= bucket.there
            complete |= bucket.there & (bucket.bound == np.inf)
        return Histograms(buckets, there, complete)

    def _bucket(self, place: _Place, steps: slice) -> Bucket:
        (columns, right), *twins = place.columns
        count, there = self._samples(columns, right, steps)
        for columns, right in twins:
            more, also = self._samples(columns, right, steps)
            count = np.where(there, count, 0.0) + np.where(also, more, 0.0)
            there = there | also
        return Bucket(place.bound, count, there)

    def _samples(self, columns: Columns, right: Bools, steps: slice) -> tuple[Matrix, Bools]:
        values = np.take(self.series.values[steps], columns, axis=1)
        if self.series.present is None:
            return values, np.broadcast_to(right, values.shape)
        return values, np.take(self.series.present[steps], columns, axis=1) & right


def _places(bounds: Matrix, rows: Columns, group: Columns, count: int) -> Iterator[_Place]:
    """Give the 1st, 2nd, ... bucket of each of *count* groups; all are sorted by group, bound."""
    new = np.ones(len(rows), dtype=np.bool_)
    new[1:] = (group[1:] != group[:-1]) | (bounds[1:] != bounds[:-1])
    starts = np.flatnonzero(new)
    twins = np.diff(np.append(starts, len(rows)))
    begins = np.searchsorted(group[starts], np.arange(count))
    sizes = np.bincount(group[starts], minlength=count)
    for nth in range(int(sizes.max(initial=0))):
        has = sizes > nth
        bucket = np.where(has, begins + nth, 0)
        columns = []
        for twin in range(int(twins[bucket].max())):
            right = has & (twins[bucket] > twin)
            columns.append((rows[np.where(right, starts[bucket] + twin, 0)], right))
        yield _Place(np.where(has, bounds[starts[bucket]], np.nan), columns)


def _bounds(ctx: Evaluation, series: Vector, asked: Expr) -> Matrix:
    """Return each series' bound, NaN where it is none."""
    symbols, inverse = np.unique(series.labels.column(_LE), return_inverse=True)
    texts = ctx.symbols.texts(symbols)
    bounds = np.array([_bound(text) for text in texts], dtype=np.float64)[inverse]
    wrong = np.isnan(bounds) & np.logical_or.reduce(series.mask, axis=0)
    for symbol in np.unique(inverse[wrong]).tolist():
        ctx.annotations.warn(
            'PromQL warning: bucket label "le" is missing or has a malformed value of '
            f"{quote(texts[symbol])} ({ctx.where(bare(asked).span)})"
        )
    return bounds


def _bound(text: str) -> float:
    if text.strip() != text or "_" in text:  # Python would take these
        return np.nan
    try:
        return float(text)
    except ValueError:
        return np.nan
