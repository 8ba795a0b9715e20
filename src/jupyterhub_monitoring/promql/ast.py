"""The tree of a parsed query. Each node knows its type and where it stands in the text."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from ..store.matcher import Matcher


class ValueType(str, Enum):
    """What an expression gives, as the HTTP API names it."""

    SCALAR = "scalar"
    VECTOR = "vector"
    MATRIX = "matrix"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of the query's text."""

    start: int = 0
    end: int = 0


NOWHERE = Span()


@dataclass(frozen=True, slots=True)
class Number:
    """`1.5`, `0x1f`, `Inf`, or a duration in seconds (`5m` is 300)."""

    value: float
    span: Span = field(default=NOWHERE, compare=False)
    duration: bool = field(default=False, compare=False)  # written as one, and so shown again


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string, unescaped."""

    value: str
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class At:
    """`@ 1609746000.5`, `@ start()` or `@ end()`."""

    timestamp_ms: int | None = None
    bound: Literal["start", "end"] | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector selector. *matchers* include the one for `__name__`, if there is one."""

    name: str | None
    matchers: tuple[Matcher, ...]
    offset_ms: int = 0
    at: At | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RangeSelector:
    """`selector[5m]`; offset and `@` stand on the selector."""

    selector: Selector
    range_ms: int
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Subquery:
    """`(expr)[1h:5m]`; *step_ms* None is the engine's default interval."""

    expr: Expr
    range_ms: int
    step_ms: int | None
    offset_ms: int = 0
    at: At | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, as written: defaults are not filled in."""

    function: str
    args: tuple[Expr, ...]
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Aggregation:
    """`sum by (a) (expr)`; *param* is the k, the quantile or the label of those that have one."""

    op: str
    expr: Expr
    param: Expr | None = None
    grouping: tuple[str, ...] = ()
    without: bool = False
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`-expr` or `+expr`."""

    op: str
    expr: Expr
    span: Span = field(default=NOWHERE, compare=False)


class Cardinality(str, Enum):
    """Which side of a binary operator may have several series for one of the other."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"  # group_left
    ONE_TO_MANY = "one-to-many"  # group_right
    MANY_TO_MANY = "many-to-many"  # and, or, unless


@dataclass(frozen=True, slots=True)
class Matching:
    """`on (labels) group_left (include)`; *on* False is `ignoring`, the default with no labels."""

    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    labels: tuple[str, ...] = ()
    on: bool = False
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binary:
    """`lhs op rhs`. *matching* is None unless both sides are vectors."""

    op: str
    lhs: Expr
    rhs: Expr
    return_bool: bool = False
    matching: Matching | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Paren:
    """`(expr)`, kept so that a query can be written again as it was meant."""

    expr: Expr
    span: Span = field(default=NOWHERE, compare=False)


Expr = (
    Number
    | Text
    | Selector
    | RangeSelector
    | Subquery
    | Call
    | Aggregation
    | Unary
    | Binary
    | Paren
)


def left_chain(binary: Binary) -> tuple[Expr, list[Binary]]:
    """Return `a + b - c` as a and [a + b, a + b - c], innermost first.

    Such a chain may be as long as a query may have operators, deeper than Python's stack allows:
    what walks a tree walks a chain in a loop. Everything else is at most `max_nesting` deep.
    """
    chain = [binary]
    while isinstance(left := chain[-1].lhs, Binary):
        chain.append(left)
    chain.reverse()
    return left, chain
