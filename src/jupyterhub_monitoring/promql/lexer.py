"""A query's text as tokens, by the rules of Prometheus's lexer.

What a character means depends on where it stands: in `{}` there are no keywords, in `[]` a colon is
a mark of its own. An error becomes the last token, so that the parser reports whatever is wrong
further left first.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from .numbers import DURATION_PATTERN, NUMBER_PATTERN
from .quoting import is_utf8, unquote
from .signatures import AGGREGATIONS, EXPERIMENTAL_AGGREGATIONS


class Kind(str, Enum):
    """What a token is; the value says it in an error's text."""

    END = "end of input"
    ERROR = "error"
    IDENTIFIER = "identifier"
    METRIC_IDENTIFIER = "metric identifier"  # with a colon
    STRING = "string"
    NUMBER = "number"
    DURATION = "duration"
    MARK = ""  # brackets, comma, `=`, colon
    OPERATOR = "op"
    AGGREGATOR = "aggr"
    KEYWORD = "keyword"
    PREPROCESSOR = "preprocessor"  # start, end and their kin: names unless called


class Token(NamedTuple):
    """Characters [start, end). *text* is as written, but keywords and operators in lower case."""

    kind: Kind
    text: str
    start: int
    end: int


WORDS: dict[str, Kind] = {
    **dict.fromkeys(("and", "or", "unless", "atan2"), Kind.OPERATOR),
    **dict.fromkeys((*AGGREGATIONS, *EXPERIMENTAL_AGGREGATIONS), Kind.AGGREGATOR),
    **dict.fromkeys(("bool", "by", "without", "on", "ignoring", "offset"), Kind.KEYWORD),
    **dict.fromkeys(("group_left", "group_right", "anchored", "smoothed"), Kind.KEYWORD),
    **dict.fromkeys(("fill", "fill_left", "fill_right"), Kind.KEYWORD),
    **dict.fromkeys(("start", "end", "step", "range", "max_of", "min_of"), Kind.PREPROCESSOR),
    **dict.fromkeys(("inf", "nan"), Kind.NUMBER),
}
"""Words that are more than names."""

_FILLS = {"fill", "fill_left", "fill_right"}  # keywords only where a parenthesis follows

_STRING = r"""
    "[^"\\\n]*(?:\\.[^"\\\n]*)*"
  | '[^'\\\n]*(?:\\.[^'\\\n]*)*'
  | `[^`]*`
"""
_OUTSIDE = re.compile(
    rf"""
    (?P<word>[A-Za-z_:][A-Za-z0-9_:]*)
  | (?P<mark>[(){{}}\[\],]|=(?![=~]))
  | (?P<operator>==|!=|<=|>=|</|>/|[-+*/%^<>@])
  | (?P<number>{NUMBER_PATTERN})
  | (?P<duration>{DURATION_PATTERN})
  | (?P<string>{_STRING})
    """,
    re.VERBOSE,
)
_IN_BRACES = re.compile(
    rf"""
    (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<operator>=~|!~|!=)
  | (?P<mark>[=,}}])
  | (?P<string>{_STRING})
    """,
    re.VERBOSE,
)
_IN_BRACKETS = re.compile(
    rf"""
    (?P<number>{NUMBER_PATTERN})
  | (?P<duration>{DURATION_PATTERN})
  | (?P<mark>[:\](),])
  | (?P<operator>[-+*/%^])
  | (?P<word>(?i:step|range|max_of|min_of)(?![A-Za-z0-9_]))
    """,
    re.VERBOSE,
)
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\r\n]*)*")
_NUMERIC = re.compile(r"\.?[0-9]")
_NUMERIC_WORD = re.compile(r"[0-9A-Za-z_.]*")
_UNTERMINATED = {
    '"': "unterminated quoted string",
    "'": "unterminated quoted string",
    "`": "unterminated raw string",
}
_KINDS = {
    "name": Kind.IDENTIFIER,
    "mark": Kind.MARK,
    "operator": Kind.OPERATOR,
    "number": Kind.NUMBER,
    "duration": Kind.DURATION,
    "string": Kind.STRING,
}


def tokens(query: str) -> list[Token]:
    """Return the tokens of *query*; the last one is of kind END or ERROR. Never raises."""
    if not is_utf8(query):
        return [Token(Kind.ERROR, "invalid UTF-8 rune", 0, len(query))]
    return _Lexer(query).run()


