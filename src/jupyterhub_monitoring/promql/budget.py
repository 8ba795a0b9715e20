"""What one query may use: checked while it runs, so that it ends when it must."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from ..errors import QueryCancelled, QueryTimedOut, QueryTooLarge

_TEXT_BYTES = 200
"""What a text takes beside its characters, of which one takes at most four."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one query. Each is a setting of `c.MonitoringQuery` of the same name."""

    max_length: int = 16_384  # characters
    max_operators: int = 500  # binary operators in the whole query
    max_nesting: int = 50  # parentheses, calls and operators inside each other
    max_points: int = 11_000  # steps of a range query, as in Prometheus
    max_samples: int = 100_000_000  # samples read
    max_memory_bytes: int = 512 << 20  # arrays alive at once, estimated
    timeout_seconds: float = 60.0
    max_concurrent: int = 4


class Budget:
    """What one running query has used. Every method may raise; shared by the query's threads."""

    def __init__(self, limits: Limits, timeout_seconds: float | None = None) -> None:
        self.limits = limits
        asked = limits.timeout_seconds if timeout_seconds is None else timeout_seconds
        self.timeout = min(limits.timeout_seconds, asked)
        self._deadline = time.monotonic() + self.timeout
        self._cancelled = False
        self._lock = threading.Lock()
        self.samples = 0
        self.memory = 0
        self.written = 0
        self.peak_memory = 0

    @property
    def remaining_seconds(self) -> float:
        """How long the query may still take; below 0 it is over."""
        return self._deadline - time.monotonic()

    def cancel(self) -> None:
        """End the query at its next check: its client went away, or the service stops."""
        self._cancelled = True

    def check(self) -> None:
        """Raise if the query has to end. Called between tiles and in every long loop."""
        if self._cancelled:
            raise QueryCancelled
        if time.monotonic() > self._deadline:
            raise QueryTimedOut(self.timeout)

    def read(self, samples: int) -> None:
        """Count *samples* that are about to be read."""
        with self._lock:
            self.samples += samples
            if self.samples > self.limits.max_samples:
                raise QueryTooLarge("samples", self.limits.max_samples, self.samples)

    def hold(self, size: int) -> None:
        """Count *size* bytes that are about to be allocated; give them back by a negative one."""
        if size:
            with self._lock:
                self.memory += size
                self._weigh(size)

    def write(self, *characters: int) -> None:
        """Count texts of so many *characters* that the query makes, and keeps to its end."""
        size = _TEXT_BYTES * len(characters) + 4 * sum(characters)
        with self._lock:
            self.written += size
            self._weigh(size)

    def _weigh(self, more: int) -> None:
        used = self.memory + self.written
        self.peak_memory = max(self.peak_memory, used)
        if more > 0 and used > self.limits.max_memory_bytes:
            raise QueryTooLarge("memory bytes", self.limits.max_memory_bytes, used)
