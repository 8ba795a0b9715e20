"""A report: what was asked, what was found, what a reader has to know."""

from __future__ import annotations

from dataclasses import dataclass

from .availability import Availability
from .figures import Figures
from .grouping import By
from .span import Span


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one user, group, profile or day."""

    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Report:
    """What the Hub was used for in *span*, as known at *made_at*.

    *zone* is the name of the time zone of all days and moments. *top_share* is the share of all
    hours that the tenth of people with the most hours had, None where that says nothing. *notes*
    are sentences on what is missing or merged.
    """

    span: Span
    made_at: float
    zone: str
    by: By
    total: Figures
    rows: tuple[Row, ...]
    availability: Availability
    top_share: float | None
    notes: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing more can happen in its time."""
        return self.span.end <= self.made_at
