"""A report for a terminal or a mail: lines of at most so many columns as there are figures."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from .fields import FIELDS, definitions, hub_lines, moment, table_fields
from .report import Report
from .sentence import sentence

WIDTH = 78
LONGEST_NAME = 40


def as_text(report: Report) -> str:
    """Return the report, its notes and definitions."""
    return "\n".join([*_lines(report), ""])


def _lines(report: Report) -> Iterator[str]:
    yield from textwrap.wrap(sentence(report), WIDTH)
    yield from ("", period(report), "")
    values = [(field.title, field.shown(report.total, report.span)) for field in FIELDS]
    values += hub_lines(report)
    width = max(len(title) for title, _ in values)
    yield from (f"{title:{width}}  {value}" for title, value in values)
    if report.rows:
        yield ""
        yield from _table(report)
    for note in report.notes:
        yield ""
        yield from textwrap.wrap(note, WIDTH)
    yield from ("", "What is meant", "")
    for title, definition in definitions():
        yield from textwrap.wrap(f"{title}: {definition}", WIDTH, subsequent_indent="  ")


def period(report: Report) -> str:
    """Return from when until when, in which zone, and when it was made."""
    span = report.span
    begin, end = moment(span.start, span), moment(span.end, span)
    return f"{begin} to {end} ({report.zone}), made {moment(report.made_at, span)}"


def _table(report: Report) -> Iterator[str]:
    fields = table_fields()
    head = [report.by.value, *(field.short for field in fields)]
    rows = [
        [_harmless(row.name), *(field.shown(row.figures, report.span) for field in fields)]
        for row in report.rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        yield _line(row, widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *rest]).rstrip()


def _harmless(name: str) -> str:
    """Return *name* without what would move a terminal's cursor, and not too long."""
    shown = "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name
    )
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 1] + "…"
