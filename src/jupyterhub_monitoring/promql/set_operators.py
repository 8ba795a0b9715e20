"""`and`, `or`, `unless`: of the samples of two vectors, which stay. At each step by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..store.label_table import LabelTable
from .ast import Binary
from .matching import NO_MATCHING, any_of_group, signatures
from .operators import Bools
from .unique import merge_equal
from .values import Vector

if TYPE_CHECKING:
    from .evaluation import Evaluation


def combine(ctx: Evaluation, node: Binary, lhs: Vector, rhs: Vector) -> Vector:
    """Return what the set operator of *node* keeps of *lhs*, and for `or` also of *rhs*."""
    ctx.budget.hold(4 * (lhs.values.nbytes + rhs.values.nbytes))
    left, right, count = signatures(node.matching or NO_MATCHING, lhs.labels, rhs.labels)
    if node.op == "or":
        taken = any_of_group(lhs, left, count)[:, right]
        return _concat(ctx, lhs, _select(rhs, ~taken))
    matched = any_of_group(rhs, right, count)[:, left]
    return _select(lhs, matched if node.op == "and" else ~matched)


def _select(vector: Vector, stays: Bools) -> Vector:
    """Return *vector* where *stays*, (P, N) or (1, N), without series of which nothing is left."""
    present = stays if vector.present is None else vector.present & stays
    some: Bools = np.logical_or.reduce(present, axis=0)
    if not some.all():
        vector = Vector(vector.labels.take(some), vector.values[:, some])
        present = present[:, some]
    if present.all():
        return Vector(vector.labels, vector.values)
    return Vector(vector.labels, vector.values, present)


def _concat(ctx: Evaluation, lhs: Vector, rhs: Vector) -> Vector:
    """Return the series of both, those of *lhs* first."""
    if not len(rhs.labels):
        return lhs
    joined = Vector(
        LabelTable.concat([lhs.labels, rhs.labels]),
        np.concatenate([lhs.values, rhs.values], axis=1),
        np.concatenate([lhs.mask, rhs.mask], axis=1),
    )
    return merge_equal(ctx, joined)
