"""What an expression gives: the latest values as a table, and lines over time."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from ...dashboards import Panel, Unit
from ...querier import Instant, Matrix, Shape
from ..panel_data import Line, PanelData
from ..panel_texts import safe
from .series_names import NAME, full_name, short_names

MOST_LINES = 200
MOST_ROWS = 500
"""So many lines and rows are shown; the CSV files have all."""

LONGEST_NAME = 100
"""Characters of the expression, which is the name of a series without labels."""

Labelled = Sequence[tuple[Mapping[str, str], Sequence[str]]]
"""Label sets, each with the texts that stand behind it."""


@dataclass(frozen=True, slots=True)
class Table:
    """*columns* are label names, *others* what stands behind them in each of *rows*.

    *left_out* is how many rows there are that are not shown. *plotted* is whether a plot can be
    made of it.
    """

    columns: tuple[str, ...]
    others: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0
    plotted: bool = True
    warnings: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many rows there are, shown or not."""
        return len(self.rows) + self.left_out


def latest(answer: Instant, most: int | None = MOST_ROWS) -> Table:
    """Return *answer* with labels as columns, in the order in which it came, at most so many rows.

    Of a range of samples there is the latest of each series, and how many there are.
    """
    told = (*answer.warnings, *answer.infos)
    if answer.shape is Shape.STRING:
        return Table((), ("text",), ((answer.text,),), 0, plotted=False, warnings=told)
    if answer.shape is Shape.MATRIX:
        found: Labelled = [
            (each.labels, (f"{len(each.values):,}", number_text(float(each.values[-1]))))
            for each in answer.stored
        ]
        return _table(found, ("samples", "the latest"), most, told, plotted=False)
    found = [(each.labels, (number_text(each.value),)) for each in answer.samples]
    return _table(found, ("value",), most, told, plotted=True)


def all_samples(answer: Instant) -> Table:
    """Return *answer* without leaving anything out: each sample of a range has a row."""
    if answer.shape is not Shape.MATRIX:
        return latest(answer, most=None)
    found: Labelled = [
        (each.labels, (datetime.fromtimestamp(at, timezone.utc).isoformat(), number_text(value)))
        for each in answer.stored
        for at, value in zip(each.times.tolist(), each.values.tolist(), strict=True)
    ]
    return _table(found, ("time", "value"), None, (), plotted=False)


def _table(
    found: Labelled,
    others: tuple[str, ...],
    most: int | None,
    warnings: Iterable[str],
    *,
    plotted: bool,
) -> Table:
    shown = found[:most]
    names = {name for labels, _ in shown for name in labels}
    columns = tuple(sorted(names, key=lambda name: (name != NAME, name)))
    rows = [(*(labels.get(name, "") for name in columns), *texts) for labels, texts in shown]
    left_out = len(found) - len(shown)
    return Table(columns, others, tuple(rows), left_out, plotted, tuple(warnings))


def table_csv(table: Table) -> str:
    """Return *table* as CSV, with a head."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow([*(safe(name) for name in table.columns), *table.others])
    width = len(table.columns)
    for row in table.rows:
        out.writerow([*(safe(cell) for cell in row[:width]), *row[width:]])
    return text.getvalue()


def lines(expr: str, answer: Matrix, *, most: int | None = MOST_LINES) -> PanelData:
    """Return *answer* as a panel's data, at most so many lines: those that come first.

    In a plot they are called by what tells them apart; without *most* by all their labels.
    """
    shown = answer.lines[:most]
    labels = [line.labels for line in shown]
    names = [full_name(each) for each in labels] if most is None else short_names(labels)
    names = [_shortened(expr) if name == "{}" else name for name in names]
    empty = "No series has a value in this time."
    return PanelData(
        Panel("explore", expr, "", Unit.NUMBER, (), empty=empty),
        answer.times,
        tuple(Line(name, line.values) for name, line in zip(names, shown, strict=True)),
        (expr,),
        len(answer.lines) - len(shown),
        (*answer.warnings, *answer.infos),
    )


def _shortened(expr: str) -> str:
    line = " ".join(expr.split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


def number_text(value: float) -> str:
    """Return *value* with all its digits, as the HTTP API writes it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else repr(value)
