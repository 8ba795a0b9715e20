"""The Overview: is the Hub well, who is on, what fails, how full is the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone

from ..activity import Spawn
from ..dashboards import board
from ..errors import MonitoringError
from ..health.reported import ReportedCheck
from ..scrape import Health
from .alerts.alert_rows import AlertRow
from .answer import Answer, Wrong, answer, answer_of_the_past
from .checks.page import trouble
from .handler import PageHandler
from .navigation import Audience
from .near_limits import near_limits
from .overview_figures import FIGURES, WAITS
from .panel_view import panel_views
from .sources import Sources
from .tiles import Tile, tiles, unknown
from .waits import quantiles_of_waits

FAILURES = 8
RUNNING, PENDING = 0, 1  # in FIGURES


class OverviewPage(PageHandler):
    """`/services/monitoring/`."""

    page = "overview"
    audience = Audience.ALL

    async def get(self) -> None:
        """Show everything, each part says for itself that it is not known; others see their own."""
        if not self.viewer.full:
            self.redirect(f"{self.sources.prefix}{'users' if self.viewer.sees_others else 'me'}")
            return
        period, sources = self.period, self.sources
        problem = sources.context.unavailable
        if problem is None:
            found = await tiles(sources.context.querier, FIGURES, period, sources.kept)
        else:
            found = [unknown(figure, problem) for figure in FIGURES]
        snapshot = sources.snapshots() if sources.snapshots else None
        self.show(
            "overview.html",
            period=period,
            answer=overview_answer(sources, found) if period.name else past_answer(found),
            tiles=await self._with_exact_waits(found),
            panels=panel_views(board("overview").panels, period, self.viewer),
            near=near_limits(snapshot, self.viewer, self.began),
            failures=await self._failures(period.start, min(period.end, self.began)),
        )

    async def _with_exact_waits(self, found: Sequence[Tile]) -> Sequence[Tile]:
        """Return *found* with the waits as they were, where each start is known."""
        activity, start = self.sources.context.activity, self.period.start
        end = min(self.period.end, self.began)
        if activity is None:
            return found
        try:
            waits = await asyncio.to_thread(quantiles_of_waits, activity, start, end, (0.5, 0.95))
        except MonitoringError:
            return found
        if waits is None:
            return found
        return [replace(t, values=tuple(waits)) if t.figure is WAITS else t for t in found]

    async def _failures(self, start: float, end: float) -> list[Spawn] | None:
        """Return the last spawns that failed, None where that is not known."""
        activity = self.sources.context.activity
        if activity is None:
            return None
        try:
            return await asyncio.to_thread(activity.failures, start, end, None, FAILURES)
        except MonitoringError:
            return None


def overview_answer(sources: Sources, found: Sequence[Tile]) -> Answer:
    """Return the first line, from what fires and what is wrong with the service itself."""
    wrong = [
        Wrong(
            f"{fault.code.title} ({fault.code.code}): {fault.problems[0]}",
            fault.code.critical,
            f"status#{fault.code.code}",
        )
        for fault in sources.context.faults.standing()
    ]
    hub, checks = sources.context.hub_health, _checks(sources)
    if hub and hub.problem:
        wrong.append(Wrong(f"{hub.problem[0].upper()}{hub.problem[1:]}.", True, "checks"))
    wrong += [_wrong(check) for check in checks]
    wrong += [
        Wrong(alert.summary or alert.name, alert.severity == "critical", f"alerts#{alert.id}")
        for alert in sources.alerts.firing(sources.context)
        if not any(_is_about(alert, check) for check in checks)
    ]
    running, pending = found[RUNNING].values[0], found[PENDING].values[0]
    problem = found[RUNNING].problem or None
    if problem is None and running is None:
        problem = _why_nothing(sources)
    return answer(
        wrong,
        unknown=problem,
        running=running,
        pending=pending,
        remarkable=_remarkable(found),
        blind=_why_blind(sources),
    )


def _why_blind(sources: Sources) -> str:
    """Say why it is not known whether an alert fires; empty where it is."""
    blind = sources.engine and sources.context.rules is None
    return f"{sources.engine} tells of no rules about this Hub" if blind else ""


def past_answer(found: Sequence[Tile]) -> Answer:
    """Return the first line of a time in the past."""
    return answer_of_the_past(found[RUNNING].values[0], _remarkable(found))


def _remarkable(found: Sequence[Tile]) -> str:
    """Return the first number that wants a person, in words; empty where none does."""
    bad = next((tile for tile in found if tile.bad), None)
    return f"{bad.figure.unit.text(bad.values[0])} {bad.figure.label}" if bad else ""


def _checks(sources: Sources) -> list[ReportedCheck]:
    """Return the Hub's checks that are not well, the worst first; none while it does not answer."""
    hub = sources.context.hub_health
    return hub.report.wrong if hub and hub.report and not hub.problem else []


def _wrong(check: ReportedCheck) -> Wrong:
    code = f" ({check.code})" if check.code else ""
    told = f": {check.message.rstrip('.')}" if check.message else ""
    critical = check.critical and check.failing
    return Wrong(f"{trouble(check)}{code}{told}.", critical, f"checks#{check.code or 'checks'}")


def _is_about(alert: AlertRow, check: ReportedCheck) -> bool:
    """Whether an alert says what a check says: that it fails, or the same code."""
    said = dict(alert.labels).get("check") == check.name
    return said or (check.code != "" and check.code in alert.summary)


def _why_nothing(sources: Sources) -> str | None:
    """Say why there are no numbers of now; None where they are only not there yet."""
    scraper = sources.context.scraper
    if sources.engine:
        return f"{sources.engine} has no numbers of this Hub, or not yet"
    if scraper is None:
        return _where_numbers_are(sources)
    down = [state for state in scraper.targets() if state.health is Health.DOWN]
    return f"the Hub does not give its numbers ({down[0].last_error})" if down else None


def _where_numbers_are(sources: Sources) -> str:
    """Say of a store that nothing is scraped into how new its newest numbers are."""
    stats = sources.store_stats()
    if stats is None or stats.newest_ms is None:
        return "nothing is scraped here, and the store is empty"
    newest = datetime.fromtimestamp(stats.newest_ms / 1000, timezone.utc)
    return f"nothing is scraped here. The newest numbers are of {newest:%Y-%m-%d %H:%M} UTC"
