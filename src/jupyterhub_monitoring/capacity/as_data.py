"""A report for programs: CSV with a line for all and one for each row, and JSON."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from typing import Any

import orjson

from .fields import FIELDS, definitions
from .figures import Figures
from .report import Report
from .sentence import sentence
from .span import Span

TOTAL = "(all)"


def as_csv(report: Report) -> str:
    """Return a line for all and for each row; nothing where a figure is not known."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow([report.by.value or "all", "from", "to", *(field.id for field in FIELDS)])
    for name, figures in [
        (TOTAL, report.total),
        *((row.name, row.figures) for row in report.rows),
    ]:
        span = report.span
        cells = _values(figures, span).values()
        bounds = _moment(span.start, span), _moment(span.end, span)
        out.writerow([_safe(name), *bounds, *("" if cell is None else cell for cell in cells)])
    return text.getvalue()


def as_json(report: Report) -> str:
    """Return everything; null where a figure is not known. Times are ISO 8601 with their offset."""
    span, there = report.span, report.availability
    found = {
        "sentence": sentence(report),
        "name": span.name,
        "from": _moment(span.start, span),
        "to": _moment(span.end, span),
        "made_at": _moment(report.made_at, span),
        "zone": report.zone,
        "by": report.by.value or None,
        "total": _values(report.total, span),
        "rows": [{"name": row.name, **_values(row.figures, span)} for row in report.rows],
        "availability": {
            "ratio": there.ratio,
            "known_seconds": there.known_seconds,
            "down_seconds": there.down_seconds,
            "starts": there.starts,
        },
        "top_tenth_share_ratio": report.top_share,
        "notes": report.notes,
        "definitions": dict(definitions()),
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n"


def _values(figures: Figures, span: Span) -> dict[str, Any]:
    values = {field.id: field.value(figures) for field in FIELDS}
    at = figures.peak_at
    return values | {"peak_at": None if at is None else _moment(at, span)}


def _moment(at: float, span: Span) -> str:
    return datetime.fromtimestamp(at, span.tz).isoformat(timespec="seconds")


def _safe(name: str) -> str:
    """Return *name* so that no spreadsheet takes it for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
