"""A template's text as tokens: text, and within `{{ }}` words, operators and spaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_WHITE = " \t\r\n"
_LEFT, _RIGHT = "{{", "}}"
_COMMENT = re.compile(r"\{\{(-[ \t\r\n])?/\*")
_COMMENT_END = re.compile(r"\*/(?:([ \t\r\n]-)?\}\})?")
_RIGHT_DELIMITER = re.compile(r"([ \t\r\n]+-)?\}\}")
_SPACE = re.compile(r"[ \t\r\n]+")
_NUMBER = re.compile(
    r"""[+-]?(?: 0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?
             | 0[oO][0-7_]*(?:\.[0-7_]*)?
             | 0[bB][01_]*(?:\.[01_]*)?
             | [0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)? )""",
    re.VERBOSE,
)
_QUOTED = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_CHARACTER = re.compile(r"'(?:[^'\\\n]|\\[^\n])*'")
_WORD = re.compile(r"\w+")
_TERMINATORS = frozenset(" \t\r\n.,|:)(}")


class Kind(Enum):
    """What a token is."""

    TEXT = "text"
    LEFT = "{{"
    RIGHT = "}}"
    SPACE = "space"
    PIPE = "|"
    OPEN = "("
    CLOSE = ")"
    DECLARE = ":="
    ASSIGN = "="
    CHARACTER = "character"  # any other, such as a comma
    DOT = "."
    FIELD = ".name"
    VARIABLE = "$name"
    WORD = "name"
    KEYWORD = "keyword"
    NIL = "nil"
    BOOL = "bool"
    NUMBER = "number"
    RUNE = "rune"
    STRING = "string"
    RAW = "raw string"
    END = "EOF"
    ERROR = "error"  # its text is the reason; nothing follows


KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "range", "template", "with")
)
_SINGLE = {"|": Kind.PIPE, "=": Kind.ASSIGN}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a template; *text* is as written, of a FIELD or VARIABLE without `.` or `$`."""

    kind: Kind
    text: str
    line: int

    def __str__(self) -> str:
        match self.kind:
            case Kind.END:
                return "EOF"
            case Kind.KEYWORD | Kind.NIL:
                return f"<{self.text}>"
            case Kind.FIELD | Kind.VARIABLE:
                return f"<{'.' if self.kind is Kind.FIELD else '$'}{self.text}>"
            case _:
                return f'"{self.text[:10]}"{"..." if len(self.text) > 10 else ""}'


def tokens(text: str) -> Iterator[Token]:
    """Give the tokens of a template, END or ERROR last."""
    return _Lexer(text).run()


