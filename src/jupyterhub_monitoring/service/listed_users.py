"""Whom the Hub lists to somebody's own token: the users whom a group's admin looks after."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from tornado.web import HTTPError

from ..errors import ListingError
from ..usage.model import GapReason

log = logging.getLogger(__name__)

MOST_USERS = 10_000
KEPT_SECONDS = 60.0
KEPT_TIMES = 100
"""As long as a listing took: at most 1 % of the Hub's time goes there for each who looks."""
KEPT_NAMES = 100_000
"""Of all listings together, about 10 MB."""
AT_ONCE = 2

Ask = Callable[[str], frozenset[str]]
"""Returns whom the Hub lists to a token, up to `MOST_USERS`. Raises `ListingError`; may block."""


@dataclass(frozen=True, slots=True)
class _Kept:
    names: frozenset[str]
    until: float


class ListedUsers:
    """Asks the Hub by *ask*, in a thread, and keeps what it said for a minute or more."""

    def __init__(self, ask: Ask, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[frozenset[str]]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def to(self, token: str) -> frozenset[str]:
        """Return the usernames; none where the Hub refuses. HTTPError 503 when it does not say."""
        key = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until:
            return kept.names
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._look(key, token))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        try:
            return await asyncio.shield(task)
        except ListingError as error:
            raise HTTPError(503, f"the Hub does not say whom you may see: {error}") from None

    async def _look(self, key: str, token: str) -> frozenset[str]:
        async with self._turn:
            began = self._clock()
            try:
                names = await asyncio.to_thread(self._ask, token)
            except ListingError as error:
                if error.reason != GapReason.PERMISSION.value:
                    raise
                names = frozenset()
            now = self._clock()
        if len(names) >= MOST_USERS:
            log.warning("Somebody who may list users sees the first %d of them.", MOST_USERS)
        self._keep(key, _Kept(names, now + max(KEPT_SECONDS, KEPT_TIMES * (now - began))))
        return names

    def _keep(self, key: str, kept: _Kept) -> None:
        self._kept.pop(key, None)
        self._kept[key] = kept
        while len(self._kept) > 1 and self._weight() > KEPT_NAMES:
            del self._kept[next(iter(self._kept))]

    def _weight(self) -> int:
        return sum(100 + len(kept.names) for kept in self._kept.values())
