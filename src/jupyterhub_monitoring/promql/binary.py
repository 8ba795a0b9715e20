"""Binary operators: between numbers, a vector and a number, and two vectors."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from .ast import Binary
from .matching import match
from .operators import COMPARISONS, SETS, Bools, Floats, calculate, holds
from .set_operators import combine
from .slabs import in_slabs
from .unique import merge_equal, nameless
from .values import Scalar, String, Value, Vector

if TYPE_CHECKING:
    from .evaluation import Evaluation


def binary(ctx: Evaluation, node: Binary, lhs: Value, rhs: Value) -> Value:
    """Return `lhs op rhs` at all steps.

    Raises `QueryError` where series do not match as the operator needs it.
    """
    if isinstance(lhs, String) or isinstance(rhs, String):
        raise TypeError("the parser lets no string through to an operator")
    ctx.budget.check()
    if isinstance(lhs, Scalar):
        if isinstance(rhs, Scalar):
            return Scalar(_numbers(node.op, lhs.values, rhs.values))
        return _with_scalar(ctx, node, rhs, lhs.values[:, None], rhs.values)
    if isinstance(rhs, Scalar):
        return _with_scalar(ctx, node, lhs, lhs.values, rhs.values[:, None])
    if node.op in SETS:
        return combine(ctx, node, lhs, rhs)
    return match(ctx, node, lhs, rhs)


def _numbers(op: str, left: Floats, right: Floats) -> Floats:
    if op in COMPARISONS:
        return holds(op, left, right).astype(np.float64)
    return calculate(op, left, right)


def _with_scalar(
    ctx: Evaluation, node: Binary, vector: Vector, left: Floats, right: Floats
) -> Vector:
    """Return *left* op *right*, one of which is the vector's values, the other a column."""
    if node.op in COMPARISONS and not node.return_bool:
        return keep_where(vector, in_slabs(ctx, partial(holds, node.op), left, right))
    values = in_slabs(ctx, partial(_numbers, node.op), left, right)
    return merge_equal(ctx, Vector(nameless(vector.labels), values, vector.present))


def keep_where(vector: Vector, kept: Bools) -> Vector:
    """Return the samples of *vector* where *kept* (P, N), names and values as they are."""
    present = kept if vector.present is None else kept & vector.present
    return Vector(vector.labels, vector.values, present)