class _Failure(Exception):  # noqa: N818 -- never leaves this module
    """The text cannot be read any further."""


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1
        self.parentheses = 0

    def run(self) -> Iterator[Token]:
        try:
            while (left := self.text.find(_LEFT, self.at)) >= 0:
                yield from self._until(left)
                if comment := _COMMENT.match(self.text, self.at):
                    self._comment(comment.end())
                else:
                    yield from self._action()
        except _Failure as failure:
            yield Token(Kind.ERROR, str(failure), self.line)
            return
        yield from self._until(len(self.text))
        yield Token(Kind.END, "", self.line)

    def _until(self, end: int) -> Iterator[Token]:
        """Give the text up to *end*, without the white space that `{{-` after it trims."""
        piece = self.text[self.at : end]
        trims = self.text.startswith("{{-", end) and self.text[end + 3 : end + 4] in tuple(_WHITE)
        shown = piece.rstrip(_WHITE) if trims else piece
        if shown:
            yield Token(Kind.TEXT, shown, self.line)
        self._advance(end)

    def _advance(self, to: int) -> str:
        """Move on; return what was passed."""
        passed = self.text[self.at : to]
        self.line += passed.count("\n")
        self.at = to
        return passed

    def _after_right(self, trims: bool) -> None:
        if trims and (space := _SPACE.match(self.text, self.at)):
            self._advance(space.end())

    def _comment(self, start: int) -> None:
        match = _COMMENT_END.search(self.text, start)
        if match is None:
            raise _Failure("unclosed comment")
        if not match[0].endswith(_RIGHT):
            raise _Failure("comment ends before closing delimiter")
        self._advance(match.end())
        self._after_right(match[1] is not None)

    def _action(self) -> Iterator[Token]:
        trims = self.text[self.at + 2 : self.at + 3] == "-" and (
            self.text[self.at + 3 : self.at + 4] in tuple(_WHITE)
        )
        yield Token(Kind.LEFT, _LEFT, self.line)
        self._advance(self.at + (3 if trims else 2))
        self.parentheses = 0
        while not (right := _RIGHT_DELIMITER.match(self.text, self.at)):
            yield self._inside()
        if self.parentheses:
            raise _Failure("unclosed left paren")
        if right[1] and len(right[1]) > 2:
            yield Token(Kind.SPACE, " ", self.line)
        self._advance(right.end())
        yield Token(Kind.RIGHT, _RIGHT, self.line)
        self._after_right(right[1] is not None)

    def _inside(self) -> Token:
        """Return the next token of an action."""
        if space := _SPACE.match(self.text, self.at):
            line = self.line
            self._advance(space.end())
            return Token(Kind.SPACE, " ", line)
        first, second = self.text[self.at : self.at + 1], self.text[self.at + 1 : self.at + 2]
        if not first:
            raise _Failure("unclosed action")
        if first in "\"`'":
            return self._quoted(first)
        if first in ".$" and not (first == "." and second.isdigit() and second.isascii()):
            return self._named(first)
        if first in "+-." or (first.isascii() and first.isdigit()):
            return self._number()
        if _is_word(first):
            return self._word()
        return self._punctuation(first, second)

    def _punctuation(self, first: str, second: str) -> Token:
        if first == ":":
            if second != "=":
                raise _Failure("expected :=")
            return self._token(Kind.DECLARE, self.at + 2)
        if first == "(":
            self.parentheses += 1
            return self._token(Kind.OPEN, self.at + 1)
        if first == ")":
            self.parentheses -= 1
            if self.parentheses < 0:
                raise _Failure("unexpected right paren")
            return self._token(Kind.CLOSE, self.at + 1)
        if first.isascii() and first.isprintable():
            return self._token(_SINGLE.get(first, Kind.CHARACTER), self.at + 1)
        raise _Failure(f"unrecognized character in action: U+{ord(first):04X}")

    def _token(self, kind: Kind, end: int) -> Token:
        line = self.line
        return Token(kind, self._advance(end), line)

    def _quoted(self, quote: str) -> Token:
        if quote == "`":
            end = self.text.find("`", self.at + 1)
            if end < 0:
                raise _Failure("unterminated raw quoted string")
            return self._token(Kind.RAW, end + 1)
        pattern, kind, name = (
            (_QUOTED, Kind.STRING, "quoted string")
            if quote == '"'
            else (_CHARACTER, Kind.RUNE, "character constant")
        )
        match = pattern.match(self.text, self.at)
        if match is None:
            raise _Failure(f"unterminated {name}")
        return self._token(kind, match.end())

    def _named(self, first: str) -> Token:
        """Return `.`, `.name`, `$` or `$name`."""
        end = self._word_end(self.at + 1)
        kind = Kind.FIELD if first == "." else Kind.VARIABLE
        if end == self.at + 1 and kind is Kind.FIELD:
            kind = Kind.DOT
        token = self._token(kind, end)
        return token if kind is Kind.DOT else Token(kind, token.text[1:], token.line)

    def _word(self) -> Token:
        end = self._word_end(self.at)
        word = self.text[self.at : end]
        if word in KEYWORDS:
            return self._token(Kind.KEYWORD, end)
        if word in {"true", "false"}:
            return self._token(Kind.BOOL, end)
        return self._token(Kind.NIL if word == "nil" else Kind.WORD, end)

    def _word_end(self, start: int) -> int:
        """Return where the word that begins at *start* ends; what follows must not touch it."""
        match = _WORD.match(self.text, start)
        end = match.end() if match else start
        if match and not match[0].isascii():
            end = start + next(
                (i for i, one in enumerate(match[0]) if not _is_word(one)), len(match[0])
            )
        after = self.text[end : end + 1]
        if after and after not in _TERMINATORS:
            raise _Failure(f"bad character U+{ord(after):04X} '{after}'")
        return end

    def _number(self) -> Token:
        match = _NUMBER.match(self.text, self.at)
        end = match.end() if match else self.at
        after = self.text[end : end + 1]
        if after and (_is_word(after) or after in "+-"):
            raise _Failure(f'bad number syntax: "{self.text[self.at : end + 1]}"')
        return self._token(Kind.NUMBER, end)


def _is_word(character: str) -> bool:
    return character == "_" or character.isalpha() or character.isdecimal()
