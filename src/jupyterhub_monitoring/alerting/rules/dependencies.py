"""Which series an expression reads, as far as its text says: rules of a group wait for each other.

A rule sees what the rules before it in its group gave. What they gave is written all at once, but
where a later one may read it before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...promql.ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Paren,
    RangeSelector,
    Selector,
    Subquery,
    Unary,
    ValueType,
    left_chain,
)
from ...promql.check import value_type
from ...store.matcher import Matcher

_FROM_NOTHING = frozenset({"absent", "absent_over_time", "vector"})
"""Functions that give series where there are none."""


@dataclass(frozen=True, slots=True)
class Reads:
    """The selectors of an expression. *needs_series*: without any series it gives none."""

    selectors: tuple[tuple[Matcher, ...], ...]
    needs_series: bool

    @classmethod
    def of(cls, expr: Expr) -> Reads:
        """Return what *expr* reads."""
        nodes = list(_nodes(expr))
        selectors = tuple(node.matchers for node in nodes if isinstance(node, Selector))
        calls = [node for node in nodes if isinstance(node, Call)]
        from_nothing = any(call.function in _FROM_NOTHING or not call.args for call in calls)
        vector = value_type(expr) is ValueType.VECTOR
        return cls(selectors, needs_series=bool(selectors) and vector and not from_nothing)

    def may_be(self, names: Sequence[str]) -> bool:
        """Return whether a series with one of *names* may be read."""
        return any(
            all(matcher.test()(name) for matcher in matchers if matcher.name == "__name__")
            for matchers in self.selectors
            for name in names
        )


def _nodes(expr: Expr) -> Iterator[Expr]:
    """Yield *expr* and everything in it."""
    todo = [expr]
    while todo:
        node = todo.pop()
        yield node
        todo += _children(node)


def _children(node: Expr) -> list[Expr]:
    match node:
        case Binary():
            first, links = left_chain(node)
            return [first, *(link.rhs for link in links)]
        case Call(args=args):
            return list(args)
        case Aggregation(expr=inner, param=param):
            return [inner] if param is None else [inner, param]
        case RangeSelector(selector=selector):
            return [selector]
        case Subquery(expr=inner) | Unary(expr=inner) | Paren(expr=inner):
            return [inner]
        case _:
            return []
