"""The types of a query: what each expression gives, and whether that fits where it stands.

The words are Prometheus's, and so is the order in which errors are found.
"""

from __future__ import annotations

from typing import NoReturn

from ..errors import ParseError
from ..store.matcher import Matcher
from .ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    Number,
    Paren,
    RangeSelector,
    Selector,
    Span,
    Subquery,
    Text,
    Unary,
    ValueType,
    left_chain,
)
from .quoting import quote
from .signatures import AGGREGATIONS, COMPARISONS, SET_OPERATORS, SIGNATURES

_DOCUMENTED = {
    ValueType.SCALAR: "scalar",
    ValueType.VECTOR: "instant vector",
    ValueType.MATRIX: "range vector",
    ValueType.STRING: "string",
}
_CALCULABLE = {ValueType.SCALAR, ValueType.VECTOR}


def value_type(expr: Expr) -> ValueType:
    """Return what *expr*, which has been checked, gives."""
    while isinstance(expr, (Paren, Unary)):
        expr = expr.expr
    match expr:
        case Binary():
            return _binary_type(expr)
        case Call(function=name):
            return SIGNATURES[name].returns
        case Number():
            return ValueType.SCALAR
        case Text():
            return ValueType.STRING
        case RangeSelector() | Subquery():
            return ValueType.MATRIX
        case _:
            return ValueType.VECTOR


def _binary_type(binary: Binary) -> ValueType:
    """Return VECTOR if any operand is one."""
    if binary.matching is not None:
        return ValueType.VECTOR
    first, chain = left_chain(binary)
    operands = [first, *(link.rhs for link in chain)]
    if all(value_type(operand) is ValueType.SCALAR for operand in operands):
        return ValueType.SCALAR
    return ValueType.VECTOR


def check(expr: Expr, query: str) -> ValueType:
    """Return what *expr*, as parsed from *query*, gives. Raises ParseError where types misfit."""
    return _Check(query).expression(expr)


def _requires_a_series(matchers: tuple[Matcher, ...]) -> bool:
    """Say whether some matcher refuses the empty value, so that not everything is selected."""
    return any(not matcher.test()("") for matcher in matchers)


