"""Vector matching: which series of two vectors belong together, and what comes of them.

Each series has a *signature*, the labels that are compared. One side, the *one*, must have at most
one sample for a signature at a step; the *many* side too, unless `group_left` or `group_right`
says otherwise. That holds for each step by itself, so a Hub that restarted under another name
matches on; the common case, in which each signature stands for one series at all steps, is found
out once and costs nothing per step.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError
from ..store.label_table import LabelTable
from .ast import Binary, Cardinality, Matching
from .operators import ARITHMETIC, COMPARISONS, Bools, calculate, holds
from .quoting import quote
from .slabs import in_slabs
from .unique import merge_equal, nameless, run_starts
from .values import Vector

if TYPE_CHECKING:
    from .evaluation import Evaluation

Codes = NDArray[np.intp]
"""The number of each series' signature, shape (N,)."""

NO_MATCHING = Matching()

_PAIR_BYTES = 3 * 8 + 3
"""Of one pair at one step while it is computed: three floats, three presences."""

_COUNT_BYTES = 9
"""Of a signature at one step: how many of its series are there, and whether any is."""

_LABELS_BYTES = 200
"""Of one pair: which series it is of, its labels while they are grouped."""

_PLAIN_NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")

_SIGNATURE = ""
"""The column in which a table carries codes; no label has this name."""


def signatures(matching: Matching, lhs: LabelTable, rhs: LabelTable) -> tuple[Codes, Codes, int]:
    """Return the codes of *lhs*, those of *rhs*, and how many different signatures there are."""
    compared = [_compared(matching, labels) for labels in (lhs, rhs)]
    codes, first = LabelTable.concat(compared).group()
    return codes[: len(lhs)], codes[len(lhs) :], len(first)


def any_of_group(vector: Vector, codes: Codes, count: int) -> Bools:
    """Return whether any series of a group is there, shape (P, count).

    (1, count), which is the same for all steps, where all samples are there.
    """
    if vector.present is None:
        there = np.zeros((1, count), dtype=np.bool_)
        there[:, codes] = len(vector.values) > 0
        return there
    return _count_by_group(vector.present, codes, count) > 0


def match(ctx: Evaluation, node: Binary, lhs: Vector, rhs: Vector) -> Vector:
    """Return `lhs op rhs` for an arithmetic operator or a comparison.

    Raises `QueryError` where a side that may have one sample for a signature has several.
    """
    matching = node.matching or NO_MATCHING
    left, right, count = signatures(matching, lhs.labels, rhs.labels)
    if matching.cardinality is Cardinality.ONE_TO_MANY:
        many, one, many_codes, one_codes = rhs, lhs, right, left
    else:
        many, one, many_codes, one_codes = lhs, rhs, left, right
    one_repeats, many_repeats = _repeats(one_codes, count), _repeats(many_codes, count)
    if one_repeats or many_repeats:
        ctx.budget.hold(2 * _COUNT_BYTES * count * len(many.values))
    if one_repeats:
        one, one_codes = _merged_one_side(ctx, matching, many, one, one_codes, count)
    if matching.cardinality is Cardinality.ONE_TO_ONE and many_repeats:
        _check_one_sample(many, many_codes, any_of_group(one, one_codes, count), count)
    pairs = _pair_count(many_codes, one_codes, count) if one_repeats else len(many_codes)
    a_pair = _PAIR_BYTES * len(many.values) + _LABELS_BYTES + 4 * len(many.labels.columns)
    ctx.budget.hold(pairs * a_pair)
    find = _pairs if one_repeats else _partners
    of_many, of_one = find(many_codes, one_codes, count)
    present = _both(many.present, one.present, of_many, of_one)
    labels = _result_labels(node, _rows(many.labels, of_many), _rows(one.labels, of_one))
    if matching.cardinality is not Cardinality.ONE_TO_ONE:
        _check_grouping(labels, many_codes[of_many], present, len(many.values))
    values = [_columns(many.values, of_many), _columns(one.values, of_one)]
    if matching.cardinality is Cardinality.ONE_TO_MANY:
        values.reverse()
    return merge_equal(ctx, _operate(ctx, node, labels, values, present))


def _compared(matching: Matching, labels: LabelTable) -> LabelTable:
    if matching.on:
        return labels.keep(matching.labels)
    return labels.drop(("__name__", *matching.labels))


def _repeats(codes: Codes, count: int) -> bool:
    if len(codes) < 2:
        return False
    return int(np.bincount(codes, minlength=count).max(initial=0)) > 1


def _count_by_group(mask: Bools, codes: Codes, count: int) -> NDArray[np.intp]:
    """Return how many series of each group are there at each step, shape (P, count)."""
    counts = np.zeros((len(mask), count), dtype=np.intp)
    if not _repeats(codes, count):
        counts[:, codes] = mask
    else:
        order = np.argsort(codes, kind="stable")
        ordered = codes[order]
        starts = run_starts(ordered)
        sums = np.add.reduceat(mask[:, order], starts, axis=1, dtype=np.intp)
        counts[:, ordered[starts]] = sums
    return counts


def _merged_one_side(  # noqa: PLR0913, PLR0917 -- two sides and their codes
    ctx: Evaluation, matching: Matching, many: Vector, one: Vector, codes: Codes, count: int
) -> tuple[Vector, Codes]:
    """Return *one* with a series per signature and labels to include; its codes.

    At a step without any sample on the many side, duplicates are no error and no matter.
    """
    asked: Bools = np.any(many.mask, axis=1, keepdims=True)
    duplicate = (_count_by_group(one.mask, codes, count) > 1) & asked
    if duplicate.any():
        step = int(np.flatnonzero(duplicate.any(axis=1))[0])
        raise QueryError(_duplicate_text(matching, one, codes, step))
    keys = one.labels.keep(matching.include).replace(_SIGNATURE, codes.astype(np.int32))
    merged = merge_equal(ctx, Vector(keys, one.values, one.mask & asked))
    return merged, merged.labels.column(_SIGNATURE).astype(np.intp)


