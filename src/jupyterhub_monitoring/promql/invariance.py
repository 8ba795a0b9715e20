"""Which parts of a query are the same at every step, so that once is enough."""

from __future__ import annotations

from .ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Paren,
    RangeSelector,
    Selector,
    Subquery,
    Unary,
)
from .functions.dates import DATES

TIME_DEPENDENT = frozenset({*DATES, "predict_linear", "time", "timestamp"})
"""Functions that read the step's time, whatever `@` says."""


def is_invariant(expr: Expr) -> bool:
    """Whether *expr* has the same value at all steps of a query."""
    waiting: list[Expr] = [expr]
    while waiting:  # no recursion: a chain of operators may be long
        match waiting.pop():
            case Selector(at=None) | RangeSelector(selector=Selector(at=None)) | Subquery(at=None):
                return False
            case Call(function=name, args=args):
                if name in TIME_DEPENDENT:
                    return False
                waiting.extend(args)
            case Binary(lhs=lhs, rhs=rhs):
                waiting += [lhs, rhs]
            case Aggregation(expr=inner, param=param):
                waiting += [inner] if param is None else [inner, param]
            case Unary(expr=inner) | Paren(expr=inner):
                waiting.append(inner)
    return True
