"""Servers start, do not get stuck, and their spawners say whether they live."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from datetime import datetime, timezone
from typing import Any

from ...metrics import usernames
from ...metrics.catalogue import SPAWN_FAILURE, SPAWN_SUCCESS, STUCK_SERVERS
from ..codes import SPAWN_FAILING, SPAWN_POLL, SPAWN_STUCK
from ..result import Finding, healthy, unhealthy, warning, worst
from ..settings import MonitoringHealth

POLLS_AT_A_TIME = 5
NAMED = 5  # servers that a message names


class SpawnersCheck:
    """Three questions in one: who is stuck, how many fail, does poll() answer."""

    def __init__(self, app: Any, settings: MonitoringHealth) -> None:
        self._app, self._settings = app, settings
        self._pending_since: dict[tuple[str, str, str], float] = {}
        self._outcomes: deque[tuple[float, float, float]] = deque([(time.monotonic(), *_counts())])
        self._polls: dict[tuple[str, str], asyncio.Task[Any]] = {}

    async def __call__(self) -> Finding:
        """Look at the spawners now."""
        spawners = list(_spawners(self._app))
        return worst(
            [
                self._stuck(spawners, time.monotonic()),
                self._failing(time.monotonic()),
                await self._polling(spawners),
                healthy(f"servers ready: {sum(s.ready for s in spawners)}"),
            ]
        )

    def _stuck(self, spawners: list[Any], now: float) -> Finding:
        """Judge by when the Hub began, where it says so, else by when we first saw it pending."""
        seen: dict[tuple[str, str, str], float] = {}
        stuck = []
        for spawner in spawners:
            if not spawner.pending:
                continue
            key = (spawner.user.name, spawner.name, spawner.pending)
            seen[key] = self._pending_since.get(key, now - _spawning_for(spawner))
            limit = (
                spawner.start_timeout + spawner.http_timeout + self._settings.stuck_grace_seconds
            )
            if now - seen[key] > limit:
                stuck.append(f"{_name(spawner)} ({spawner.pending} for {now - seen[key]:.0f} s)")
        self._pending_since = seen
        STUCK_SERVERS.set(len(stuck))
        if not stuck:
            return healthy()
        return unhealthy(SPAWN_STUCK, f"{len(stuck)} stuck: {_listed(stuck)}")

    def _failing(self, now: float) -> Finding:
        window = self._settings.spawn_failure_window_seconds
        self._outcomes.append((now, *_counts()))
        while len(self._outcomes) > 2 and self._outcomes[1][0] <= now - window:
            self._outcomes.popleft()
        (_, ok_then, failed_then), (_, ok_now, failed_now) = self._outcomes[0], self._outcomes[-1]
        failed, total = failed_now - failed_then, ok_now - ok_then + failed_now - failed_then
        if failed < self._settings.spawn_failure_minimum:
            return healthy()
        message = f"{failed:.0f} of {total:.0f} starts failed in the last {window / 60:.0f} min"
        if failed / total > self._settings.spawn_failure_critical_ratio:
            return unhealthy(SPAWN_FAILING, message)
        if failed / total > self._settings.spawn_failure_warning_ratio:
            return warning(SPAWN_FAILING, message)
        return healthy()

    async def _polling(self, spawners: list[Any]) -> Finding:
        ready = [s for s in spawners if s.ready]
        sample = random.sample(ready, min(len(ready), self._settings.poll_sample))
        gate = asyncio.Semaphore(POLLS_AT_A_TIME)
        silent = [n for n in await asyncio.gather(*[self._poll(s, gate) for s in sample]) if n]
        if not silent:
            return healthy()
        limit = self._settings.poll_timeout_seconds
        return unhealthy(
            SPAWN_POLL,
            f"poll() of {len(silent)} of {len(sample)} asked gave nothing in {limit:g} s:"
            f" {_listed(silent)}",
        )

    async def _poll(self, spawner: Any, gate: asyncio.Semaphore) -> str:
        """Return the server's name if its poll() hangs or raises, else "".

        What poll() says is the Hub's own business. A poll that outlives its cancellation is not
        asked a second time.
        """
        key = (spawner.user.name, spawner.name)
        name, before = _name(spawner), self._polls.get(key)
        if before is not None and not before.done():
            return name
        async with gate:
            task = asyncio.ensure_future(_ask(spawner))
            self._polls[key] = task
            await asyncio.wait({task}, timeout=self._settings.poll_timeout_seconds)
        if not task.done():
            task.cancel()
            return name
        del self._polls[key]
        return name if task.cancelled() or task.exception() is not None else ""


async def _ask(spawner: Any) -> Any:
    answer = spawner.poll()
    return await answer if hasattr(answer, "__await__") else answer


def _spawners(app: Any) -> Any:
    """Give the spawners that the Hub has in memory. Nothing is looked up, for that creates them."""
    for user in list(dict.values(app.users)):
        yield from list(dict.values(user.spawners))


def _spawning_for(spawner: Any) -> float:
    """Return the seconds since the Hub began to start it; 0 when it does not say."""
    # From __dict__: reading the attribute itself may ask the database.
    started = getattr(spawner.orm_spawner, "__dict__", {}).get("started")
    if spawner.pending != "spawn" or started is None:
        return 0.0
    elapsed = datetime.now(timezone.utc).replace(tzinfo=None) - started.replace(tzinfo=None)
    seconds: float = elapsed.total_seconds()
    return max(0.0, seconds)


def _counts() -> tuple[float, float]:
    """Return how many spawns succeeded and failed since the process began."""
    return _total(SPAWN_SUCCESS), _total(SPAWN_FAILURE)


def _total(metric: Any) -> float:
    samples = [s for family in metric.collect() for s in family.samples]
    return float(sum(s.value for s in samples if s.name.endswith("_total")))


def _name(spawner: Any) -> str:
    """Return what messages call the server; usernames as `c.Monitoring.usernames` says."""
    user = usernames.policy().label(spawner.user.name) or "somebody"
    return f"{user}/{spawner.name}" if spawner.name else user


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
