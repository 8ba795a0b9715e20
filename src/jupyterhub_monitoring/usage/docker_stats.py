"""What the Engine API's answers about a container mean: `/stats` and `/json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .model import Usage

NEVER = "0001-01-01T00:00:00Z"
"""When the statistics of a container that does not run were read: they are all zero."""

DEFAULT_PERIOD_US = 100_000
NANOSECONDS = 1e9
WINDOWS_TICKS = 1e7


@dataclass(frozen=True, slots=True)
class ContainerDetails:
    """What changes seldom. None where there is no limit, or nothing is known."""

    memory_limit_bytes: float | None = None
    cpu_limit_cores: float | None = None
    oom_kills: float | None = None
    image: str = ""


def has_stopped(stats: Any) -> bool:
    """Return whether *stats* are those of a container that does not run."""
    return bool(_at(stats, "read") == NEVER)


def was_stopped(inspected: Any) -> bool:
    """Return whether `/containers/ID/json` says that the container does not run."""
    return _at(inspected, "State", "Running") is False


def usage_of(stats: Any, details: ContainerDetails) -> Usage | None:
    """Return what `/containers/ID/stats` tells, or None where it is about neither CPU nor memory.

    `pids_stats` counts threads, and so says nothing of processes.
    """
    # Windows counts in 100 ns, and only there is the number of processors given.
    per = WINDOWS_TICKS if number(stats, "num_procs") else NANOSECONDS
    used = number(stats, "cpu_stats", "cpu_usage", "total_usage")
    throttled = _throttled(stats)
    memory = _working_set(stats)
    if used is None and memory is None:
        return None
    return Usage(
        cpu_seconds=None if used is None else used / per,
        cpu_throttled_seconds=None if throttled is None else throttled / per,
        cpu_limit_cores=details.cpu_limit_cores,
        memory_bytes=memory,
        memory_peak_bytes=_peak(stats),
        memory_limit_bytes=details.memory_limit_bytes,
        oom_kills=details.oom_kills,
        image=details.image,
    )


def details_of(inspected: Any) -> ContainerDetails:
    """Return what `/containers/ID/json` tells.

    The engine knows whether something was killed since the container started, not how often.
    """
    killed, image = _at(inspected, "State", "OOMKilled"), _at(inspected, "Config", "Image")
    return ContainerDetails(
        memory_limit_bytes=number(inspected, "HostConfig", "Memory") or None,
        cpu_limit_cores=_cores(inspected),
        oom_kills=float(killed) if isinstance(killed, bool) else None,
        image=image if isinstance(image, str) else "",
    )


def _working_set(stats: Any) -> float | None:
    """Return the bytes that the kernel cannot simply drop.

    Podman, which tells of no cache, has taken it off.
    """
    used = number(stats, "memory_stats", "usage")
    if used is None:
        return None
    v1 = number(stats, "memory_stats", "stats", "total_inactive_file")
    v2 = number(stats, "memory_stats", "stats", "inactive_file")
    droppable = v1 if v1 is not None else v2
    return max(0.0, used - (droppable or 0.0))


def _throttled(stats: Any) -> float | None:
    """Return for how long the quota held the container up; None where there was none to reach.

    Podman always says zero, in no periods.
    """
    if not number(stats, "cpu_stats", "throttling_data", "periods"):
        return None
    return number(stats, "cpu_stats", "throttling_data", "throttled_time")


def _peak(stats: Any) -> float | None:
    """Return the peak, which only cgroup v1 tells; Podman says zero."""
    if number(stats, "memory_stats", "stats", "total_inactive_file") is None:
        return None
    return number(stats, "memory_stats", "max_usage")


def _cores(inspected: Any) -> float | None:
    nano = number(inspected, "HostConfig", "NanoCpus")
    if nano:
        return nano / 1e9
    quota = number(inspected, "HostConfig", "CpuQuota")
    period = number(inspected, "HostConfig", "CpuPeriod") or DEFAULT_PERIOD_US
    return quota / period if quota else None


def number(answer: Any, *path: str) -> float | None:
    """Return the number at *path* of *answer*; None where there is none, or an impossible one."""
    found = _at(answer, *path)
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not 0 <= found < 1 << 64:
        return None
    return float(found)


def _at(answer: Any, *path: str) -> Any:
    for name in path:
        if not isinstance(answer, Mapping):
            return None
        answer = answer.get(name)
    return answer
