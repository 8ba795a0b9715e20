"""`c.MonitoringReports`: the terms that reports may be about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timezone

from traitlets import Dict, Tuple, Unicode
from traitlets.config import LoggingConfigurable

from ..errors import BadData
from .span import Terms, between


class MonitoringReports(LoggingConfigurable):
    """Settings of reports on what the Hub was used for."""

    terms = Dict(
        key_trait=Unicode(),
        value_trait=Tuple(Unicode(), Unicode()),
        help="""The terms that a report may be about, by name, each with its first and last day:
        `{"autumn 2026": ("2026-10-01", "2027-01-31")}`. Then `report --term "autumn 2026"` and
        the page know it. Terms may overlap; days are those of the Hub's time zone.""",
    ).tag(config=True)

    def usable(self) -> tuple[Terms, list[str]]:
        """Return the terms that are some, and a sentence for each that is none."""
        problems = list(_wrong(self.terms))
        return {name: days for name, days in self.terms.items() if _why_not(days) is None}, problems


def _wrong(terms: Terms) -> Iterator[str]:
    for name, days in terms.items():
        if (why := _why_not(days)) is not None:
            yield f"c.MonitoringReports.terms[{name!r}]: {why}. It is left out."


def _why_not(days: tuple[str, str]) -> str | None:
    try:
        between(days[0], days[1] or "-", timezone.utc, 0.0)
    except BadData as error:
        return str(error)
    return None
