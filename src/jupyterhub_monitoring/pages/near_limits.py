"""Servers that are close to a limit of theirs, or idle on what others wait for."""

from __future__ import annotations

from dataclasses import dataclass

from ..dashboards import Unit
from ..usage.snapshot import ServerUsage, UsageSnapshot
from ..usage.viewer import Viewer

NEAR = 0.8
IDLE_SECONDS = 4 * 3600
MOST = 6


@dataclass(frozen=True, slots=True)
class Near:
    """One server and what is remarkable about it."""

    user: str
    server: str
    what: str
    share: float  # how near, 1 is at the limit; for the order


def near_limits(snapshot: UsageSnapshot | None, viewer: Viewer, now: float) -> list[Near]:
    """Return the most remarkable servers that *viewer* may see, the nearest first."""
    found = []
    for each in snapshot.servers if snapshot else ():
        what = _memory(each) or _idle(each, now)
        username, server_name = each.server.key
        if what and viewer.may_see(username):
            shown = viewer.label(username), viewer.label_of(username, server_name)
            found.append(Near(*shown, *what))
    return sorted(found, key=lambda near: -near.share)[:MOST]


def _memory(each: ServerUsage) -> tuple[str, float] | None:
    used, limit = each.usage.memory_bytes, each.usage.memory_limit_bytes
    if used is None or not limit or used < NEAR * limit:
        return None
    return f"{Unit.BYTES.text(used)} of {Unit.BYTES.text(limit)} memory", used / limit


def _idle(each: ServerUsage, now: float) -> tuple[str, float] | None:
    """Tell of a GPU that nobody uses."""
    last, gpu = each.server.last_activity, each.usage.gpu_memory_bytes
    if gpu is None or last is None or now - last < IDLE_SECONDS:
        return None
    return f"{Unit.SECONDS.text(now - last)} idle, holds {Unit.BYTES.text(gpu)} of GPU memory", 0.0