class _Check:
    """The walk over one query's tree."""

    def __init__(self, query: str) -> None:
        self.query = query

    def fail(self, reason: str, span: Span) -> NoReturn:
        raise ParseError(reason, self.query, span.start, span.end)

    def expression(self, expr: Expr) -> ValueType:  # noqa: C901, PLR0911 -- only dispatches
        """Check *expr* and all inside it; return what it gives."""
        match expr:
            case Selector():
                self.selector(expr)
                return ValueType.VECTOR
            case RangeSelector(selector=selector):
                self.selector(selector)
                return ValueType.MATRIX
            case Binary():
                return self.chain(expr)
            case Call():
                return self.call(expr)
            case Aggregation():
                return self.aggregation(expr)
            case Paren(expr=inner):
                return self.expression(inner)
            case Unary():
                return self.unary(expr)
            case Subquery():
                return self.subquery(expr)
            case Number():
                return ValueType.SCALAR
            case Text():
                return ValueType.STRING

    def expect(self, expr: Expr, wanted: ValueType, place: str) -> None:
        given = self.expression(expr)
        if given is not wanted:
            self.fail(
                f"expected type {_DOCUMENTED[wanted]} in {place}, got {_DOCUMENTED[given]}",
                expr.span,
            )

    def selector(self, selector: Selector) -> None:
        if selector.name is None:
            if not _requires_a_series(selector.matchers):
                self.fail(
                    "vector selector must contain at least one non-empty matcher", selector.span
                )
            return
        for matcher in selector.matchers[:-1]:  # the last one is the name before the braces
            if matcher.name == "__name__":
                names = f"{quote(selector.name)} or {quote(matcher.value)}"
                self.fail(f"metric name must not be set twice: {names}", selector.span)

    def subquery(self, subquery: Subquery) -> ValueType:
        given = self.expression(subquery.expr)
        if given is not ValueType.VECTOR:
            self.fail(
                f"subquery is only allowed on instant vector, got {given.value} instead",
                subquery.span,
            )
        return ValueType.MATRIX

    def unary(self, unary: Unary) -> ValueType:
        given = self.expression(unary.expr)
        if given not in _CALCULABLE:
            self.fail(
                "unary expression only allowed on expressions of type scalar or instant vector, "
                f'got "{_DOCUMENTED[given]}"',
                unary.span,
            )
        return given

    def aggregation(self, aggregation: Aggregation) -> ValueType:
        self.expect(aggregation.expr, ValueType.VECTOR, "aggregation expression")
        wanted = AGGREGATIONS[aggregation.op]
        if wanted is not None and aggregation.param is not None:
            self.expect(aggregation.param, wanted, "aggregation parameter")
        return ValueType.VECTOR

    def call(self, call: Call) -> ValueType:
        signature, count = SIGNATURES[call.function], len(call.args)
        least, most = signature.least, signature.most
        if not least <= count <= (count if most is None else most):
            if least == most:
                wanted = f"expected {least}"
            else:
                wanted = (
                    f"expected at least {least}" if count < least else f"expected at most {most}"
                )
            self.fail(f'{wanted} argument(s) in call to "{call.function}", got {count}', call.span)
        for index, arg in enumerate(call.args):
            self.expect(arg, signature.argument(index), f'call to function "{call.function}"')
        return signature.returns

    def chain(self, binary: Binary) -> ValueType:
        """Check a chain of operators that group to the left, in a loop: it may be long."""
        first, links = left_chain(binary)
        left = self.expression(first)
        for link in links:
            left = self.binary(link, left, self.expression(link.rhs))
        return left

    def binary(self, binary: Binary, left: ValueType, right: ValueType) -> ValueType:
        both_scalars = left is right is ValueType.SCALAR
        if binary.return_bool and binary.op not in COMPARISONS:
            self.fail(
                "bool modifier can only be used on comparison operators", self.operator(binary)
            )
        if binary.op in COMPARISONS and both_scalars and not binary.return_bool:
            self.fail("comparisons between scalars must use BOOL modifier", self.operator(binary))
        self.include(binary)
        for operand, given in ((binary.lhs, left), (binary.rhs, right)):
            if given not in _CALCULABLE:
                self.fail(
                    "binary expression must contain only scalar and instant vector types",
                    operand.span,
                )
        if left is right is ValueType.VECTOR:
            self.set_operator(binary)
        else:
            self.without_matching(binary)
        return ValueType.SCALAR if both_scalars else ValueType.VECTOR

    def include(self, binary: Binary) -> None:
        matching = binary.matching
        if matching is None or not matching.on:
            return
        for label in matching.labels:
            if label in matching.include:
                self.fail(
                    f"label {quote(label)} must not occur in ON and GROUP clause at once",
                    self.operator(binary),
                )

    def set_operator(self, binary: Binary) -> None:
        if binary.op not in SET_OPERATORS or binary.matching is None:
            return
        if binary.matching.cardinality is not Cardinality.MANY_TO_MANY:
            self.fail(f'no grouping allowed for "{binary.op}" operation', binary.span)

    def without_matching(self, binary: Binary) -> None:
        """Check an operator of which at least one side is a scalar."""
        if binary.matching is not None:
            self.fail("vector matching only allowed between instant vectors", binary.span)
        if binary.op in SET_OPERATORS:
            self.fail(
                f'set operator "{binary.op}" not allowed in binary scalar expression', binary.span
            )

    def operator(self, binary: Binary) -> Span:
        """Return where the operator of *binary* stands."""
        start = binary.lhs.span.end
        while self.query[start : start + 1].isspace():
            start += 1
        return Span(start, max(start + 1, binary.rhs.span.start))
