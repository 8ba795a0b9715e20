"""Memory and CPU of what bounds the Hub: its cgroup where that sets a limit, else the machine.

    cgroup v2   memory.max, memory.current - inactive_file; cpu.max, cpu.stat
    cgroup v1   memory.limit_in_bytes, memory.usage_in_bytes - total_inactive_file;
                cpu.cfs_quota_us, cpuacct.usage
    machine     total, total - available; the times of all processors

Memory in use leaves out the files that the kernel drops first when it needs room, as Kubernetes
does (its "working set"): what is left is what can get a process killed. Limits are looked for from
the Hub's own cgroup up to the mount; the tightest wins. What cannot be read is None, never 0.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from . import cgroup

NOT_USED = {"idle", "iowait", "guest", "guest_nice"}
"""Times of the processors that are no use of them, or are in `user` and `nice` already."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One reading; None is unknown. *cpu_percent*: 100 is all that there is, not one processor."""

    memory_used: float | None
    memory_total: float | None
    cpu_percent: float | None


@dataclass(frozen=True, slots=True)
class CpuClock:
    """CPU seconds used so far within *scope*, of *processors* (may be a fraction)."""

    scope: str
    used_seconds: float
    processors: float
    at: float  # time.monotonic()


class Machine:
    """Reads what bounds this process. *root* is where `/proc` and `/sys` are."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._last: CpuClock | None = None

    def usage(self) -> Usage:
        """Read now. CPU is since the last call; the first one, and one after a gap, has none."""
        used, total = read_memory(self._root)
        clock = read_cpu(self._root, time.monotonic())
        percent = cpu_percent(self._last, clock)
        self._last = clock
        return Usage(used, total, percent)


def read_memory(root: Path) -> tuple[float | None, float | None]:
    """Return bytes in use and bytes in all."""
    try:
        machine = psutil.virtual_memory()
        bound = cgroup.memory_bound(root)
    except (OSError, ValueError):
        return None, None
    if bound is None or bound.limit >= machine.total:
        return machine.total - machine.available, machine.total
    try:
        return cgroup.memory_used(bound), bound.limit
    except (OSError, ValueError):
        return None, bound.limit


def read_cpu(root: Path, now: float) -> CpuClock | None:
    """Return the clock of the cgroup with a quota, else the machine's; None if unreadable."""
    try:
        bound = cgroup.cpu_bound(root)
        if bound is None or bound.limit >= _processors():
            return _machine_clock(now)
        used = cgroup.cpu_seconds(root, bound)
    except (OSError, ValueError):
        return None
    return CpuClock(str(bound.place.folder), used, bound.limit, now)


def cpu_percent(before: CpuClock | None, after: CpuClock | None) -> float | None:
    """Return the share of the processors in use between two readings, in percent.

    None when there are not two of the same thing: the first one, or the container was resized.
    """
    if before is None or after is None:
        return None
    if (before.scope, before.processors) != (after.scope, after.processors):
        return None
    seconds, used = after.at - before.at, after.used_seconds - before.used_seconds
    if seconds <= 0 or used < 0:
        return None
    return 100 * used / (seconds * after.processors)


def _processors() -> int:
    return psutil.cpu_count() or 1


def _machine_clock(now: float) -> CpuClock:
    """Return the machine's own clock, without `psutil.cpu_percent`, whose memory others share."""
    times = psutil.cpu_times()._asdict()
    # Added up, not taken off the sum of all: that would seem to go back by a rounding when idle.
    used = sum(seconds for name, seconds in times.items() if name not in NOT_USED)
    return CpuClock("machine", used, _processors(), now)