class _Lexer:
    """The state while one query is read from left to right."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.found: list[Token] = []
        self.pattern = _OUTSIDE
        self.parentheses = 0

    def run(self) -> list[Token]:
        query, position = self.query, 0
        while True:
            position = _BLANK.match(query, position).end()  # type: ignore[union-attr] # always
            match = self.pattern.match(query, position)
            if match is None:
                self.found.append(self._stop(position))
                return self.found
            self.found.append(token := self._token(match))
            if token.kind is Kind.MARK and (reason := self._enter(token)):
                self.found[-1] = self._error(
                    reason, token.end if token.text == ")" else token.start
                )
                return self.found
            if token.kind is Kind.STRING and (reason := _wrong_escape(token.text)):
                self.found[-1] = self._error(reason, token.start)
                return self.found
            position = token.end

    def _token(self, match: re.Match[str]) -> Token:
        text, group, (start, end) = match[0], match.lastgroup or "", match.span()
        if group != "word":
            return Token(_KINDS[group], text, start, end)
        word = text.lower()
        kind = WORDS.get(word)
        if kind is None or (word in _FILLS and not self._called(end)):
            kind = Kind.METRIC_IDENTIFIER if ":" in text else Kind.IDENTIFIER
            return Token(kind, text, start, end)
        return Token(kind, word, start, end)

    def _called(self, position: int) -> bool:
        """Say whether the word before *position* is followed by a parenthesis."""
        return self.query[position:].lstrip(" \t\r\n").startswith("(")

    def _enter(self, mark: Token) -> str | None:
        """Note which brackets *mark* opens or closes. Return what is wrong with it, if anything."""
        text = mark.text
        if text == "(":
            self.parentheses += 1
        elif text == ")":
            self.parentheses -= 1
            if self.parentheses < 0:
                return "unexpected right parenthesis ')'"
        elif text == "{":
            self.pattern = _IN_BRACES
        elif text == "[":
            self.pattern = _IN_BRACKETS
        elif text in {"}", "]"}:
            if self.pattern is _OUTSIDE:
                return self._unexpected_mark(mark)
            self.pattern = _OUTSIDE
        return None

    @staticmethod
    def _unexpected_mark(mark: Token) -> str:
        if mark.text == "]":
            return "unexpected right bracket ']'"
        return f"unexpected character: '{mark.text}'"

    def _error(self, reason: str, start: int) -> Token:
        return Token(Kind.ERROR, reason, start, len(self.query))

    def _stop(self, position: int) -> Token:
        """Return the last token: the end of the query, or what is wrong at *position*."""
        rest = self.query[position : position + 2]
        if not rest:
            reason = self._unclosed()
            return self._error(reason, position) if reason else self._end(position)
        if self.pattern is not _IN_BRACES and _NUMERIC.match(rest):
            word = _NUMERIC_WORD.match(self.query, position)[0]  # type: ignore[index] # always
            return self._error(f'bad number or duration syntax: "{word}"', position)
        return self._error(self._unexpected(rest[0], rest[1:]), position)

    @staticmethod
    def _end(position: int) -> Token:
        return Token(Kind.END, "", position, position)

    def _unclosed(self) -> str | None:
        if self.pattern is _IN_BRACES:
            return "unexpected end of input inside braces"
        if self.parentheses:
            return "unclosed left parenthesis"
        if self.pattern is _IN_BRACKETS:
            if self.found[-1].text == "[":
                return "unexpected end of input in duration expression"
            return "unclosed left bracket"
        return None

    def _unexpected(self, first: str, second: str) -> str:
        """Say what is wrong with the character *first*; *second* is the next one, or empty."""
        if self.pattern is _IN_BRACKETS:
            return self._unexpected_in_brackets(first)
        if first in _UNTERMINATED:
            return _UNTERMINATED[first]
        place = " inside braces" if self.pattern is _IN_BRACES else ""
        if first == "{":  # outside it would have opened the braces
            return "unexpected left brace '{'"
        if first == "!" or (first == "=" and not place):
            after = repr(second) if second else "end of input"
            return f"unexpected character after '{first}'{place}: {after}"
        return f"unexpected character{place}: {first!r}"

    def _unexpected_in_brackets(self, first: str) -> str:
        if first == "[":
            return "unexpected left bracket '['"
        if self.found[-1].text == "[":
            return f"unexpected character in duration expression: {first!r}"
        return f"unexpected character: {first!r}, expected ':'"


def _wrong_escape(text: str) -> str | None:
    """Say what is wrong with the escapes of a string, quotes included; None where nothing is."""
    if "\\" not in text or text[0] == "`":
        return None
    try:
        unquote(text)
    except ValueError as error:
        return str(error)
    return None
