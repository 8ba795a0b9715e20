"""The place of a parser among a template's tokens."""

from __future__ import annotations

from typing import NoReturn

from ...errors import TemplateError
from .lexer import Kind, Token, tokens


class Cursor:
    """Reads the tokens of *text* one after the other."""

    def __init__(self, text: str) -> None:
        self.tokens = list(tokens(text))
        self.position = 0

    @property
    def token(self) -> Token:
        """The next token; at the end it stays the last one."""
        return self.tokens[min(self.position, len(self.tokens) - 1)]

    def next(self) -> Token:
        """Take the next token. Raises TemplateError where the text cannot be read."""
        token = self.token
        if token.kind is Kind.ERROR:
            self.fail(token.text)
        self.position += 1
        return token

    def skip_space(self) -> Token:
        """Return the next token that is no space, without taking it."""
        while self.token.kind is Kind.SPACE:
            self.position += 1
        return self.token

    def expect(self, *kinds: Kind, context: str) -> Token:
        """Take the next token that is no space, which has to be one of *kinds*."""
        token = self.skip_space()
        if token.kind not in kinds:
            self.unexpected(token, context)
        return self.next()

    def at_keyword(self, word: str) -> bool:
        """Say whether an action begins here whose first word is *word*."""
        position = self.position
        if self.token.kind is not Kind.LEFT:
            return False
        self.position += 1
        found = self.skip_space()
        self.position = position
        return found.kind is Kind.KEYWORD and found.text == word

    def fail(self, reason: str) -> NoReturn:
        """Raise TemplateError at the line of the next token."""
        raise TemplateError(self.token.line, reason)

    def unexpected(self, token: Token, context: str) -> NoReturn:
        """Raise TemplateError because *token* stands there."""
        self.fail(token.text if token.kind is Kind.ERROR else f"unexpected {token} in {context}")
