"""Looks at all servers in a steady rhythm, in a thread of its own, and says when it cannot."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor

from ..health.codes import USAGE_UNKNOWN
from ..metrics.usage_catalogue import ROUNDS_SKIPPED
from ..scrape.rhythm import Clocks, Rhythm
from ..usage.collector import UsageCollector
from ..usage.model import GapReason
from ..usage.snapshot import UsageSnapshot
from .faults import Faults

log = logging.getLogger(__name__)

LEAD_MS = 1000
"""How long before the scrape of this process a look begins, so that what is scraped is fresh."""

PATIENCE_SECONDS = 60.0
"""How long nothing may be seen before that is a fault: the Hub restarts, servers start."""


class UsageTask:
    """Lets *collector* look every *interval_seconds*, a moment before *scraped_at_ms* of each.

    *scraped_at_ms* is when in its interval this process is scraped.
    """

    def __init__(
        self,
        collector: UsageCollector,
        faults: Faults,
        *,
        interval_seconds: float,
        scraped_at_ms: int,
    ) -> None:
        self._collector, self._faults = collector, faults
        self._interval_ms = round(interval_seconds * 1000)
        self._offset_ms = (scraped_at_ms - LEAD_MS) % self._interval_ms
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="usage")
        self._unknown_since: float | None = None

    async def run(self) -> None:
        """Look until cancelled. What fails is told and done again at the next turn."""
        loop, clocks = asyncio.get_running_loop(), Clocks()
        rhythm = Rhythm(self._interval_ms, self._offset_ms, clocks)
        try:
            while True:
                turn = rhythm.next()
                if turn.skipped:
                    ROUNDS_SKIPPED.inc(turn.skipped)
                await asyncio.sleep((turn.at_ms - clocks.monotonic_ms()) / 1000)
                try:
                    seen = await loop.run_in_executor(self._executor, self._collector.look)
                except Exception:  # a fault of ours: the next look may go well
                    log.exception("Looking at the usage of servers failed")
                else:
                    self._tell(unknown(seen))
        finally:
            self._executor.submit(self._collector.close)
            self._executor.shutdown(wait=False)

    def _tell(self, why: str | None) -> None:
        """Make a fault of what has lasted for a while."""
        now = time.monotonic()
        self._unknown_since = None if why is None else self._unknown_since or now
        since = self._unknown_since
        lasts = since is not None and now - since >= PATIENCE_SECONDS
        self._faults.put(USAGE_UNKNOWN, why if lasts else None)


def unknown(seen: UsageSnapshot) -> str | None:
    """Return why nothing at all can be seen, None while something is or there is nothing to see."""
    if seen.problem is not None:
        return f"which servers run is not known: {seen.problem}."
    reasons = {found.gap.reason for found in seen.servers if found.gap and found.server.ready}
    if not reasons or any(found.gap is None for found in seen.servers):
        return None
    told = f"of no server that runs is known what it uses: {', '.join(sorted(reasons))}."
    if GapReason.NO_STATE in reasons:
        told += (
            " Nothing that its spawner recorded leads to it, or the service may not see that:"
            " its role needs admin:server_state."
        )
    return told
