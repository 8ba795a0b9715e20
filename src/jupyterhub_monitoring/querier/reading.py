"""How our own parser reads a query that another engine is asked: its shape, or what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from ..errors import BadData, ParseError, QueryTooComplex
from ..promql.ast import Expr, Text, ValueType
from ..promql.budget import Limits
from ..promql.check import value_type
from ..promql.functions.arguments import bare
from ..promql.parser import parse, parse_selector
from ..promql.quoting import as_utf8
from ..store.matcher import Matcher
from .answer import Shape

_SHAPES = {
    ValueType.VECTOR: Shape.VECTOR,
    ValueType.SCALAR: Shape.SCALAR,
    ValueType.STRING: Shape.STRING,
    ValueType.MATRIX: Shape.MATRIX,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A query as *expr*, or None, because of what is *wrong* by Prometheus's rules."""

    expr: Expr | None = None
    wrong: ParseError | None = None

    @property
    def shape(self) -> Shape | None:
        """What it gives; None where that is not known."""
        return None if self.expr is None else _SHAPES[value_type(self.expr)]

    @property
    def text(self) -> str | None:
        """What it says where it is a string."""
        literal = None if self.expr is None else bare(self.expr)
        return as_utf8(literal.value) if isinstance(literal, Text) else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """What to say of an answer to it."""
        if self.wrong is None:
            return ()
        return (
            f"not PromQL as Prometheus has it ({self.wrong}); the engine reads it in its own way",
        )


@lru_cache(maxsize=512)
def read(query: str, limits: Limits) -> Reading:
    """Read *query*. Raises `QueryTooComplex`."""
    try:
        return Reading(parse(query, limits))
    except QueryTooComplex:
        raise
    except ParseError as wrong:
        return Reading(wrong=wrong)


def read_selector(match: str) -> tuple[Matcher, ...]:
    """Return the matchers of *match*. Raises `BadData` where they leave nothing out."""
    matchers = parse_selector(match)
    if all(matcher.test()("") for matcher in matchers):
        raise BadData("a selector has to name a metric or ask for a label that is not empty")
    return matchers
