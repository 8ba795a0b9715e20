"""What of a usage snapshot somebody may see, as `/api/usage` sends it.

Everybody sees the own servers under their real names. Others are seen by who may see them
(`viewer.py`), under the names that `c.Monitoring.usernames` allows; in mode `none` these are
counted and not listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from ..metrics.usernames import UsernameMode, Usernames
from .snapshot import Home, ServerUsage, UsageSnapshot
from .viewer import Viewer

MAX_ROWS = 10_000
DEFAULT_ROWS = 1_000

Row = dict[str, object]


class Sort(str, Enum):
    """What the rows are sorted by; numbers from the largest, unknown ones last, then names."""

    CPU = "cpu"
    MEMORY = "memory"
    AGE = "age"
    IDLE = "idle"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Page:
    """Which rows: *limit* of them (`MAX_ROWS` at most), from the one at *offset*."""

    sort: Sort = Sort.CPU
    offset: int = 0
    limit: int = DEFAULT_ROWS


def view(snapshot: UsageSnapshot, viewer: Viewer, names: Usernames, page: Page) -> Row:
    """Return the answer. Totals are over all that *viewer* may see, the lists are one page."""
    seen = _seen(snapshot, viewer)
    listed = _listed(seen, viewer, names)
    label = _labels(viewer, names)
    servers = [_server(found, label) for found in listed.servers]
    totals = seen.totals()
    return {
        "time": snapshot.at,
        "interval_seconds": snapshot.interval_seconds,
        "full": viewer.full,
        "others": viewer.sees_others,
        "usernames": names.mode.value,
        "problem": snapshot.problem if viewer.full else None,
        "totals": {
            "servers": totals.servers,
            "users": len({found.server.key.username for found in seen.servers}),
            "cpu_cores": _finite(totals.cpu_cores),
            "memory_bytes": _finite(totals.memory_bytes),
            "gaps": sum(found.gap is not None for found in seen.servers),
        },
        "page": {"sort": page.sort.value, "offset": page.offset, "limit": page.limit},
        "servers": _page(servers, page),
        "users": _page(_users(listed, label), page),
    }


# --- Who may see whom ---------------------------------------------------------------------------


def _seen(snapshot: UsageSnapshot, viewer: Viewer) -> UsageSnapshot:
    """Return what may count for *viewer*."""
    return snapshot if viewer.full else _of(snapshot, viewer.may_see)


def _listed(seen: UsageSnapshot, viewer: Viewer, names: Usernames) -> UsageSnapshot:
    """Return what may stand in a row of its own."""
    if names.mode is not UsernameMode.NONE:
        return seen
    return _of(seen, lambda username: username == viewer.name)


def _of(snapshot: UsageSnapshot, who: Callable[[str], bool]) -> UsageSnapshot:
    """Return the part of *snapshot* that is of the users *who* says yes to."""
    servers = tuple(found for found in snapshot.servers if who(found.server.key.username))
    homes = {user: home for user, home in snapshot.homes.items() if who(user)}
    return replace(snapshot, servers=servers, homes=homes)


def _labels(viewer: Viewer, names: Usernames) -> Callable[[str, str], str]:
    """Return what shows a text of a user, given both."""
    return lambda username, text: viewer.label_of(username, text, names)


# --- Rows ---------------------------------------------------------------------------------------


def _server(found: ServerUsage, label: Callable[[str, str], str]) -> Row:
    server, usage, gap = found.server, found.usage, found.gap
    username, server_name = server.key
    return {
        "username": label(username, username),
        "server_name": label(username, server_name),
        "backend": found.backend.value if found.backend else None,
        "ready": server.ready,
        "cpu_cores": _finite(found.cpu_cores),
        "cpu_seconds": _finite(usage.cpu_seconds),
        "cpu_limit_cores": _finite(usage.cpu_limit_cores),
        "cpu_throttled_seconds": _finite(usage.cpu_throttled_seconds),
        "memory_bytes": _finite(usage.memory_bytes),
        "memory_peak_bytes": _finite(usage.memory_peak_bytes),
        "memory_limit_bytes": _finite(usage.memory_limit_bytes),
        "processes": _finite(usage.processes),
        "oom_kills": _finite(usage.oom_kills),
        "gpu_utilization_ratio": _finite(usage.gpu_utilization_ratio),
        "gpu_memory_bytes": _finite(usage.gpu_memory_bytes),
        "started": _finite(server.started),
        "last_activity": _finite(server.last_activity),
        "profile": server.profile,
        "image": usage.image,
        "node": usage.node,
        # The detail is for the service's log: it may tell of the machine.
        "gap": {"reason": gap.reason.value} if gap else None,
    }


def _users(listed: UsageSnapshot, label: Callable[[str, str], str]) -> list[Row]:
    """Return a row for each user with a server or a known home."""
    servers: dict[str, list[ServerUsage]] = {name: [] for name in listed.homes}
    for found in listed.servers:
        servers.setdefault(found.server.key.username, []).append(found)
    nothing = Home()
    return [
        _user(label(name, name), own, listed.homes.get(name, nothing))
        for name, own in servers.items()
    ]


def _user(shown: str, own: list[ServerUsage], home: Home) -> Row:
    return {
        "username": shown,
        "servers": len(own),
        "cpu_cores": _sum(found.cpu_cores for found in own),
        "memory_bytes": _sum(found.usage.memory_bytes for found in own),
        "home_bytes": _finite(home.bytes),
        "home_limit_bytes": _finite(home.limit_bytes),
        "home_entries": _finite(home.entries),
        "home_newest_change": _finite(home.newest_change),
    }


def _sum(values: Iterable[float | None]) -> float | None:
    """Sum up what is known; None where nothing is."""
    known = [value for value in map(_finite, values) if value is not None]
    return sum(known) if known else None


def _finite(value: float | None) -> float | None:
    """Return *value* where JSON has it."""
    return value if value is not None and math.isfinite(value) else None


# --- The page -----------------------------------------------------------------------------------

# A row has the field or sorts by name; the sign makes the largest come first, or the earliest time.
_FIELDS = {
    Sort.CPU: ("cpu_cores", -1),
    Sort.MEMORY: ("memory_bytes", -1),
    Sort.AGE: ("started", 1),
    Sort.IDLE: ("last_activity", 1),
}


def _page(rows: list[Row], page: Page) -> list[Row]:
    """Return the rows of *page*.

    Sorted by what is shown: the order of real names would tell who is behind a hash.
    """
    field, sign = _FIELDS.get(page.sort, ("", 1))

    def key(row: Row) -> tuple[bool, float, object, object]:
        value = row.get(field)
        number = float(value) if isinstance(value, int | float) else 0.0
        return value is None, sign * number, row["username"], row.get("server_name", "")

    return sorted(rows, key=key)[page.offset : page.offset + page.limit]
