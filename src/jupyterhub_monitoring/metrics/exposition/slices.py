"""Work on the event loop in slices, so that nobody else waits for long."""

from __future__ import annotations

import asyncio
import time

# What waits for the loop may wait for two or three slices: its timer, its callback, its task.
SLICE_SECONDS = 0.001


class Slices:
    """`await slices.pause()` between steps: it gives way when the slice is used up."""

    def __init__(self, seconds: float = SLICE_SECONDS) -> None:
        self._seconds = seconds
        self._until = time.perf_counter() + seconds

    async def pause(self) -> None:
        """Let the event loop go on if this slice has lasted long enough."""
        if time.perf_counter() >= self._until:
            await asyncio.sleep(0)
            self._until = time.perf_counter() + self._seconds
