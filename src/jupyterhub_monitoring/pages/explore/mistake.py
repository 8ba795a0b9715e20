"""Why an expression has no answer: a sentence for a person, and the place in the expression."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...dashboards import Unit
from ...errors import MonitoringError, ParseError, QueryTooLarge
from ...querier import Kind, kind_of
from .tokens import CLOSING, unclosed_at

AROUND_LINES = 2
AROUND = 60
"""Lines, and characters of a line, that are shown before and after the place."""

LONGEST = 400
"""Characters of what is said at most: it may quote the expression."""

CHEAPER = (
    "Name more labels between the braces, sum up before you compare, or look at a shorter time."
)
_WORD = re.compile(r"[\w:]*")
_BRACKETS = {"(": "parenthesis", "[": "bracket", "{": "brace"}

_PUT = " put rate(…), or avg_over_time(…) and its kin, around it."

_SENTENCES: tuple[tuple[str, str], ...] = (
    (r"unterminated quoted string", "The text that begins here has no closing quote."),
    (r"unexpected right (\w+) '(.)'", "This {1} closes nothing: {2} is too many."),
    (
        r'unknown function with name "([^"]*)"; did you mean "([^"]*)"',
        "There is no function {1}. Did you mean {2}?",
    ),
    (r'unknown function with name "([^"]*)"', "There is no function {1}."),
    (
        r'expected type range vector in call to function "(\w+)"',
        "{1} looks at a stretch of time: write it behind the metric, as in {1}(metric[5m]).",
    ),
    (
        r"expected type instant vector in (.*), got range vector",
        f"These are many samples of each series, and one is wanted:{_PUT}",
    ),
    (
        r'expected (.*?) ?argument\(s\) in call to "(\w+)", got (\d+)',
        "{2} takes {1} arguments, and here are {3}.",
    ),
    (
        r"wrong number of arguments for aggregate .*expected (\d+), got (\d+)",
        "This takes {1} arguments, and here are {2}.",
    ),
    (
        r"ranges only allowed for vector selectors",
        "A time such as [5m] stands behind a metric. Behind a result it has two parts: [1h:5m].",
    ),
    (
        r"in label matching, expected string",
        'The value of a label stands in quotes: {label="value"}.',
    ),
    (
        r"must contain at least one non-empty matcher",
        "This would be every series that there is: name a metric, or a label's value.",
    ),
    (
        r"binary expression must contain only scalar",
        "Operators calculate with numbers and series, and this is neither.",
    ),
    (
        r'invalid expression type "range vector"',
        f"These are many samples of each series, and a plot shows one for each moment:{_PUT}",
    ),
    (r'invalid expression type "string"', "This is a text, and a plot shows numbers."),
    (r"no expression found", "There is only a comment here, nothing to ask for."),
    (r"unexpected end of input", "It ends too early: something is missing here."),
    (
        r"^unexpected (?:identifier|number|string) (.*?)(?: in .*)?$",
        "{1} is not expected here. Is an operator or a comma missing before it?",
    ),
)
"""What the engine says, and how a person would; the first that fits. Others are shown as said."""


@dataclass(frozen=True, slots=True)
class MarkedLine:
    """A line of the expression. *wrong* is underlined; *caret* points to it from below.

    *caret* is empty on a line that is only there for the reader to find the place.
    """

    before: str
    wrong: str = ""
    after: str = ""
    caret: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """*sentence* says what is wrong, *said* how the engine puts it; *lines* show where."""

    sentence: str
    said: str = ""
    lines: tuple[MarkedLine, ...] = ()


def mistake(error: MonitoringError, expr: str) -> Mistake:
    """Return what to tell the person who wrote *expr*."""
    said = _cut(str(error))
    if not isinstance(error, ParseError):
        sentence = _expense(error) or _as_person(said)
        return Mistake(sentence, "" if sentence.startswith(said[1:], 1) else said)
    reason, start = error.reason, min(error.start, len(expr))
    end = max(start + 1, min(error.end, len(expr)))
    if end == start + 1:  # an engine on another host tells where it begins only
        word = _WORD.match(expr, start)
        end = max(end, word.end() if word else 0)
    if reason.startswith("unexpected right parenthesis") and expr[start - 1 : start] == ")":
        start, end = start - 1, start  # the engine's place is behind it
    opener = _opener(reason, expr)
    if opener is not None:
        start, end = opener, opener + 1
        mark = expr[opener]
        sentence = (
            f"The {_BRACKETS[mark]} that opens here is never closed: {CLOSING[mark]} is missing."
        )
    else:
        sentence = _as_person(reason)
    return Mistake(sentence, said, marked(expr, start, end))


def marked(expr: str, start: int, end: int) -> tuple[MarkedLine, ...]:
    """Return the lines around *start*, with what is wrong up to *end* or to the line's end."""
    lines = expr.split("\n")
    number = expr.count("\n", 0, start)
    column = start - sum(len(line) + 1 for line in lines[:number])
    shown = range(max(0, number - AROUND_LINES), min(len(lines), number + AROUND_LINES + 1))
    return tuple(
        _wrong_line(lines[each], column, end - start)
        if each == number
        else MarkedLine(_head(lines[each]))
        for each in shown
    )


def _opener(reason: str, expr: str) -> int | None:
    """Return where the bracket opens that the expression ends without."""
    if not re.search(r"unclosed left|unexpected end of input in(side braces| duration)", reason):
        return None
    return unclosed_at(expr)


def _wrong_line(line: str, column: int, length: int) -> MarkedLine:
    before, wrong, after = line[:column], line[column:][:length], line[column:][length:]
    if len(before) > AROUND:
        before = "…" + before[-AROUND:]
    wrong, after = _head(wrong), _head(after)
    space = "".join("\t" if char == "\t" else " " for char in before)
    return MarkedLine(before, wrong, after, space + "^" * max(1, len(wrong)))


def _head(text: str) -> str:
    return text if len(text) <= AROUND + 1 else text[:AROUND] + "…"


def _as_person(reason: str) -> str:
    for pattern, sentence in _SENTENCES:
        found = re.search(pattern, reason)
        if found:
            return _cut(_filled(sentence, found.groups()))
    if not reason.startswith(("http:", "https:")):
        reason = reason[:1].upper() + reason[1:]
    return _cut(f"{reason.rstrip('.')}.")


def _filled(sentence: str, groups: tuple[str, ...]) -> str:
    """Return *sentence* with *groups* in the places {1}, {2} ..."""
    return re.sub(r"\{(\d)\}", lambda place: groups[int(place[1]) - 1], sentence)


def _expense(error: MonitoringError) -> str:
    """Return what to do about what takes too much; empty where it is not that."""
    if isinstance(error, QueryTooLarge):
        limit = f"{error.limit:,.0f} {error.what}"
        if error.what == "memory bytes":
            limit = f"{Unit.BYTES.text(error.limit)} of memory"
        return f"The query is too expensive: it would take more than {limit}. {CHEAPER}"
    kind = kind_of(error)
    if kind is Kind.TIMED_OUT:
        return f"The query took too long and was ended. {CHEAPER}"
    if kind is Kind.TOO_EXPENSIVE:
        return f"The query is too expensive. {CHEAPER}"
    return ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
