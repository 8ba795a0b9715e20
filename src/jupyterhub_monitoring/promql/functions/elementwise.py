"""Functions that make of each sample another one: `abs`, `round`, `sin` ... They drop the name.

They take a matrix (P, N) and scalars as columns (P, 1), and give a new matrix (P, N); cells of
absent samples may hold anything. As in Go, nothing raises: what has no answer is NaN or infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Elementwise = Callable[..., Matrix]


def clamp(values: Matrix, low: Matrix, high: Matrix) -> Matrix:
    """Bring values between *low* and *high*; NaN stays NaN.

    Except where a bound leaves nothing else: Go's `Min(-Inf, NaN)` is -Inf, `Max(+Inf, NaN)` +Inf.
    """
    capped = np.where(high == -np.inf, -np.inf, np.minimum(high, values))
    return np.where(low == np.inf, np.inf, np.maximum(low, capped))


def _clamp_max(values: Matrix, high: Matrix) -> Matrix:
    return clamp(values, np.full_like(high, -np.inf), high)


def _clamp_min(values: Matrix, low: Matrix) -> Matrix:
    return clamp(values, low, np.full_like(low, np.inf))


def _round(values: Matrix, nearest: Matrix | float = 1.0) -> Matrix:
    """Round to a multiple of *nearest*, ties up. By its inverse, which loses fewer digits."""
    inverse = np.divide(1.0, nearest)
    return np.floor(values * inverse + 0.5) / inverse


def _sgn(values: Matrix) -> Matrix:
    return np.where(values < 0, -1.0, np.where(values > 0, 1.0, values))


def _rad(values: Matrix) -> Matrix:
    return values * np.pi / 180


def _deg(values: Matrix) -> Matrix:
    return values * 180 / np.pi


def _silent(function: Callable[..., Any]) -> Elementwise:
    """Let *function* give NaN and infinities without NumPy's warnings."""

    def silent(values: Matrix, *scalars: Matrix) -> Matrix:
        with np.errstate(all="ignore"):
            return np.asarray(function(values, *scalars), dtype=np.float64)

    return silent


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "clamp_max": _clamp_max,
    "clamp_min": _clamp_min,
    "cos": np.cos,
    "cosh": np.cosh,
    "deg": _deg,
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "rad": _rad,
    "round": _round,
    "sgn": _sgn,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "tan": np.tan,
    "tanh": np.tanh,
}

ELEMENTWISE = {name: _silent(function) for name, function in _FUNCTIONS.items()}
"""By name. The arguments after the vector are scalars, of which `round` may go without."""
