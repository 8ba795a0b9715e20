"""The grammar of selectors and of what follows them: matchers, ranges, offsets and `@`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from ..errors import BadMatcher
from ..store.matcher import Matcher, MatchType, compiled
from .ast import At, Expr, RangeSelector, Selector, Subquery
from .budget import Limits
from .cursor import Cursor
from .go_format import format_float
from .lexer import Kind, Token
from .numbers import parse_duration, parse_number, seconds_to_milliseconds
from .quoting import is_utf8, quote

_MATCH_TYPES = {kind.value: kind for kind in MatchType}
_DURATION_WORDS = {"step", "range", "max_of", "min_of"}
_SIGNS = {"+": 1, "-": -1}
_LARGEST = 2**63 - 1

LARGEST_REGEXES = 200_000
"""Instructions of all regular expressions of a query: they compile in about 0.1 s.

A thousand names joined by `|` are 200.
"""

Number = TypeVar("Number", int, float)


class SelectorParser(Cursor):
    """Reads `name{label="value"}[5m] offset 1h @ 1609746000` and its parts."""

    def __init__(self, query: str, limits: Limits) -> None:
        super().__init__(query, limits)
        self.regex_size = 0

    def selector(self) -> Selector:
        """Read a metric's name, matchers in braces, or both."""
        start, name = self.token.start, None
        if not self.at("{"):
            name = self.written(self.advance())
        matchers = self._matchers() if self.at("{") else []
        if name is not None:
            matchers.append(Matcher("__name__", MatchType.EQUAL, name))
        return Selector(name, tuple(matchers), span=self.since(start))

    def _matchers(self) -> list[Matcher]:
        self.advance()
        matchers: list[Matcher] = []
        while not self.accept("}"):
            matchers.append(self._matcher())
            if not self.accept(",") and not self.at("}"):
                self.unexpected("label matching", '"," or "}"')
        return matchers

    def _matcher(self) -> Matcher:
        """Read `label="value"`, `"label"="value"`, or `"metric"` alone."""
        first = self.token
        if first.kind is Kind.STRING:
            name = self.string()
            if self.at(",") or self.at("}"):
                return Matcher("__name__", MatchType.EQUAL, name)
        elif first.kind is Kind.IDENTIFIER:
            name = self.advance().text
        else:
            self.unexpected("label matching", 'identifier or "}"')
        match_type = _MATCH_TYPES.get(self.token.text)
        if match_type is None:
            after_string = first.kind is Kind.STRING
            expected = '"," or "}"' if after_string else "label matching operator"
            self.unexpected("label matching", expected)
        self.advance()
        if self.token.kind is not Kind.STRING:
            self.unexpected("label matching", "string")
        return self._new_matcher(name, match_type, self.string(), first)

    def _new_matcher(self, name: str, match_type: MatchType, value: str, first: Token) -> Matcher:
        regex = match_type in {MatchType.REGEX, MatchType.NOT_REGEX}
        if regex and not is_utf8(value):
            self.fail(f"regular expression {quote(value)} is no UTF-8", first.start, self.last_end)
        try:
            matcher = Matcher(name, match_type, value)
        except BadMatcher as error:
            self.fail(str(error), first.start, self.last_end)
        if regex:
            self._count_regex(value, first)
        return matcher

    def _count_regex(self, pattern: str, first: Token) -> None:
        """Refuse a query whose regular expressions take long to compile, each as long as may be."""
        self.regex_size += compiled(pattern).programsize
        if self.regex_size > LARGEST_REGEXES:
            reason = "the regular expressions of the query are too large together"
            self.fail(reason, first.start, self.last_end)

    def postfix(self, expr: Expr) -> Expr:
        """Read the ranges, subqueries, offsets and `@` that follow *expr*."""
        while True:
            token = self.token
            if token.kind is Kind.MARK and token.text == "[":
                expr = self._bracket(expr)
            elif token.kind is Kind.OPERATOR and token.text == "@":
                expr = self._at(expr)
            elif token.kind is not Kind.KEYWORD:
                return expr
            elif token.text == "offset":
                expr = self._offset(expr)
            elif token.text in {"anchored", "smoothed"}:
                self.unsupported(f"{token.text} modifier is", token)
            else:
                return expr

    # -- ranges and subqueries --------------------------------------------------------------------

    def _bracket(self, expr: Expr) -> Expr:
        """Read `[5m]`, `[1h:5m]` or `[1h:]`."""
        opened = self.advance()
        range_ms = self._positive("subquery or range selector", "number or duration")
        if self.accept("]"):
            return self._range(expr, range_ms, opened)
        self.expect(":", "subquery or range", '":" or "]"')
        step_ms = None
        if not self.at("]"):
            step_ms = self._positive("subquery selector", 'number, duration or "]"')
        self.expect("]", "subquery selector")
        span = self.since(expr.span.start)
        if isinstance(expr, (RangeSelector, Subquery)):  # known at once, so that none is too deep
            self.fail(
                "subquery is only allowed on instant vector, got matrix instead",
                span.start,
                span.end,
            )
        return Subquery(expr, range_ms, step_ms, span=span)

    def _range(self, expr: Expr, range_ms: int, opened: Token) -> RangeSelector:
        reason = ""
        if not isinstance(expr, Selector):
            reason = "ranges only allowed for vector selectors"
        elif expr.offset_ms:
            reason = "no offset modifiers allowed before range"
        elif expr.at is not None:
            reason = "no @ modifiers allowed before range"
        if reason or not isinstance(expr, Selector):
            self.fail(reason, opened.start, self.last_end)
        return RangeSelector(expr, range_ms, self.since(expr.span.start))

    def _positive(self, context: str, expected: str) -> int:
        """Read a duration between brackets; return its milliseconds."""
        start = self.token.start
        milliseconds = self._duration(context, expected)
        if self.token.kind is Kind.OPERATOR:
            self._duration_expression(self.token)
        if milliseconds <= 0:
            self.fail("duration must be greater than 0", start, self.last_end)
        return milliseconds

    # -- offset and @ -----------------------------------------------------------------------------

    def _offset(self, expr: Expr) -> Expr:
        """Read `offset 5m`, also below zero."""
        self.advance()
        offset_ms = self._duration("offset", "number or duration")
        inner = self._modified(expr, "offset modifier")
        if inner.offset_ms:
            self.fail("offset may not be set multiple times", expr.span.start, expr.span.end)
        return self._with(expr, replace(inner, offset_ms=offset_ms))

    def _at(self, expr: Expr) -> Expr:
        """Read `@ 1609746000`, `@ start()` or `@ end()`."""
        self.advance()
        token = self.token
        if token.kind is Kind.PREPROCESSOR and token.text in {"start", "end"}:
            self.advance()
            self.expect("(", "@", "timestamp")
            self.expect(")", "@", "timestamp")
            at = At(bound="start" if token.text == "start" else "end")
        else:
            seconds = self._timestamp()
            if math.isnan(seconds) or not abs(seconds) * 1000 < _LARGEST:
                self.fail(
                    f"timestamp out of bounds for @ modifier: {format_float(seconds)}",
                    expr.span.start,
                    self.last_end,
                )
            at = At(timestamp_ms=_round(seconds * 1000))
        inner = self._modified(expr, "@ modifier")
        if inner.at is not None:
            self.fail("@ <timestamp> may not be set multiple times", expr.span.start, expr.span.end)
        return self._with(expr, replace(inner, at=at))

    def _modified(self, expr: Expr, modifier: str) -> Selector | Subquery:
        """Return the part of *expr* that carries offset and `@`."""
        if isinstance(expr, RangeSelector):
            return expr.selector
        if isinstance(expr, (Selector, Subquery)):
            return expr
        return self.fail(
            f"{modifier} must be preceded by an instant vector selector or range vector selector "
            "or a subquery",
            expr.span.start,
            expr.span.end,
        )

    def _with(self, expr: Expr, inner: Selector | Subquery) -> Expr:
        """Return *expr* with *inner* as its part that carries offset and `@`."""
        span = self.since(expr.span.start)
        if isinstance(expr, RangeSelector) and isinstance(inner, Selector):
            return replace(expr, selector=inner, span=span)
        return replace(inner, span=span)

    # -- numbers and durations --------------------------------------------------------------------

    def _duration(self, context: str, expected: str) -> int:
        """Read a duration or a number of seconds, signed; return its milliseconds."""
        start, sign = self.token.start, 1
        while self._at_sign():
            sign *= _SIGNS[self.advance().text]
        token = self.token
        if self.at("(") or token.text in _DURATION_WORDS:
            self._duration_expression(token)
        if token.kind is Kind.DURATION:  # not by way of a float: it would not be exact
            return sign * self._read(parse_duration)
        seconds = self._number(context, expected)
        try:
            return sign * seconds_to_milliseconds(seconds)
        except ValueError as error:
            self.fail(str(error), start, self.last_end)

    def _timestamp(self) -> float:
        """Read seconds since 1970, with a sign before it or not."""
        sign = _SIGNS[self.advance().text] if self._at_sign() else 1
        return sign * self._number("@", "timestamp")

    def _at_sign(self) -> bool:
        return self.token.kind is Kind.OPERATOR and self.token.text in _SIGNS

    def _number(self, context: str, expected: str) -> float:
        if self.token.kind not in {Kind.NUMBER, Kind.DURATION}:
            self.unexpected(context, expected)
        return self.literal()

    def literal(self) -> float:
        """Read a number, or a duration in seconds."""
        if self.token.kind is Kind.DURATION:
            return self._read(parse_duration) / 1000
        return self._read(parse_number)

    def _read(self, meaning: Callable[[str], Number]) -> Number:
        """Go on after a literal; return its *meaning*, whose ValueError is the query's error."""
        token = self.advance()
        try:
            return meaning(token.text)
        except ValueError as error:
            number = token.kind is Kind.NUMBER
            shown = f"error parsing number: {quote(token.text)}: " if number else ""
            self.fail(f"{shown}{error}", token.start, token.end)

    def _duration_expression(self, token: Token) -> None:
        self.unsupported("duration expressions are", token)


def _round(value: float) -> int:
    """Return the nearest integer, halves away from zero, as Go rounds."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))
