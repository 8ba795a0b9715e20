"""A query's text as a tree: precedence climbing over Prometheus's grammar.

What is experimental in Prometheus, or needs native histograms, is an error that names it.
"""

from __future__ import annotations

import difflib
import math

from ..errors import QueryTooComplex
from ..store.matcher import Matcher
from .ast import (
    Aggregation,
    Binary,
    Call,
    Cardinality,
    Expr,
    Matching,
    Number,
    Paren,
    Selector,
    Span,
    Text,
    Unary,
    ValueType,
)
from .budget import Limits
from .check import check, value_type
from .cursor import DEEPEST
from .lexer import Kind, Token
from .quoting import is_utf8, quote
from .selector_parser import SelectorParser
from .signatures import (
    AGGREGATIONS,
    EXPERIMENTAL_FUNCTIONS,
    NATIVE_HISTOGRAM_FUNCTIONS,
    NATIVE_HISTOGRAM_OPERATORS,
    PRECEDENCE,
    SET_OPERATORS,
    SIGNATURES,
)

_NATIVE = "native histograms are not stored"
_SIGNED = PRECEDENCE["^"]  # an operator must bind at least so tightly to belong under a sign
_NAMES = {Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER, Kind.AGGREGATOR, Kind.PREPROCESSOR}
_METRIC_WORDS = {"and", "or", "unless", "by", "without", "offset", "anchored", "smoothed"}
_LABEL_KINDS = _NAMES | {Kind.KEYWORD}
_LABEL_OPERATORS = {"and", "or", "unless", "atan2"}
_GROUPINGS = {"by", "without"}
_GROUPS = {"group_left": Cardinality.MANY_TO_ONE, "group_right": Cardinality.ONE_TO_MANY}


def parse(query: str, limits: Limits = Limits()) -> Expr:  # noqa: B008 -- frozen
    """Return the tree of *query*, all types checked.

    Raises ParseError with the first error and its place, QueryTooComplex beyond a limit.
    """
    expr = _Parser(query, limits).whole()
    check(expr, query)
    return expr


def parse_selector(text: str, limits: Limits = Limits()) -> tuple[Matcher, ...]:  # noqa: B008
    """Return the matchers of a selector such as `up{job="x"}`, as `match[]` has them.

    Raises ParseError. `{}` and its kin, which select everything, are up to the caller.
    """
    return _Parser(text, limits).whole_selector().matchers


