"""A panel's data as JSON for the plot, and as CSV for people."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timezone

import numpy as np
import orjson
from numpy.typing import NDArray

from .panel_data import Line, PanelData

OPTIONS = orjson.OPT_SERIALIZE_NUMPY


def to_json(data: PanelData) -> bytes:
    """Return times, lines (null for "no sample") and queries."""
    panel = data.panel
    return orjson.dumps(
        {
            "id": panel.id,
            "kind": panel.kind.value,
            "unit": panel.unit.value,
            "times": data.times,
            "lines": [
                {"name": line.name, "tone": line.tone.value, "values": _row(line)}
                for line in data.lines
            ],
            "left_out": data.left_out,
            "queries": data.queries,
            "warnings": data.warnings,
            "empty": panel.empty,
        },
        option=OPTIONS,
    )


def _row(line: Line) -> NDArray[np.float64]:
    """Return the values as they may be written: one after the other in memory."""
    return np.ascontiguousarray(line.values)


def to_csv(data: PanelData) -> str:
    """Return a column per line and a row per time, in UTC; nothing where there is no sample."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["time", *(safe(line.name) for line in data.lines)])
    columns = [line.values.tolist() for line in data.lines]
    for index, at in enumerate(data.times.tolist()):
        moment = datetime.fromtimestamp(at, timezone.utc).isoformat()
        cells = (column[index] for column in columns)
        out.writerow([moment, *("" if cell != cell else cell for cell in cells)])  # noqa: PLR0124
    return text.getvalue()


def safe(name: str) -> str:
    """Return *name* so that no spreadsheet takes it for a formula."""
    return f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
