"""A thread that wants to run each millisecond, as the event loop may, beside what is tried."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Heartbeat:
    """How long another thread had to wait for the interpreter, in seconds."""

    longest: float = 0.0
    _done: threading.Event = field(default_factory=threading.Event)

    def beat(self) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        while not self._done.is_set():
            time.sleep(0.001)
            now, used = time.monotonic(), time.process_time()
            # Who waits for the machine, which others use too, uses no CPU meanwhile.
            self.longest = max(self.longest, min(now - wall, used - cpu))
            wall, cpu = now, used


@contextmanager
def heartbeat() -> Iterator[Heartbeat]:
    """Another thread that wants to run each millisecond, as the scrape loop may."""
    found = Heartbeat()
    thread = threading.Thread(target=found.beat)
    thread.start()
    try:
        yield found
    finally:
        found._done.set()
        thread.join()
