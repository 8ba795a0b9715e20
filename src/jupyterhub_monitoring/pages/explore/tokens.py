"""A text that is on its way to be PromQL, in pieces: also where it is wrong or not finished."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

_PIECES = re.compile(
    r"""(?P<comment>\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)
    |(?P<open_text>["'`].*)
    |(?P<number>\d[\w.]*)
    |(?P<word>[A-Za-z_:][\w:]*)
    |(?P<mark>=~|!~|!=|==|<=|>=|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
CLOSING = {"(": ")", "[": "]", "{": "}"}


class Kind(Enum):
    """What a piece is."""

    COMMENT = "comment"
    TEXT = "text"
    OPEN_TEXT = "open_text"  # quoted text that nothing ends
    NUMBER = "number"
    WORD = "word"
    MARK = "mark"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: *start* and *end* are characters of the whole text, from 0."""

    kind: Kind
    text: str
    start: int
    end: int


def pieces(expr: str) -> list[Piece]:
    """Return the pieces of *expr*, without the space between them."""
    return [
        Piece(Kind(found.lastgroup), found[0], found.start(), found.end())
        for found in _PIECES.finditer(expr)
    ]


def unclosed(found: list[Piece]) -> list[int]:
    """Return where in *found* brackets open that nothing closes, the innermost last."""
    open_: list[int] = []
    for index, piece in enumerate(found):
        if piece.kind is not Kind.MARK:
            continue
        if piece.text in CLOSING:
            open_.append(index)
        elif open_ and CLOSING[found[open_[-1]].text] == piece.text:
            open_.pop()
    return open_


def unclosed_at(expr: str) -> int | None:
    """Return the character of *expr* where the innermost bracket opens that nothing closes."""
    found = pieces(expr)
    open_ = unclosed(found)
    return found[open_[-1]].start if open_ else None
