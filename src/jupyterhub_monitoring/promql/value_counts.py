"""`count_values`: how many series have which value, series made of the values themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..store.label_table import LabelTable
from .ast import Aggregation
from .evaluation import Evaluation, labels_size
from .go_format import format_floats
from .grouping import Grouping
from .quoting import is_utf8, quote
from .stream import Stream
from .unique import distinct
from .values import String, Vector

Rows = NDArray[np.intp]

CELLS = 1 << 18
"""Cells that are looked at together."""

NUMBERS_AT_ONCE = 10_000
"""Numbers that are written at once: some milliseconds, in which no other thread runs."""

NUMBER_BYTES = 256
"""What a number takes that is written as a label's value."""


def count_values(ctx: Evaluation, node: Aggregation, stream: Stream, label: String) -> Vector:
    """Return how many samples of each group have each value, which stands in the label *label*."""
    if not label.value or not is_utf8(label.value):
        raise QueryError(f"invalid label name {quote(label.value)}")
    vector = stream.vector()
    values, symbols = _written(ctx, vector)
    # Each pair of series and value is a series of its own, before they are grouped.
    pairs = np.zeros(0, dtype=np.int64)
    for _, found in _pairs(ctx, vector, values):
        ctx.budget.hold(-pairs.nbytes)
        pairs = distinct(pairs, found)
        ctx.budget.hold(pairs.nbytes)
    labels = LabelTable(ctx.symbols, vector.labels.columns, len(vector.labels))
    ctx.budget.hold(len(pairs) * labels_size(labels) // max(1, len(labels)))
    labelled = labels.take(pairs // max(1, len(values)))
    labelled = labelled.replace(label.value, symbols[pairs % max(1, len(values))])
    by = node.grouping if node.without else (*node.grouping, label.value)
    grouping = Grouping.of(labelled, Aggregation("count", node.expr, None, by, node.without))
    ctx.budget.hold(9 * len(ctx.steps) * len(grouping.labels))
    counts = np.zeros((len(ctx.steps), len(grouping.labels)))
    for step, found in _pairs(ctx, vector, values):
        np.add.at(counts, (step, grouping.codes[np.searchsorted(pairs, found)]), 1.0)
    present = counts > 0
    return Vector(grouping.labels, counts, None if present.all() else present)


def _written(ctx: Evaluation, vector: Vector) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the bits of the different values of *vector*, ascending, and their texts' symbols."""
    values = np.zeros(0, dtype=np.int64)
    for _, _, bits in _samples(ctx, vector):
        known, values = len(values), distinct(values, bits)
        ctx.budget.hold(NUMBER_BYTES * (len(values) - known))
    symbols: list[int] = []
    for start in range(0, len(values), NUMBERS_AT_ONCE):
        ctx.budget.check()
        texts = format_floats(values[start : start + NUMBERS_AT_ONCE].view(np.float64))
        ctx.budget.write(*map(len, texts))
        symbols += [ctx.symbols.intern(text) for text in texts]
    return values, np.array(symbols, dtype=np.int32)


def _pairs(
    ctx: Evaluation, vector: Vector, values: NDArray[np.int64]
) -> Iterator[tuple[Rows, NDArray[np.int64]]]:
    """Yield (step, series * len(values) + place of its value) of all samples, some at a time."""
    for step, series, bits in _samples(ctx, vector):
        yield step, series * len(values) + np.searchsorted(values, bits)


def _samples(ctx: Evaluation, vector: Vector) -> Iterator[tuple[Rows, Rows, NDArray[np.int64]]]:
    """Yield (step, series, value's bits) of all samples, some steps at a time."""
    height = max(1, CELLS // max(1, len(vector.labels)))
    for start in range(0, len(vector.values), height):
        ctx.budget.check()
        steps = slice(start, start + height)
        step, series = np.nonzero(vector.mask[steps])
        yield step + start, series, vector.values[steps][step, series].view(np.int64)
