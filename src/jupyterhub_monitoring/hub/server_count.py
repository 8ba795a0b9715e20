"""How many servers there are, by state, counted in memory right before each scrape."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..metrics import catalogue as m
from ..metrics.labels import ServerState

SLICE_SECONDS = 0.001
"""How long the count may hold the Hub's loop before it lets others run."""

_STATE_OF_PENDING = {"spawn": ServerState.SPAWNING, "stop": ServerState.STOPPING}


class ServerCount:
    """Keeps `running_servers`, `servers` and the spawn limits true.

    `running_servers` shows our count, whatever the Hub adds to and takes from its gauge.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self.ready = 0

    def take_over(self, running_servers: Any) -> None:
        """Let the Hub's gauge show what we counted last."""
        running_servers.set_function(lambda: self.ready)

    async def count(self) -> None:
        """Count now, in slices that let the loop breathe; a small Hub is one slice."""
        counts = dict.fromkeys(ServerState, 0)
        until = time.perf_counter() + SLICE_SECONDS
        for user in list(self._app.users.values()):
            for spawner in list(user.spawners.values()):
                state = state_of(spawner)
                if state is not None:
                    counts[state] += 1
            if time.perf_counter() > until:
                await asyncio.sleep(0)
                until = time.perf_counter() + SLICE_SECONDS
        self._show(counts)

    def _show(self, counts: dict[ServerState, int]) -> None:
        self.ready = counts[ServerState.READY]
        for state, number in counts.items():
            m.SERVERS.labels(state.value).set(number)
        m.PENDING_SERVERS.set(counts[ServerState.SPAWNING] + counts[ServerState.STOPPING])
        m.SPAWN_LIMIT.set(self._app.concurrent_spawn_limit)
        m.ACTIVE_SERVER_LIMIT.set(self._app.active_server_limit)
        # The Hub counts these in the copy of the settings that its handlers have.
        counted = self._app.tornado_application.settings
        m.SPAWN_CONSECUTIVE_FAILURES.set(counted.get("failure_count", 0))


def state_of(spawner: Any) -> ServerState | None:
    """Return what *spawner*'s server is doing; None when there is none, or it is being checked."""
    pending = spawner.pending
    if pending:
        return _STATE_OF_PENDING.get(pending)
    return ServerState.READY if spawner.ready else None
