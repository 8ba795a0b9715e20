"""A function's arguments by the types that the parser has made sure of."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..ast import Expr, Paren
from ..values import Scalar, String, Value, Vector


def vector(value: Value) -> Vector:
    """Return *value*, which is a vector."""
    if not isinstance(value, Vector):
        raise TypeError(f"not a vector: {value}")
    return value


def numbers(value: Value) -> NDArray[np.float64]:
    """Return the numbers of *value*, which is a scalar, shape (P,)."""
    if not isinstance(value, Scalar):
        raise TypeError(f"not a scalar: {value}")
    return value.values


def text(value: Value) -> str:
    """Return *value*, which is a string."""
    if not isinstance(value, String):
        raise TypeError(f"not a string: {value}")
    return value.value


def bare(expr: Expr) -> Expr:
    """Return *expr* without parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr
