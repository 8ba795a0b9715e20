"""What a binary operator makes of two numbers, as ufuncs: NumPy's where they agree with Go's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,  # the sign of the dividend, as in Go
    "^": np.power,
    "atan2": np.arctan2,
}

COMPARISONS: dict[str, Callable[..., Any]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}

SETS = ("and", "or", "unless")


def calculate(op: str, left: Floats, right: Floats) -> Floats:
    """Return `left op right` for an arithmetic *op*; shapes broadcast. Never warns."""
    with np.errstate(all="ignore"):
        return np.asarray(ARITHMETIC[op](left, right), dtype=np.float64)


def holds(op: str, left: Floats, right: Floats) -> Bools:
    """Return where `left op right` is true for a comparison *op*; NaN only differs (`!=`)."""
    return np.asarray(COMPARISONS[op](left, right), dtype=np.bool_)