def _duplicate_text(matching: Matching, one: Vector, codes: Codes, step: int) -> str:
    """Name two series of *one* that are there at *step* with the same signature."""
    there = np.flatnonzero(one.mask[step])
    seen: dict[int, int] = {}
    for second in there.tolist():
        first = seen.setdefault(int(codes[second]), second)
        if first != second:
            break
    pair = sorted(labels_text(one.labels.row(row)) for row in (first, second))
    signature = labels_text(_compared(matching, one.labels).row(second))
    side = "left" if matching.cardinality is Cardinality.ONE_TO_MANY else "right"
    return (
        f"found duplicate series for the match group {signature} on the {side} hand-side of the "
        f"operation: [{', '.join(pair)}];many-to-many matching not allowed: "
        "matching labels must be unique on one side"
    )


def _check_one_sample(many: Vector, codes: Codes, matched: Bools, count: int) -> None:
    """Raise if two samples of *many* would match the same sample at a step."""
    if ((_count_by_group(many.mask, codes, count) > 1) & matched).any():
        raise QueryError(
            "multiple matches for labels: many-to-one matching must be explicit "
            "(group_left/group_right)"
        )


def _check_grouping(labels: LabelTable, codes: Codes, present: Bools | None, steps: int) -> None:
    """Raise if two pairs of the same signature have the same result labels at a step."""
    keys = labels.replace(_SIGNATURE, codes.astype(np.int32))
    groups, first = keys.group()
    if len(first) == len(keys):
        return
    mask = np.ones((steps, len(keys)), dtype=np.bool_) if present is None else present
    if (_count_by_group(mask, groups, len(first)) > 1).any():
        raise QueryError("multiple matches for labels: grouping labels must ensure unique matches")


def _pair_count(many: Codes, one: Codes, count: int) -> int:
    return int(np.bincount(one, minlength=count)[many].sum())


def _pairs(many: Codes, one: Codes, count: int) -> tuple[Codes, Codes]:
    """Return the series (of many, of one) of each pair with equal signatures, in many's order."""
    per_code = np.bincount(one, minlength=count)
    partners = per_code[many]
    of_many = np.repeat(np.arange(len(many)), partners)
    nth = np.arange(len(of_many)) - np.repeat(np.cumsum(partners) - partners, partners)
    start = np.cumsum(per_code) - per_code
    of_one = np.argsort(one, kind="stable")[start[many[of_many]] + nth]
    return of_many, of_one


def _partners(many: Codes, one: Codes, count: int) -> tuple[Codes, Codes]:
    """Return what `_pairs` does, where no two of *one* have the same signature."""
    partner = np.full(count, -1, dtype=np.intp)
    partner[one] = np.arange(len(one))
    of_one = partner[many]
    of_many = np.flatnonzero(of_one >= 0)
    return of_many, of_one if len(of_many) == len(of_one) else of_one[of_many]


def _in_order(chosen: Codes, count: int) -> bool:
    """Whether *chosen* are all of *count*, from the first to the last."""
    return len(chosen) == count and bool((chosen == np.arange(count)).all())


def _rows(labels: LabelTable, rows: Codes) -> LabelTable:
    return labels if _in_order(rows, len(labels)) else labels.take(rows)


def _columns(matrix: NDArray, columns: Codes) -> NDArray:  # type: ignore[type-arg]
    """Return these columns, without a copy where they are all, in order."""
    if _in_order(columns, matrix.shape[1]):
        return matrix
    if matrix.strides[0]:
        return np.take(matrix, columns, axis=1)
    # The same at all steps, as a view: `take` would first write it out at each of them.
    return np.broadcast_to(np.take(matrix[:1], columns, axis=1), (len(matrix), len(columns)))


def _both(many: Bools | None, one: Bools | None, of_many: Codes, of_one: Codes) -> Bools | None:
    """Return where both samples of each pair are there; None where all are."""
    if many is None:
        return None if one is None else _columns(one, of_one)
    if one is None:
        return _columns(many, of_many)
    both: Bools = _columns(many, of_many) & _columns(one, of_one)
    return both


def _result_labels(node: Binary, many: LabelTable, one: LabelTable) -> LabelTable:
    matching = node.matching or NO_MATCHING
    labels = nameless(many) if node.op in ARITHMETIC or node.return_bool else many
    if matching.cardinality is Cardinality.ONE_TO_ONE:
        return labels.keep(matching.labels) if matching.on else labels.drop(matching.labels)
    for name in matching.include:
        labels = labels.replace(name, one.column(name))
    return labels


def _operate(
    ctx: Evaluation,
    node: Binary,
    labels: LabelTable,
    values: list[NDArray[np.float64]],
    present: Bools | None,
) -> Vector:
    left, right = values
    if node.op not in COMPARISONS:
        return Vector(labels, in_slabs(ctx, partial(calculate, node.op), left, right), present)
    true = in_slabs(ctx, partial(holds, node.op), left, right)
    if node.return_bool:
        return Vector(labels, true.astype(np.float64), present)
    return Vector(labels, left, true if present is None else true & present)


def labels_text(labels: dict[str, str]) -> str:
    """Return *labels* as Prometheus writes them in errors: `{a="b", c="d"}`."""
    parts = (
        f"{name if _PLAIN_NAME.fullmatch(name) else quote(name)}={quote(value)}"
        for name, value in sorted(labels.items())
    )
    return f"{{{', '.join(parts)}}}"
