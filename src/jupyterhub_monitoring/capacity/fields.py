"""The figures of a report, each defined once: its name in files, its heading, what it means."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ..dashboards.unit import UNKNOWN, Unit, digits
from .figures import Figures
from .report import Report
from .span import Span

Value = float | None
Text = Callable[[float, Span], str]


@dataclass(frozen=True, slots=True)
class Field:
    """One figure. *id* has its unit and is its name in CSV and JSON; *short* heads a column."""

    id: str
    title: str
    short: str
    definition: str
    text: Text

    def value(self, figures: Figures) -> Value:
        """Return it, None where it is not known."""
        found: Value = getattr(figures, self.id)
        return found

    def shown(self, figures: Figures, span: Span) -> str:
        """Return it for people; a dash where it is not known."""
        value = self.value(figures)
        return UNKNOWN if value is None else self.text(value, span)


def _count(value: float, _span: Span) -> str:
    return f"{value:,.0f}"


def _number(value: float, _span: Span) -> str:
    return digits(value)


def _seconds(value: float, _span: Span) -> str:
    return Unit.SECONDS.text(value)


def _ratio(value: float, _span: Span) -> str:
    return Unit.RATIO.text(value)


def _moment(value: float, span: Span) -> str:
    return moment(value, span)


def moment(at: float, span: Span) -> str:
    """Return a time in the report's zone."""
    return f"{datetime.fromtimestamp(at, span.tz):%Y-%m-%d %H:%M}"


FIELDS = (
    Field(
        "people",
        "People",
        "people",
        "Users who had a server at some time of the period. One who was renamed is one, and one who"
        " was deleted counts.",
        _count,
    ),
    Field(
        "new",
        "of them new",
        "new",
        "Those who were never seen before the period (in the row of a day: before the day), as far"
        " back as things are kept.",
        _count,
    ),
    Field("returning", "of them returning", "returning", "All others of them.", _count),
    Field(
        "sessions",
        "Sessions",
        "sessions",
        "Servers from their start to their end, each once, of which some part is in the period. One"
        " over midnight counts for both days.",
        _count,
    ),
    Field(
        "hours",
        "Hours",
        "hours",
        "Time that servers ran, only what is in the period. Two servers of somebody count twice.",
        _number,
    ),
    Field(
        "mean_seconds",
        "Mean length",
        "mean",
        "Of the sessions as a whole, with what is before or after the period; until now for those"
        " that run.",
        _seconds,
    ),
    Field(
        "median_seconds",
        "Median length",
        "median",
        "Half of the sessions last longer.",
        _seconds,
    ),
    Field("peak_servers", "Most servers at once", "peak", "The most that ran together.", _count),
    Field("peak_at", "First reached", "peak at", "When it was first so many.", _moment),
    Field(
        "peak_people",
        "Most people at once",
        "people at once",
        "The most who had a server together, each counted once.",
        _count,
    ),
    Field(
        "cpu_hours",
        "CPU hours",
        "CPU h",
        "Time of one core, as far as it was measured.",
        _number,
    ),
    Field(
        "memory_gib_hours",
        "Memory, GiB-hours",
        "GiB h",
        "One GiB in use for an hour, from a look every five minutes, as far as it was measured.",
        _number,
    ),
    Field(
        "idle_hours",
        "Idle hours",
        "idle h",
        "Time of servers of which the Hub had not heard for an hour.",
        _number,
    ),
    Field(
        "starts",
        "Starts",
        "starts",
        "Starts of servers that came to an end, good or bad; those that a limit or policy refused"
        " are none.",
        _count,
    ),
    Field(
        "start_success_ratio",
        "Starts that worked",
        "worked",
        "The share of the starts after which there was a server.",
        _ratio,
    ),
    Field(
        "wait_median_seconds",
        "Median wait",
        "wait",
        "From the request to the server, of the starts that worked.",
        _seconds,
    ),
    Field(
        "wait_p95_seconds",
        "Wait of 19 in 20",
        "wait 95 %",
        "95 of 100 people waited no longer.",
        _seconds,
    ),
)

COLUMNS = ("people", "new", "sessions", "hours", "median_seconds", "peak_servers", "cpu_hours",
           "memory_gib_hours", "idle_hours", "start_success_ratio")  # fmt: skip
"""What a table for people has room for; files have all."""

AVAILABILITY = (
    "The share of the time in which the Hub was there: not between two of its lives (from when it"
    " stopped, or was seen last, to when it was started again), and not while it left scrapes"
    " unanswered. The time before it was first known counts as neither."
)
TOP_SHARE = (
    "The share of all hours that the tenth of people with the most hours had; a dash for fewer than"
    " ten people."
)


def hub_lines(report: Report) -> list[tuple[str, str]]:
    """Return what is told of the whole only: heading and value."""
    there = report.availability
    ratio = UNKNOWN
    if there.ratio is not None:
        ratio = _nines(there.ratio)
        ratio += f" (away for {Unit.SECONDS.text(round(there.down_seconds))}"
        ratio += f", started {there.starts:,} time{'' if there.starts == 1 else 's'})"
    return [
        ("The Hub was there", ratio),
        ("Hours of the busiest tenth", Unit.RATIO.text(report.top_share)),
    ]


def _nines(ratio: float) -> str:
    """Return a share in percent, cut and not rounded: what is not always is never 100 %."""
    return "100 %" if ratio == 1 else f"{math.floor(ratio * 1e4) / 100:.2f} %"


def table_fields() -> list[Field]:
    """Return the columns of a table for people."""
    return [field for field in FIELDS if field.id in COLUMNS]


def definitions() -> list[tuple[str, str]]:
    """Return heading and meaning of everything on a report."""
    own = [(field.title, field.definition) for field in FIELDS]
    return [*own, ("The Hub was there", AVAILABILITY), ("Hours of the busiest tenth", TOP_SHARE)]