class _Parser(SelectorParser):
    """Reads one query."""

    def __init__(self, query: str, limits: Limits) -> None:
        super().__init__(query, limits)
        self.max_operators = limits.max_operators
        self.max_nesting = min(limits.max_nesting, DEEPEST)
        self.operators = self.depth = 0

    def whole(self) -> Expr:
        """Read an expression to the end of the query."""
        if self.token.kind is Kind.END:
            self.fail("no expression found in input", 0, 0)
        expr = self.expression()
        self.end()
        return expr

    def whole_selector(self) -> Selector:
        """Read a selector without range, offset or `@` to the end of the query."""
        if not self.at("{") and not self._at_metric():
            self.unexpected()
        selector = self.selector()
        self.end()
        return selector

    # -- operators --------------------------------------------------------------------------------

    def expression(self, least: int = 0) -> Expr:
        """Read an expression of operators that bind at least as tightly as *least*."""
        self.depth += 1
        if self.depth > self.max_nesting:
            raise QueryTooComplex("nesting", self.max_nesting, self.query, self.token.start)
        left = self._signed_operand()
        vector = value_type(left) is ValueType.VECTOR
        while (binds := self._binds()) and binds >= least:
            operator = self._operator()
            return_bool = self._bool()
            matching = self._matching(operator)
            right = self.expression(binds if operator.text == "^" else binds + 1)
            right_vector = value_type(right) is ValueType.VECTOR
            # Matching is kept between vectors, and where the type check is to complain about it.
            kept = matching if (vector and right_vector) or matching.labels else None
            span = Span(left.span.start, right.span.end)
            left = Binary(operator.text, left, right, return_bool, kept, span)
            vector = vector or right_vector
        self.depth -= 1
        return left

    def _binds(self) -> int:
        """Return how tightly the next token binds; 0 where it is no binary operator."""
        return PRECEDENCE.get(self.token.text, 0) if self.token.kind is Kind.OPERATOR else 0

    def _operator(self) -> Token:
        operator = self.advance()
        if operator.text in NATIVE_HISTOGRAM_OPERATORS:
            self.unsupported(f'operator "{operator.text}" is', operator, _NATIVE)
        self.operators += 1
        if self.operators > self.max_operators:
            raise QueryTooComplex("operators", self.max_operators, self.query, operator.start)
        return operator

    def _bool(self) -> bool:
        if self.at_word("bool"):
            self.advance()
            return True
        return False

    def _matching(self, operator: Token) -> Matching:
        """Read `on (…)` or `ignoring (…)`, and `group_left (…)` or `group_right (…)` after it."""
        cardinality = Cardinality.ONE_TO_ONE
        labels: tuple[str, ...] = ()
        include: tuple[str, ...] = ()
        on = self.at_word("on")
        if on or self.at_word("ignoring"):
            self.advance()
            labels = self._labels()
            if self.at_word("group_left", "group_right"):
                cardinality = _GROUPS[self.advance().text]
                include = self._labels() if self.at("(") else ()
        if self.at_word("fill", "fill_left", "fill_right"):
            self.unsupported(f"{self.token.text} modifier is", self.token)
        if operator.text in SET_OPERATORS and cardinality is Cardinality.ONE_TO_ONE:
            cardinality = Cardinality.MANY_TO_MANY
        return Matching(cardinality, labels, on, include)

    def _signed_operand(self) -> Expr:
        """Read an operand, with a sign before it or not. A number takes its sign in."""
        sign = self.token
        if sign.kind is not Kind.OPERATOR or sign.text not in {"+", "-"}:
            return self.postfix(self._operand())
        self.advance()
        expr = self.expression(_SIGNED)
        span = Span(sign.start, expr.span.end)
        if not isinstance(expr, Number):
            return Unary(sign.text, expr, span)
        negative = sign.text == "-" and not math.isnan(expr.value)
        return Number(-expr.value if negative else expr.value, span, expr.duration)

    # -- operands ---------------------------------------------------------------------------------

    def _operand(self) -> Expr:
        token = self.token
        if token.kind is Kind.NUMBER or token.kind is Kind.DURATION:
            value = self.literal()
            return Number(value, Span(token.start, token.end), token.kind is Kind.DURATION)
        if token.kind is Kind.STRING:
            return Text(self.string(), Span(token.start, token.end))
        if self.accept("("):
            inner = self.expression()
            self.expect(")")
            return Paren(inner, self.since(token.start))
        if self.at("{"):
            return self.selector()
        if self._at_metric():
            return self._named()
        return self.unexpected()

    def _at_metric(self) -> bool:
        """Say whether the next token can be a metric's name."""
        return self.token.kind in _NAMES or self.token.text in _METRIC_WORDS

    def _named(self) -> Expr:
        """Read what begins with a name: a selector, a call or an aggregation."""
        kind, after = self.token.kind, self.following()
        called = after.text == "("
        if kind is Kind.AGGREGATOR and (called or after.text in _GROUPINGS):
            return self._aggregation(self.advance())
        if called and kind in {Kind.IDENTIFIER, Kind.PREPROCESSOR}:
            return self._call(self.advance())
        return self.selector()

    def _call(self, name: Token) -> Call:
        if name.text not in SIGNATURES:
            self._no_function(name)
        args = self._arguments()
        return Call(name.text, tuple(args), self.since(name.start))

    def _no_function(self, name: Token) -> None:
        if name.text in EXPERIMENTAL_FUNCTIONS:
            self.unsupported(f'function "{name.text}" is', name)
        if name.text in NATIVE_HISTOGRAM_FUNCTIONS:
            self.unsupported(f'function "{name.text}" is', name, _NATIVE)
        close = difflib.get_close_matches(name.text[:40], (*SIGNATURES, *AGGREGATIONS), n=1)
        hint = f"; did you mean {quote(close[0])}?" if close else ""
        self.fail(f'unknown function with name "{name.text}"{hint}', name.start, name.end)

    def _arguments(self, context: str = "") -> list[Expr]:
        """Read `(expr, …)`."""
        self.expect("(", context, "")
        args: list[Expr] = []
        if self.accept(")"):
            return args
        args.append(self.expression())
        while not self.accept(")"):
            comma = self.expect(",", "", '"," or ")"')
            if self.at(")"):
                self.fail(
                    "trailing commas not allowed in function call args", comma.start, comma.end
                )
            args.append(self.expression())
        return args

    # -- aggregations -----------------------------------------------------------------------------

    def _aggregation(self, name: Token) -> Aggregation:
        grouping, without = self._grouping()
        before = grouping is not None
        args = self._arguments("aggregation")
        if not before:
            grouping, without = self._grouping()
        span = self.since(name.start)
        if name.text not in AGGREGATIONS:
            self.unsupported(f"{name.text}() is", name)
        if not args:
            self.fail("no arguments for aggregate expression provided", span.start, span.end)
        wanted = 1 if AGGREGATIONS[name.text] is None else 2
        if len(args) != wanted:
            self.fail(
                "wrong number of arguments for aggregate expression provided, "
                f"expected {wanted}, got {len(args)}",
                span.start,
                span.end,
            )
        param = args[0] if wanted == 2 else None
        return Aggregation(name.text, args[-1], param, grouping or (), without, span)

    def _grouping(self) -> tuple[tuple[str, ...] | None, bool]:
        """Read `by (…)` or `without (…)`. Return the labels or None, and whether the latter."""
        if not self.at_word(*_GROUPINGS):
            return None, False
        without = self.advance().text == "without"
        return self._labels(), without

    def _labels(self) -> tuple[str, ...]:
        """Read `(label, "label", …)`; a comma may follow the last."""
        self.expect("(", "grouping opts")
        labels: list[str] = []
        while not self.accept(")"):
            labels.append(self._label())
            if not self.accept(",") and not self.at(")"):
                self.unexpected("grouping opts", '"," or ")"')
        return tuple(labels)

    def _label(self) -> str:
        token = self.token
        if token.kind is Kind.STRING:
            label = self.string()
        elif token.kind in _LABEL_KINDS or token.text in _LABEL_OPERATORS:
            label = self.written(self.advance())
        else:
            self.unexpected("grouping opts", "label")
        if not label or not is_utf8(label):
            reason = f"invalid label name for grouping: {quote(label)}"
            self.fail(reason, token.start, token.end)
        return label
