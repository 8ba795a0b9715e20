"""What the Hub was used for, as a report: rows of the activity and series in, figures out.

    report = await make_report(Question(month("2026-10", tz), By.GROUP), source, now)
    as_text(report)

Everything between is pure: it takes rows, a span and the time, and knows no file and no clock.
"""

from __future__ import annotations

from .grouping import By
from .making import Question, Source, make_report
from .report import Report
from .settings import MonitoringReports
from .written import Format, written

__all__ = [
    "By",
    "Format",
    "MonitoringReports",
    "Question",
    "Report",
    "Source",
    "make_report",
    "written",
]
