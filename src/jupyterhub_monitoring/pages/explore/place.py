"""What may stand where the cursor is in an expression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from ...promql.signatures import AGGREGATIONS
from .tokens import CLOSING, Kind, Piece, pieces, unclosed

GROUPINGS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
OPERATORS = frozenset({"and", "or", "unless", "bool", "atan2"})
WORDS = GROUPINGS | OPERATORS | {"offset", "start", "end"} | set(AGGREGATIONS)
"""Words that are never a metric's name where one may stand."""

NO_METRICS = GROUPINGS | {"{"}
"""What labels stand behind, where a metric never does."""

MATCHES = frozenset({"=", "!=", "=~", "!~"})


class Wanted(str, Enum):
    """What kind of word it is."""

    OPERAND = "operand"  # a metric, a function, an aggregation
    OPERATOR = "operator"  # and, or, by, offset ...
    LABEL = "label"
    VALUE = "value"  # of a label
    DURATION = "duration"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Place:
    """*word* is what is typed of it already.

    *metric* is the metric that labels are asked for, empty where none is named yet. Of a value
    *label* is whose it is, *quote* the mark that opens it, if any, and *regex* whether it is a
    regular expression.
    """

    wanted: Wanted
    word: str = ""
    metric: str = ""
    label: str = ""
    quote: str = ""
    regex: bool = False


NOWHERE = Place(Wanted.NOTHING)


def place(before: str, after: str = "") -> Place:
    """Return what is wanted between *before* and *after* the cursor."""
    found = pieces(before)
    at_cursor = found[-1].kind if found and found[-1].end == len(before) else None
    if at_cursor is Kind.COMMENT:
        return NOWHERE
    found = [piece for piece in found if piece.kind is not Kind.COMMENT]
    word = found.pop() if at_cursor in (Kind.WORD, Kind.NUMBER, Kind.OPEN_TEXT) else None
    open_ = unclosed(found)
    if not open_:
        return _outside(found, word)
    opener, inside = found[open_[-1]], found[open_[-1] :]
    ahead = found[open_[-1] - 1] if open_[-1] else None
    if opener.text == "{":
        named = ahead.text if ahead is not None and ahead.kind is Kind.WORD else ""
        return _in_braces(inside, word, "" if named in WORDS else named)
    if opener.text == "[":
        begins = inside[-1].text in ("[", ":")
        return Place(Wanted.DURATION, _text(word)) if begins else NOWHERE
    if ahead is not None and ahead.text in GROUPINGS:
        begins = inside[-1].text in ("(", ",")
        metric = next(metrics(f"{before} {after}"), "")
        return _unquoted(Wanted.LABEL, word, metric) if begins else NOWHERE
    return _outside(found, word)


def metrics(expr: str) -> Iterator[str]:
    """Yield the names in *expr* that can be metrics', as they come."""
    found = pieces(expr)
    ahead: list[str] = []  # what stands before each bracket that is open
    for index, piece in enumerate(found):
        previous = found[index - 1].text if index else ""
        following = found[index + 1].text if index + 1 < len(found) else ""
        if piece.kind is Kind.MARK and piece.text in CLOSING:
            ahead.append("{" if piece.text == "{" else previous)
        elif piece.kind is Kind.MARK and piece.text in CLOSING.values():
            del ahead[-1:]
        elif _names_metric(piece, following) and not NO_METRICS.intersection(ahead[-1:]):
            yield piece.text


def _names_metric(piece: Piece, following: str) -> bool:
    return piece.kind is Kind.WORD and piece.text not in WORDS and following != "("


def _in_braces(inside: Sequence[Piece], word: Piece | None, metric: str) -> Place:
    """Return what is wanted after *inside*, which begins with a brace."""
    previous = inside[-1]
    metric = metric or _name_in(inside)
    if previous.text in ("{", ","):
        return _unquoted(Wanted.LABEL, word, metric)
    if previous.text not in MATCHES or len(inside) < 3:
        return NOWHERE
    label, regex = inside[-2].text.strip("\"'`"), "~" in previous.text
    if word is None:
        return Place(Wanted.VALUE, "", metric, label, "", regex)
    if word.kind is not Kind.OPEN_TEXT or "\n" in word.text:
        return NOWHERE
    return Place(Wanted.VALUE, word.text[1:], metric, label, word.text[0], regex)


def _name_in(inside: Sequence[Piece]) -> str:
    """Return the metric that is named between the braces: `{"name"}`, `{__name__="name"}`."""
    texts = ["", *(piece.text for piece in inside)]
    for index, piece in enumerate(inside, 1):
        by_label = texts[max(0, index - 2) : index] == ["__name__", "="]
        if piece.kind is Kind.TEXT and (by_label or texts[index - 1] in ("{", ",")):
            return piece.text[1:-1]
    return ""


def _outside(found: Sequence[Piece], word: Piece | None) -> Place:
    """Return what is wanted where values stand."""
    previous = found[-1] if found else None
    if previous is not None and previous.text == "offset":
        return Place(Wanted.DURATION, _text(word))
    wanted = Wanted.OPERAND if _expects_value(previous) else Wanted.OPERATOR
    return _unquoted(wanted, word)


def _expects_value(previous: Piece | None) -> bool:
    if previous is None:
        return True
    if previous.kind is Kind.MARK:
        return previous.text not in (")", "}", "]")
    return previous.kind is Kind.WORD and previous.text in OPERATORS


def _unquoted(wanted: Wanted, word: Piece | None, metric: str = "") -> Place:
    if word is not None and word.kind is not Kind.WORD:
        return NOWHERE
    return Place(wanted, _text(word), metric)


def _text(word: Piece | None) -> str:
    return "" if word is None else word.text
