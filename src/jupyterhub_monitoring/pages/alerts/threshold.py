"""An expression taken apart for a plot: what is watched, and the number that it must not cross."""

from __future__ import annotations

from dataclasses import dataclass

from ...promql.ast import Binary, Expr, Paren, ValueType
from ...promql.check import value_type
from ...promql.printer import one_line
from ...promql.signatures import COMPARISONS

_CONDITIONS = ("and", "unless")
"""What stands behind these decides whether it counts, and changes no value."""


@dataclass(frozen=True, slots=True)
class Watched:
    """PromQL of what is drawn, and of the dashed line; *threshold* is empty where there is none.

    *more* is whether other conditions have to hold, too.
    """

    query: str
    threshold: str = ""
    more: bool = False


def watched(expr: Expr) -> Watched:
    """Return what to draw of a rule's expression, which has been checked.

    `x > 5` is x and 5, `x > 5 and y` is so too; what is no such comparison is drawn as it is.
    """
    left, more = _without_conditions(expr)
    if isinstance(left, Binary) and left.op in COMPARISONS:
        sides = [left.lhs, left.rhs]
        if value_type(sides[1]) is not ValueType.SCALAR:
            sides.reverse()
        value, number = sides
        if value_type(number) is ValueType.SCALAR:
            return Watched(one_line(_bare(value)), one_line(_bare(number)), more)
    return Watched(one_line(_bare(expr)))


def _without_conditions(expr: Expr) -> tuple[Expr, bool]:
    more = False
    expr = _bare(expr)
    while isinstance(expr, Binary) and expr.op in _CONDITIONS:
        expr, more = _bare(expr.lhs), True
    return expr, more


def _bare(expr: Expr) -> Expr:
    while isinstance(expr, Paren):
        expr = expr.expr
    return expr
