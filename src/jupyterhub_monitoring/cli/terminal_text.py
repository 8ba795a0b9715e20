"""Text that came from elsewhere, made fit for a terminal: no control characters, known widths."""

from __future__ import annotations

import unicodedata

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
INSTEAD = "\N{REPLACEMENT CHARACTER}"
MAX_CHARACTERS = 512

# Controls, formats (which turn the direction of text), halves of pairs, unassigned, line ends.
_HARMFUL = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def harmless(text: object) -> str:
    """Return *text* with nothing in it that a terminal would obey."""
    whole = str(text)[:MAX_CHARACTERS]
    return "".join(INSTEAD if unicodedata.category(c) in _HARMFUL else c for c in whole)


def width(text: str) -> int:
    """Return how many columns *text* takes."""
    return sum(map(_columns, text))


def fit(text: str, columns: int, *, right: bool = False) -> str:
    """Return *text* cut or filled up to exactly *columns*; *right* puts the blanks before it."""
    missing = columns - width(text)
    if missing < 0:
        text = _cut(text, columns)
        missing = columns - width(text)
    blanks = " " * missing
    return blanks + text if right else text + blanks


def _cut(text: str, columns: int) -> str:
    if columns < 1:
        return ""
    kept, used = [], 0
    for character in text:
        used += _columns(character)
        if used > columns - 1:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def _columns(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
