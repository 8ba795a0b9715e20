"""The first line of a report: one sentence that a teacher can read, and that is true."""

from __future__ import annotations

from ..dashboards.unit import digits, ratio_text
from .report import Report


def sentence(report: Report) -> str:
    """Say how many people used the Hub for how long, and how well that went."""
    total = report.total
    when = f"In {report.span.name}" if not _is_dates(report) else f"From {report.span.name}"
    if report.span.start >= report.made_at:
        return f"{report.span.name}: this time is still to come."
    if not report.is_over:
        when += ", so far,"
    if not total.sessions:
        nobody = "nobody is known to have had a server" if report.notes else "nobody had a server"
        return f"{when} {nobody}."
    told = f"{_counted(total.sessions, 'session')} of {_hours(total.hours)} in all"
    if total.people is None:
        first = f"{when} the Hub was used for {told}"
    else:
        people = "1 person" if total.people == 1 else f"{total.people:,} people"
        first = f"{when} {people} used the Hub for {told}"
    text = f"{first}; {_peak(total.peak_servers)}"
    if total.start_success_ratio is None:
        return f"{text}."
    if total.start_success_ratio == 1:
        return f"{text}, and every start of a server worked."
    worked = ratio_text(int(total.start_success_ratio * 1000) / 1000)
    return f"{text}, and {worked} of {_counted(total.starts, 'start')} worked."


def _is_dates(report: Report) -> bool:
    return " to " in report.span.name or " until " in report.span.name


def _hours(hours: float) -> str:
    if 0 < hours < 1:
        return f"{digits(hours * 60)} minutes"
    return f"{digits(hours)} {'hour' if digits(hours) == '1' else 'hours'}"


def _peak(servers: int) -> str:
    return f"at most {_counted(servers, 'server')} ran at once"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
