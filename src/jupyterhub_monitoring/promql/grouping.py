"""Which group each series of an aggregation belongs to, and how a block is reduced by group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable
from ..store.lazy import lazy
from .ast import Aggregation
from .unique import nameless, run_starts

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

FEW = 48
"""Up to so many groups in a block, a product with a 0/1 matrix is faster than sorted sums."""


SMALL_PRODUCT = 1 << 18
"""Multiplications up to which OpenBLAS starts no threads of its own, which would get in our way."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The group of each series, (N,), and the labels of the groups."""

    codes: Rows
    labels: LabelTable

    @classmethod
    def of(cls, labels: LabelTable, node: Aggregation) -> Grouping:
        """Group *labels* by what *node* names; a name that is missing is an empty label."""
        if not node.grouping and not node.without:
            return cls(np.zeros(len(labels), dtype=np.intp), _unlabelled(labels))
        kept = nameless(labels).drop(node.grouping) if node.without else labels.keep(node.grouping)
        codes, first = kept.group()
        return cls(codes, kept.take(first))

    def layout(self, positions: Rows) -> Layout:
        """Return how a block of the series at *positions* is reduced."""
        if len(self.labels) == 1:
            first = np.zeros(1, dtype=np.intp)
            return Layout(first, np.arange(len(positions)), first)
        codes = self.codes[positions]
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        starts = run_starts(ordered)
        return Layout(ordered[starts], order, starts)


def _unlabelled(labels: LabelTable) -> LabelTable:
    return LabelTable(labels.symbols, {}, min(1, len(labels)))


@dataclass(frozen=True)
class Layout:
    """The groups of a block's columns: *groups* (g,), whose columns are runs of *order*."""

    groups: Rows
    order: Rows
    starts: Rows

    @property
    def alone(self) -> bool:
        """Whether no two columns are of one group."""
        return len(self.groups) == len(self.order)

    @lazy
    def lengths(self) -> Rows:
        """How many columns each group has, (g,)."""
        ends = np.full_like(self.starts, len(self.order))
        ends[:-1] = self.starts[1:]
        return ends - self.starts

    @lazy
    def own(self) -> Rows:
        """Which of the g groups each column is of, (S,)."""
        owners = np.empty(len(self.order), dtype=np.intp)
        owners[self.order] = np.repeat(np.arange(len(self.groups)), self.lengths)
        return owners

    def reduce(self, ufunc: np.ufunc, values: Floats) -> Floats:
        """Return *values* (p, S) reduced by group, (p, g)."""
        if len(self.groups) == 1:
            return np.asarray(ufunc.reduce(values, axis=1, keepdims=True))
        ordered = values.take(self.order, axis=1)
        return ordered if self.alone else np.asarray(ufunc.reduceat(ordered, self.starts, axis=1))

    def sum(self, values: Floats) -> Floats:
        """Return the sums of *values* (p, S) by group, (p, g); none may be NaN or infinite."""
        if not 1 < len(self.groups) <= FEW or self.alone:
            return self.reduce(np.add, values)
        total = np.empty((len(values), len(self.groups)))
        height = max(1, SMALL_PRODUCT // self._matrix.size)
        for start in range(0, len(values), height):
            slab = slice(start, start + height)
            np.matmul(values[slab], self._matrix, out=total[slab])
        return total

    @lazy
    def _matrix(self) -> Floats:
        """Return the 0/1 matrix (S, g) of columns and their groups."""
        return np.asarray(self.own[:, None] == np.arange(len(self.groups)), dtype=np.float64)

    def members(self) -> list[tuple[Rows, Rows]]:
        """Return, for the first, second ... member of groups: (which of the g, their columns)."""
        lengths = self.lengths
        found = []
        for rank in range(int(lengths.max())):
            having = np.flatnonzero(lengths > rank)
            found.append((having, self.order[self.starts[having] + rank]))
        return found
