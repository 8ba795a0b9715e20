"""Label sets in the order in which a range query shows its series."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable
from ..store.symbols import EMPTY, Symbols

SORTED_AT_ONCE = 20_000
"""Texts that are sorted in one go: some milliseconds, in which no other thread runs."""

Ranks = NDArray[np.intp]


def label_order(labels: LabelTable) -> Ranks:
    """Return the rows of *labels* sorted by their first name, its value, their second name ...

    Column by column, from texts to ranks: a comparison of whole label sets in Python would hold
    the interpreter for a second where there are 100,000.
    """
    if len(labels) < 2:
        return np.arange(len(labels))
    ended = np.ones(len(labels), dtype=np.bool_)  # no label in this column or a later one
    keys: list[Ranks] = []  # the last one counts most
    for name in sorted(labels.columns, reverse=True):
        column = labels.columns[name]
        if column[0] != EMPTY and (column == column[0]).all():
            ended[:] = False
            continue
        rank, missing = _ranks(labels.symbols, column), column == EMPTY
        ended &= missing
        # A set that has ended comes first; one that goes on with a later name comes after.
        rank[missing & ~ended] = len(labels) + 1
        keys.append(rank)
    return np.lexsort(keys) if keys else np.arange(len(labels))


def _ranks(symbols: Symbols, column: NDArray[np.int32]) -> Ranks:
    """Return the place of each value of *column* among all, sorted; that of no value is 0."""
    numbers, inverse = np.unique(column, return_inverse=True)
    texts = symbols.texts(numbers.tolist())
    place = {text: rank for rank, text in enumerate(_sorted(texts), start=1)} | {"": 0}
    return np.array([place[text] for text in texts], dtype=np.intp)[inverse]


def _sorted(texts: list[str]) -> list[str]:
    starts = range(0, len(texts), SORTED_AT_ONCE)
    return list(heapq.merge(*(sorted(texts[start : start + SORTED_AT_ONCE]) for start in starts)))
