"""Counters that go on where the kernel or a daemon starts to count anew."""

from __future__ import annotations

from dataclasses import replace

from .model import Usage


class LastingCounters:
    """The growing numbers of one server, over restarts of what is looked at.

    A container that its daemon starts again, or a unit that systemd does, is the same server to
    the Hub, and its counters begin at zero.
    """

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._before: dict[str, float] = {}

    def carried_on(self, usage: Usage) -> Usage:
        """Return *usage* with what was counted before added to its counters."""
        return replace(
            usage,
            cpu_seconds=self._total("cpu", usage.cpu_seconds),
            cpu_throttled_seconds=self._total("throttled", usage.cpu_throttled_seconds),
            oom_kills=self._total("oom", usage.oom_kills),
        )

    def _total(self, name: str, value: float | None) -> float | None:
        if value is None:
            return None
        last, before = self._last.get(name, 0.0), self._before.get(name, 0.0)
        if value < last:
            before += last
        self._last[name], self._before[name] = value, before
        return before + value
