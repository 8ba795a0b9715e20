"""A report as HTML: the part that the page shows, and a whole document to keep, print or mail."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from .as_text import period
from .fields import FIELDS, definitions, hub_lines, table_fields
from .report import Report
from .sentence import sentence

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto;
  max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 1.8rem; }
.report-sentence { font-size: 1.15rem; }
table { border-collapse: collapse; } th { text-align: left; font-weight: 500; }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .quiet { color: #555; }
dt { font-weight: 500; } dd { margin: 0 0 .4rem; }
@media print { body { margin: 0; max-width: none; font-size: 10pt; } .wide { overflow: visible; }
  tr, dt, dd { break-inside: avoid; } thead { display: table-header-group; } }
"""


def body(report: Report) -> Markup:
    """Return the report below its heading and sentence: figures, rows, notes, what is meant."""
    parts = [_figures(report), _rows(report), _notes(report), _definitions()]
    return Markup("\n").join(part for part in parts if part)


def document(report: Report) -> str:
    """Return a file of its own, which needs nothing else."""
    page = Markup(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        '<h1>{title}</h1>\n<p class="report-sentence">{sentence}</p>\n'
        '<p class="quiet">{period}</p>\n{body}\n</body>\n</html>\n'
    )
    return str(
        page.format(
            title=f"Use of the Hub: {report.span.name}",
            style=Markup(STYLE),  # noqa: S704 -- our own words
            sentence=sentence(report),
            period=period(report),
            body=body(report),
        )
    )


def _figures(report: Report) -> Markup:
    lines = [(field.title, field.shown(report.total, report.span)) for field in FIELDS]
    rows = Markup("\n").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(title, value)
        for title, value in [*lines, *hub_lines(report)]
    )
    return Markup('<table class="report-figures"><tbody>\n{}\n</tbody></table>').format(rows)


def _rows(report: Report) -> Markup:
    if not report.rows:
        return Markup()
    fields = table_fields()
    head = Markup().join(
        Markup('<th scope="col" class="number" title="{}">{}</th>').format(
            field.definition, field.short
        )
        for field in fields
    )
    rows = Markup("\n").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row.name, _cells(field.shown(row.figures, report.span) for field in fields)
        )
        for row in report.rows
    )
    return Markup(
        '<h2>By {by}</h2>\n<div class="wide" tabindex="0" role="region" aria-label="By {by}">'
        '<table class="report-rows"><thead><tr><th scope="col">{by}</th>{head}</tr></thead>'
        "<tbody>\n{rows}\n</tbody></table></div>"
    ).format(by=report.by.value, head=head, rows=rows)


def _cells(values: Iterable[str]) -> Markup:
    return Markup().join(Markup('<td class="number">{}</td>').format(value) for value in values)


def _notes(report: Report) -> Markup:
    return Markup("\n").join(
        Markup('<p class="report-note">{}</p>').format(n) for n in report.notes
    )


def _definitions() -> Markup:
    entries = Markup("\n").join(
        Markup("<dt>{}</dt><dd>{}</dd>").format(title, meaning) for title, meaning in definitions()
    )
    return Markup('<h2>What is meant</h2>\n<dl class="report-meaning">\n{}\n</dl>').format(entries)
