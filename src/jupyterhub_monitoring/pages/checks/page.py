"""Health: each check of the Hub, what it said last and before, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...dashboards import board
from ...errors import MonitoringError
from ...health.codes import CODES, Code
from ...health.reported import HubHealth, ReportedCheck
from ..answer import Mood
from ..handler import PageHandler
from ..panel_view import panel_views
from .strips import HEIGHT, WIDTH, Strip, strips

CHANGES = 50


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check. *check* is its last result, as old as that may be; None: only its past is known.

    *code* is one that has a runbook. *anchor* is its place on the page, once for each code.
    """

    name: str
    check: ReportedCheck | None
    strip: Strip | None
    code: Code | None
    anchor: str


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What the page says first: *text*, and *since* when, with the *code*."""

    mood: Mood
    text: str
    since: float | None = None
    code: str = ""
    more: int = 0  # checks that are not well, either


class ChecksPage(PageHandler):
    """`checks?range=24h`; what is wrong is `#CODE`."""

    page = "health"
    default_range = "24h"

    async def get(self) -> None:
        """Show everything; each part says for itself that it is not known."""
        context, period = self.sources.context, self.period
        hub = context.hub_health
        found: Mapping[str, Strip] = {}
        problem = context.unavailable or ""
        if not problem:
            try:
                found = await self.sources.kept.get(
                    ("strips", period.query), lambda: strips(context.querier, period)
                )
            except MonitoringError as error:
                problem = str(error)
        report = hub.report if hub else None
        changes = [c for c in report.changes if c.before or c.after != "healthy"] if report else []
        self.show(
            "checks.html",
            period=period,
            hub=hub,
            answer=health_answer(hub, found),
            rows=check_rows(report.checks if report else (), found),
            changes=changes[:CHANGES],
            codes=CODES,
            problem=problem,
            runbooks=context.runbooks,
            strip_width=WIDTH,
            strip_height=HEIGHT,
            panels=panel_views(board("health").panels, period, self.viewer),
        )


def check_rows(checks: Sequence[ReportedCheck], found: Mapping[str, Strip]) -> list[CheckRow]:
    """Return the checks, the worst first, then those of which only the past is known."""
    taken: set[str] = set()
    rows = []
    for check in sorted(checks, key=lambda check: (check.rank, check.name)):
        anchor = check.code if check.code not in taken else ""
        taken.add(check.code)
        code = CODES.get(check.code)
        rows.append(CheckRow(check.name, check, found.get(check.name), code, anchor))
    known = {check.name for check in checks}
    others = sorted(set(found) - known)
    return [*rows, *(CheckRow(name, None, found[name], None, "") for name in others)]


def health_answer(hub: HubHealth | None, found: Mapping[str, Strip]) -> HealthAnswer:
    """Say whether the Hub is well, and if not, what is the worst."""
    if hub is None:
        past = "; what you see was kept" if found else ""
        return HealthAnswer(Mood.UNKNOWN, f"No Hub is asked here{past}.")
    if hub.problem:
        return HealthAnswer(Mood.FAIL, f"{hub.problem[0].upper()}{hub.problem[1:]}", hub.since)
    if hub.report is None:
        return HealthAnswer(Mood.UNKNOWN, "The Hub was not asked yet; that takes 10 s.")
    if wrong := hub.report.wrong:
        first, more = wrong[0], len(wrong) - 1
        mood = Mood.FAIL if first.failing and first.critical else Mood.WARN
        return HealthAnswer(mood, trouble(first), first.since, first.code, more)
    return _well(hub.report.checks)


def _well(checks: Sequence[ReportedCheck]) -> HealthAnswer:
    passed = sum(check.status == "healthy" for check in checks)
    waiting = len(checks) - passed
    if not passed:
        return HealthAnswer(Mood.UNKNOWN, "No check has run yet.")
    text = "The only check passes" if len(checks) == 1 else f"All {passed} checks pass"
    if waiting:
        text = f"{passed} checks pass; {waiting} {'has' if waiting == 1 else 'have'} not run yet"
    return HealthAnswer(Mood.WELL, f"{text}.")


def trouble(check: ReportedCheck) -> str:
    """Say what is wrong with *check* in one sentence, without the full stop."""
    if check.code in CODES and CODES[check.code].check == check.name:
        return CODES[check.code].title
    if check.status == "error":
        return f"The check {check.name} did not finish"
    return f"The check {check.name} {'warns' if check.status == 'warning' else 'fails'}"
