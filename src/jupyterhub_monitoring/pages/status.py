"""Status: the service itself, and what stands against it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass

from ..api.context import Rules
from ..dashboards import board
from ..errors import MonitoringError
from ..metrics.spec import PREFIX
from ..store.stats import StoreStats
from .handler import PageHandler
from .panel_view import panel_views

GROWTH = f"deriv(max({PREFIX}_monitoring_store_size_bytes)[1d:5m])"
LIMIT = f"max({PREFIX}_monitoring_store_limit_bytes)"
LONG_SECONDS = 1000 * 86_400


@dataclass(frozen=True, slots=True)
class Growth:
    """How the store grows: bytes a second, and seconds until its limit, None where it is far."""

    per_second: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class GroupTimes:
    """One group of rules: how long its last evaluation took, and when it was. None: not yet."""

    name: str
    file: str
    rules: int
    interval: float
    took: float | None
    at: float | None

    @property
    def late(self) -> bool:
        """Whether it takes longer than there is time for."""
        return self.took is not None and self.took > self.interval


class StatusPage(PageHandler):
    """`status`."""

    page = "status"
    default_range = "24h"

    async def get(self) -> None:
        """Show everything; each part says for itself that it is not known yet."""
        sources, context, period = self.sources, self.sources.context, self.period
        stats = sources.store_stats()
        self.show(
            "status.html",
            period=period,
            runbooks=context.runbooks,
            tells_nobody=context.tells_nobody,
            targets=context.scraper.targets() if context.scraper else [],
            scrapes=context.scraper is not None,
            writing=context.writing,
            stats=stats,
            growth=await self._growth(stats),
            retention=context.retention,
            groups=group_times(context.rules),
            folder=sources.folder,
            flags=context.flags,
            panels=panel_views(board("status").panels, period, self.viewer),
        )

    async def _growth(self, stats: StoreStats | None) -> Growth | None:
        """Return how the store grew in a day; None where that is not known, or not yet."""
        ask, kept = self.sources.context.querier.instant, self.sources.kept
        try:
            per_second, limit = [
                found.value
                for found in await asyncio.gather(
                    kept.get("growth", lambda: ask(GROWTH)), kept.get("limit", lambda: ask(LIMIT))
                )
            ]
        except MonitoringError:
            return None
        if stats is None or math.isnan(per_second):
            return None
        left = (limit - stats.bytes) / per_second if per_second > 0 else math.inf
        return Growth(per_second, left if left < LONG_SECONDS else None)


def group_times(rules: Rules | None) -> list[GroupTimes]:
    """Return the groups of rules, the slowest first."""
    found = [
        GroupTimes(
            group.group.name,
            group.group.file,
            len(group.rules),
            group.interval_ms / 1000,
            None if group.evaluated_at is None else group.seconds,
            None if group.evaluated_at is None else group.evaluated_at / 1000,
        )
        for group in (rules.snapshot() if rules else ())
    ]
    return sorted(found, key=lambda group: (-(group.took or 0.0), group.name))
