"""A report in the format that somebody wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum

from .as_data import as_csv, as_json
from .as_html import document
from .as_text import as_text
from .report import Report


class Format(str, Enum):
    """How a report can be written; also the ending of its file's name, but for text."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    HTML = "html"

    @property
    def ending(self) -> str:
        """The ending of its file's name."""
        return "txt" if self is Format.TEXT else self.value

    @property
    def content_type(self) -> str:
        """Its type in HTTP."""
        return _TYPES[self]


_TYPES: Mapping[Format, str] = {
    Format.TEXT: "text/plain; charset=utf-8",
    Format.CSV: "text/csv; charset=utf-8",
    Format.JSON: "application/json",
    Format.HTML: "text/html; charset=utf-8",
}
_WRITERS: Mapping[Format, Callable[[Report], str]] = {
    Format.TEXT: as_text,
    Format.CSV: as_csv,
    Format.JSON: as_json,
    Format.HTML: document,
}


def written(report: Report, how: Format) -> str:
    """Return the report as text."""
    return _WRITERS[how](report)
