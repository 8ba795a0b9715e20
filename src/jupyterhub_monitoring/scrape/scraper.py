"""The scrape loop: each target in its own rhythm, none held up by another.

scraper = Scraper(store, targets, writer=executor)
await scraper.start()
scraper.targets()        # what is known of each, for pages and the API
await scraper.update(other_targets)
await scraper.stop()
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor

from ..metrics.service_catalogue import SCRAPE_TARGETS
from ..store.selection import Appendable
from .rhythm import Clocks
from .state import Health, TargetState
from .target import Target
from .target_loop import TargetLoop


class Scraper:
    """Scrapes *targets* into *store* from `start()` to `stop()`.

    *writer* is an executor with one thread: expositions are read and the store is written there,
    never in the event loop. Whoever made it ends it, after `stop()`.
    """

    def __init__(
        self,
        store: Appendable,
        targets: Iterable[Target],
        *,
        writer: Executor,
        clocks: Clocks | None = None,
    ) -> None:
        self._store, self._writer = store, writer
        self._clocks = clocks or Clocks()
        self._loops = {target.key: self._loop_of(target) for target in targets}
        self._running = False

    def targets(self) -> Sequence[TargetState]:
        """Return the state of each target, by job and instance."""
        return [self._loops[key].state for key in sorted(self._loops)]

    async def start(self) -> None:
        """Begin all rhythms. A second start does nothing."""
        if not self._running:
            self._running = True
            for loop in self._loops.values():
                loop.start()

    async def stop(self) -> None:
        """End all rhythms, and wait for what is being written.

        Series get no end marker: the service is most likely back within seconds.
        """
        self._running = False
        await asyncio.gather(*[loop.stop() for loop in self._loops.values()])

    async def update(self, targets: Iterable[Target]) -> None:
        """Scrape these *targets* from now on. The series of those that are gone end now."""
        wanted = {target.key: target for target in targets}
        for key, loop in list(self._loops.items()):
            if wanted.get(key) != loop.state.target:
                del self._loops[key]
                await loop.stop()
                if key not in wanted:
                    await loop.end()
        for key, target in wanted.items():
            if key not in self._loops:
                self._loops[key] = loop = self._loop_of(target)
                if self._running:
                    loop.start()
        self._count_targets()

    def _loop_of(self, target: Target) -> TargetLoop:
        return TargetLoop(self._store, target, self._writer, self._clocks, self._count_targets)

    def _count_targets(self) -> None:
        healths = [loop.state.health for loop in self._loops.values()]
        SCRAPE_TARGETS.labels("1").set(healths.count(Health.UP))
        SCRAPE_TARGETS.labels("0").set(healths.count(Health.DOWN))
