"""How long the Hub's event loop was blocked, measured by a timer that fires late."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ..codes import LOOP_LAG
from ..result import Finding, healthy, unhealthy, warning
from ..settings import MonitoringHealth

TICK_SECONDS = 0.5


class EventLoopCheck:
    """Keeps the longest delay of its timer since the last run."""

    def __init__(self, app: Any, settings: MonitoringHealth) -> None:
        del app
        self._settings = settings
        self._longest = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure in the running loop."""
        self.stop()
        self._tick(asyncio.get_running_loop(), time.monotonic())

    def stop(self) -> None:
        """End the measuring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = time.monotonic()
        self._longest = max(self._longest, now - due)
        self._timer = loop.call_later(TICK_SECONDS, self._tick, loop, now + TICK_SECONDS)

    async def __call__(self) -> Finding:
        """Judge the time since the last call."""
        if self._timer is None:
            self.start()
        await asyncio.sleep(0)  # a tick that is overdue comes first
        lag, self._longest = self._longest, 0.0
        message = f"the event loop was blocked for up to {lag:.2f} s"
        if lag >= self._settings.loop_lag_critical_seconds:
            return unhealthy(LOOP_LAG, message)
        if lag >= self._settings.loop_lag_warning_seconds:
            return warning(LOOP_LAG, message)
        return healthy(f"the event loop was never more than {1000 * lag:.0f} ms late")
