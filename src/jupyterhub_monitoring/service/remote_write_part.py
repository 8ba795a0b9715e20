"""Remote write as a part of the service: begun with the store, looked after, ended before it."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timezone
from pathlib import Path

from ..health.codes import NOT_WRITTEN
from ..promql.engine import Engine
from ..remote_write.receiver import SETTING, receivers_of
from ..remote_write.sender import Sender
from ..remote_write.state import WriteState
from ..store.store import Store, wall_clock_ms
from .application import Host
from .outside import Outside

FOLDER = "remote-write"
LOOK_SECONDS = 5.0
LATE_MS = 300_000
"""A receiver that takes nothing for as long is a fault: seven attempts have failed by then."""

REMEMBERED_MS = 3_600_000
"""For so long it is told that samples were refused for good."""


class RemoteWritePart:
    """Sends what *host* takes in to the receivers of *outside*."""

    def __init__(self, host: Host, outside: Outside, base_dir: Path) -> None:
        self._host, self._labels = host, outside.external_labels
        self._receivers, problems = receivers_of(outside.remote_write, base_dir, os.environ)
        self._senders: list[Sender] = []
        if host.beside is not None:
            problems = [
                f"{SETTING} is not used with c.Monitoring.prometheus_url: there is no store."
            ]
        host.add_problem(*problems)

    async def start(self) -> None:
        """Nothing is sent before there is a store."""

    async def opened(self, store: Store, _engine: Engine) -> None:
        """Send from now on."""
        folder = self._host.folder / FOLDER
        self._senders = [Sender(one, store, folder, self._labels) for one in self._receivers]
        for sender in self._senders:
            sender.start()
        if self._senders:
            self._host.also(self._look())

    async def stop(self) -> None:
        """End all senders at once."""
        await asyncio.gather(*[sender.stop() for sender in self._senders])

    async def _look(self) -> None:
        while True:
            states = [sender.state() for sender in self._senders]
            self._host.context.writing = states
            problems = [problem_of(state, wall_clock_ms()) for state in states]
            self._host.context.faults.put(NOT_WRITTEN, *problems)
            await asyncio.sleep(LOOK_SECONDS)


def problem_of(state: WriteState, now_ms: int) -> str | None:
    """Return what to say of a receiver that does not get everything, None of one that does."""
    told = []
    since, refused, waits = state.failing_since_ms, state.refused, state.oldest_ms
    if since is not None and now_ms - since >= LATE_MS:
        waiting = "" if waits is None else f" What came since {_moment(waits)} waits in the store."
        told.append(f"{state.name} takes nothing since {_moment(since)}: {state.failure}.{waiting}")
    if refused is not None and now_ms - refused.at_ms < REMEMBERED_MS:
        told.append(
            f"{state.name} refused {refused.samples:,} samples for good since the start, the last"
            f" ones at {_moment(refused.at_ms)}: {refused.why}."
        )
    if state.lost_ms is not None:
        told.append(
            f"Retention dropped what came before {_moment(state.lost_ms)} before {state.name} had"
            " taken it."
        )
    if state.problem:
        told.append(f"{state.name}: {state.problem}.")
    return " ".join(told) or None


def _moment(at_ms: int) -> str:
    seconds = max(0, at_ms) / 1000  # a target may say that its sample is of long before
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
