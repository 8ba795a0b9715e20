"""Where the parser stands in a query's tokens, and how it says that something else was expected."""

from __future__ import annotations

from typing import NoReturn

from ..errors import ParseError, QueryTooComplex
from .ast import Span
from .budget import Limits
from .lexer import Kind, Token, tokens
from .quoting import quote, unquote

DEEPEST = 100
"""Levels of nesting that Python's stack stands, whatever the limit says."""

_NAMES = frozenset({Kind.IDENTIFIER, Kind.METRIC_IDENTIFIER})


class Cursor:
    """The tokens of *query*, of which `token` is the next one."""

    def __init__(self, query: str, limits: Limits) -> None:
        if len(query) > limits.max_length:
            raise QueryTooComplex("length", limits.max_length, query, limits.max_length)
        self.query = query
        self._tokens = tokens(query)
        self._next = 1
        self.token = self._tokens[0]
        self.last_end = 0  # of the token before

    def advance(self) -> Token:
        """Go on to the next token; return the one that was. The last one is never passed."""
        token = self.token
        self.last_end = token.end
        self.token = self._tokens[self._next]
        self._next += 1
        return token

    def following(self) -> Token:
        """Return the token after the next one; at the end, the last."""
        return self._tokens[min(self._next, len(self._tokens) - 1)]

    def end(self) -> None:
        """Raise if something is left."""
        if self.token.kind is not Kind.END:
            self.unexpected()

    def at(self, mark: str) -> bool:
        """Say whether the next token is this bracket, comma or the like."""
        return self.token.text == mark and self.token.kind is Kind.MARK

    def at_word(self, *words: str) -> bool:
        """Say whether the next token is one of these keywords."""
        return self.token.kind is Kind.KEYWORD and self.token.text in words

    def accept(self, mark: str) -> bool:
        """Go on if the next token is *mark*; say whether it was."""
        if self.at(mark):
            self.advance()
            return True
        return False

    def expect(self, mark: str, context: str = "", expected: str | None = None) -> Token:
        """Go on after *mark*, or raise."""
        if not self.at(mark):
            self.unexpected(context, f'"{mark}"' if expected is None else expected)
        return self.advance()

    def since(self, start: int) -> Span:
        """Return from *start* to the end of what was read last."""
        return Span(start, self.last_end)

    def written(self, token: Token) -> str:
        """Return *token* in the case in which it was written."""
        return self.query[token.start : token.end]

    def string(self) -> str:
        """Go on after a string; return what it means."""
        return unquote(self.advance().text)  # the lexer has looked at its escapes

    def fail(self, reason: str, start: int, end: int) -> NoReturn:
        """Raise a ParseError about the characters [start, end)."""
        raise ParseError(reason, self.query, start, end)

    def unexpected(self, context: str = "", expected: str = "") -> NoReturn:
        """Raise a ParseError that says what stands here instead of what was expected."""
        token = self.token
        if token.kind is Kind.ERROR:
            self.fail(token.text, token.start, token.end)
        reason = f"unexpected {self._describe(token)}"
        reason += f" in {context}" if context else ""
        reason += f", expected {expected}" if expected else ""
        self.fail(reason, token.start, token.end)

    def unsupported(
        self, what: str, token: Token, why: str = "experimental in Prometheus"
    ) -> NoReturn:
        """Raise a ParseError that names what this evaluator does not have."""
        self.fail(f"{what} not supported: {why}", token.start, token.end)

    def _describe(self, token: Token) -> str:
        """Return *token* as Prometheus names it in an error."""
        text = self.written(token)
        if token.kind is Kind.END:
            return str(token.kind.value)
        if token.kind in {Kind.OPERATOR, Kind.AGGREGATOR}:
            return f"<{token.kind.value}:{text}>"
        if token.kind is Kind.KEYWORD:
            return f"<{text}>"
        if token.kind in {Kind.MARK, Kind.PREPROCESSOR}:
            return quote(text)
        shown = quote(text) if token.kind in _NAMES or len(text) <= 10 else f"{quote(text[:10])}..."
        return f"{token.kind.value} {shown}"
