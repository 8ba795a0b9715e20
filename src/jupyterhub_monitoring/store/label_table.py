"""The label sets of many series, by column: how queries group, match and rename them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .symbols import EMPTY, Symbols

Columns = dict[str, NDArray[np.int32]]

_MOST_CODES = 2**62
"""So many combinations of symbols fit a code before it has to be made smaller."""


_FEW = 64
"""Up to so many rows are grouped one by one."""


class LabelTable:
    """Label sets of *size* series; `columns[name][i]` is the symbol of series i's value.

    Immutable: every method returns a new table that shares what it can. A column that is missing
    is the same as one of `EMPTY` only.
    """

    __slots__ = ("columns", "size", "symbols")

    def __init__(self, symbols: Symbols, columns: Columns, size: int) -> None:
        self.symbols, self.columns, self.size = symbols, columns, size

    @classmethod
    def of(cls, symbols: Symbols, sets: Sequence[dict[str, str]]) -> LabelTable:
        """Return the table of *sets*, for a few series that were made by hand."""
        columns: Columns = {
            name: np.zeros(len(sets), dtype=np.int32)
            for name in sorted({n for s in sets for n in s})
        }
        for row, labels in enumerate(sets):
            for name, value in labels.items():
                columns[name][row] = symbols.intern(value)
        return cls(symbols, columns, len(sets))

    def __len__(self) -> int:
        return self.size

    def column(self, name: str) -> NDArray[np.int32]:
        """Return the symbols of label *name*, shape (size,)."""
        found = self.columns.get(name)
        return np.zeros(self.size, dtype=np.int32) if found is None else found

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> LabelTable:
        """Return the table of these rows."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        size = int(rows.sum()) if rows.dtype == np.bool_ else len(rows)
        return LabelTable(self.symbols, columns, size)

    def keep(self, names: Iterable[str]) -> LabelTable:
        """Return the table with these labels only."""
        columns = {name: self.columns[name] for name in sorted(set(names)) if name in self.columns}
        return LabelTable(self.symbols, columns, self.size)

    def drop(self, names: Iterable[str]) -> LabelTable:
        """Return the table without these labels."""
        unwanted = set(names)
        columns = {name: c for name, c in self.columns.items() if name not in unwanted}
        return LabelTable(self.symbols, columns, self.size)

    def replace(self, name: str, column: NDArray[np.int32]) -> LabelTable:
        """Return the table with *column* for label *name*."""
        return LabelTable(self.symbols, {**self.columns, name: column}, self.size)

    def group(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return (group of each row, first row of each group): equal label sets, one group.

        Groups are numbered in the order in which they first appear.
        """
        if self.size <= _FEW:
            return self._group_few()
        codes = np.zeros(self.size, dtype=np.int64)
        spread = 1  # all codes are below it
        for column in self.columns.values():
            low, high = int(column.min()), int(column.max())
            if low == high:
                continue
            width = high - low + 1
            if spread * width > _MOST_CODES:
                _, codes = np.unique(codes, return_inverse=True)
                spread = self.size
            codes = codes * width + (column.astype(np.int64) - low)
            spread *= width
        if spread == 1:
            return np.zeros(self.size, dtype=np.intp), np.zeros(1, dtype=np.intp)
        _, first, codes = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        return rank[codes], first[order]

    def _group_few(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the same of a few rows, one by one: a call of NumPy takes as long as ten."""
        columns = [column.tolist() for column in self.columns.values()]
        keys = zip(*columns, strict=True) if columns else [()] * self.size
        known: dict[tuple[int, ...], int] = {}
        groups: list[int] = []
        first: list[int] = []
        for place, key in enumerate(keys):
            group = known.setdefault(key, len(known))
            groups.append(group)
            if group == len(first):
                first.append(place)
        return np.array(groups, dtype=np.intp), np.array(first, dtype=np.intp)

    def row(self, index: int) -> dict[str, str]:
        """Return one label set, by name, without empty labels."""
        text = self.symbols.text
        return {
            name: text(int(column[index]))
            for name, column in sorted(self.columns.items())
            if column[index] != EMPTY
        }

    def rows(self) -> list[dict[str, str]]:
        """Return all label sets, as `row` does."""
        sets: list[dict[str, str]] = [{} for _ in range(self.size)]
        for name, column in sorted(self.columns.items()):
            present = np.flatnonzero(column)
            for index, value in zip(
                present.tolist(), self.symbols.texts(column[present].tolist()), strict=True
            ):
                sets[index][name] = value
        return sets

    @staticmethod
    def concat(tables: Sequence[LabelTable]) -> LabelTable:
        """Return the rows of *tables*, one after the other. They share their symbols."""
        names = sorted({name for table in tables for name in table.columns})
        columns = {name: np.concatenate([t.column(name) for t in tables]) for name in names}
        return LabelTable(tables[0].symbols, columns, sum(t.size for t in tables))
