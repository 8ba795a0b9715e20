"""One look at everything: which servers run, what each uses, how large the homes are.

`look()` blocks and is called from one thread; `snapshot()` from any, at any time.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from ..errors import ListingError
from ..metrics.usage_catalogue import LAST_ROUND, ROUND_SECONDS, SAMPLE_ERRORS, Source
from .model import Gap, RunningServer
from .options import UsageOptions
from .sampling import Sampling
from .snapshot import Home, ServerUsage, UsageSnapshot

log = logging.getLogger(__name__)

KEEP_LISTING_SECONDS = 120.0
"""How long the last listing stands in for one that the Hub does not give: it may be restarting,
which does not end servers."""

LISTING_SHARE = 0.5
MAX_LISTING_SECONDS = 30.0
"""How long the Hub may take for a listing: this share of the interval, at most so much."""

LISTING_LOAD = 0.05
MAX_LISTING_REST_SECONDS = 60.0
"""The share of its time that the Hub may spend on our listings: one that takes long is used again,
for at most so long. With 2,000 servers there is one every half a minute."""

STALE_ROUNDS, STALE_SECONDS = 3, 30.0
"""After so many intervals, and at least so long, without a look what was seen is unknown."""


class Lists(Protocol):
    """What says which servers run."""

    def servers(self, timeout_seconds: float) -> tuple[RunningServer, ...]:
        """Return them, or raise `ListingError`."""


class LooksAtHomes(Protocol):
    """What walks over home directories, in its own time."""

    def homes(self, usernames: Collection[str]) -> Mapping[str, Home | Gap]:
        """Return what is known of the homes of *usernames*; never raises, never waits for long."""

    def close(self) -> None:
        """Stop walking."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the time comes from; a test gives its own."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class UsageCollector:
    """Looks when it is told to, and remembers what it saw."""

    def __init__(
        self,
        listing: Lists,
        sampling: Sampling,
        options: UsageOptions,
        *,
        homes: LooksAtHomes | None = None,
        clocks: Clocks = Clocks(),
    ) -> None:
        self._listing, self._sampling, self._homes = listing, sampling, homes
        self._interval, self._clocks = options.interval_seconds, clocks
        self._listed: tuple[RunningServer, ...] = ()
        self._listed_at = -KEEP_LISTING_SECONDS
        self._asked_at: float | None = None  # on the wall's clock, for the listing that is kept
        self._list_again_at = -math.inf
        self._seen: tuple[float, UsageSnapshot] | None = None

    def snapshot(self) -> UsageSnapshot | None:
        """Return what was seen last; nothing of it when that is too long ago; None before."""
        seen = self._seen
        if seen is None:
            return None
        age = self._clocks.monotonic() - seen[0]
        if age <= max(STALE_ROUNDS * self._interval, STALE_SECONDS):
            return seen[1]
        return replace(seen[1], servers=(), homes={}, problem="the last look takes too long")

    def look(self) -> UsageSnapshot:
        """Ask the Hub, look at every server and home, and remember it. Never raises."""
        began = self._clocks.monotonic()
        servers, problem = self._list()
        at = self._clocks.wall()
        found = self._sampling.look(servers)
        _count_gaps(found)
        for backend, gap in self._sampling.partial_gaps():
            SAMPLE_ERRORS.labels(backend.value, gap.reason.value).inc()
        homes = self._look_at_homes({server.key.username for server in servers})
        snapshot = UsageSnapshot(
            at, self._interval, found, homes, problem, listed_at=self._asked_at
        )
        now = self._clocks.monotonic()
        self._seen = now, snapshot
        ROUND_SECONDS.observe(now - began)
        LAST_ROUND.set(at)
        return snapshot

    def close(self) -> None:
        """End what looks."""
        self._sampling.close()
        if self._homes is not None:
            self._homes.close()

    def _list(self) -> tuple[tuple[RunningServer, ...], str | None]:
        """Return the servers, and why they are not those of now."""
        began, asked_at = self._clocks.monotonic(), self._clocks.wall()
        if began < self._list_again_at:
            return self._listed, None
        limit = min(self._interval * LISTING_SHARE, MAX_LISTING_SECONDS)
        try:
            self._listed = self._listing.servers(limit)
        except ListingError as error:
            SAMPLE_ERRORS.labels(Source.HUB.value, error.reason).inc()
            kept = self._clocks.monotonic() - self._listed_at < KEEP_LISTING_SECONDS
            return self._listed if kept else (), str(error)
        self._listed_at, self._asked_at = self._clocks.monotonic(), asked_at
        rest = (self._listed_at - began) / LISTING_LOAD
        self._list_again_at = began + min(rest, MAX_LISTING_REST_SECONDS)
        return self._listed, None

    def _look_at_homes(self, usernames: Collection[str]) -> dict[str, Home]:
        if self._homes is None:
            return {}
        known = {}
        for username, home in self._homes.homes(usernames).items():
            if isinstance(home, Gap):
                SAMPLE_ERRORS.labels(Source.HOME.value, home.reason.value).inc()
            else:
                known[username] = home
        return known


def _count_gaps(found: Iterable[ServerUsage]) -> None:
    """Count what could not be seen. A server that is starting or ending may have nothing to see."""
    for server in found:
        if server.gap is not None and server.server.ready:
            backend = server.backend.value if server.backend else Source.NONE.value
            SAMPLE_ERRORS.labels(backend, server.gap.reason.value).inc()
