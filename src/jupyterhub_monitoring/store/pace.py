"""The pace of work that nobody waits for: it leaves the machine to queries and scrapes."""

from __future__ import annotations

import threading
import time

BURST_SECONDS = 0.03
"""Work before a rest is due: most queries are short, and then begin and end within a rest."""

REST = 3.0
"""Rest for each second of work, a quarter of a core: benchmarks/store/query_while_sealing.py."""

LONGEST_SECONDS = 0.5


class Stopped(Exception):  # noqa: N818 -- no error: the store is being closed
    """The work is to be given up; nothing of it was begun to be written."""


class Pace:
    """Work and rest take turns."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._since = time.perf_counter()

    def start(self) -> None:
        """Begin to work."""
        self._since = time.perf_counter()

    def rest(self) -> None:
        """Rest if it is due; raise `Stopped` after `stop`."""
        worked = time.perf_counter() - self._since
        due = min(REST * worked, LONGEST_SECONDS) if worked >= BURST_SECONDS else 0
        if self._stop.wait(due):
            raise Stopped
        if due:
            self._since = time.perf_counter()

    def stop(self) -> None:
        """Let whoever works give up at the next rest."""
        self._stop.set()
