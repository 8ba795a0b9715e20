"""The table of running servers: who may be listed, sorted, filtered, paged; what stands out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..metrics.usernames import UsernameMode, policy
from ..usage.snapshot import ServerUsage, UsageSnapshot
from ..usage.viewer import Viewer

PER_PAGE = 100
NEAR = 0.8
LONG_IDLE = 24 * 3600
OLD = 7 * 86_400

SORTS = ("memory", "cpu", "age", "idle", "user", "share")
"""What the table can be sorted by; numbers from the largest."""


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One server as it is shown. None is "not known"; *gap* says why."""

    user: str
    server: str
    profile: str
    node: str
    ready: bool
    cpu: float | None
    cpu_limit: float | None
    memory: float | None
    memory_limit: float | None
    age: float | None
    idle: float | None
    gap: str
    groups: tuple[str, ...] = ()
    own: bool = False

    @property
    def share(self) -> float | None:
        """How much of its memory limit it uses."""
        if self.memory is None or not self.memory_limit:
            return None
        return self.memory / self.memory_limit

    @property
    def near_limit(self) -> bool:
        """Whether it may soon run out of memory."""
        return (self.share or 0) >= NEAR

    @property
    def remarks(self) -> list[str]:
        """What else stands out, in words: it harms nobody, but others could use the room."""
        said = []
        if (self.idle or 0) >= LONG_IDLE:
            said.append("idle for long")
        if (self.age or 0) >= OLD:
            said.append("old")
        return said


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: those that contain *search*, from the one at *offset*."""

    sort: str = "memory"
    search: str = ""
    offset: int = 0
    limit: int = PER_PAGE


@dataclass(frozen=True, slots=True)
class Table:
    """One page of the table; *found* rows match, of *all* that may be seen."""

    rows: tuple[ServerRow, ...]
    found: int
    all: int
    hidden: int = 0  # counted, but without a name to list them by


def server_rows(snapshot: UsageSnapshot | None, viewer: Viewer, now: float) -> list[ServerRow]:
    """Return the servers that *viewer* may see, one's own under their real names."""
    seen = (
        s for s in (snapshot.servers if snapshot else ()) if viewer.may_see(s.server.key.username)
    )
    return [_row(found, viewer, now) for found in seen]


def table(rows: list[ServerRow], wanted: Wanted) -> Table:
    """Return one page of *rows*. Where names are left out, those of others are only counted."""
    nameless = policy().mode is UsernameMode.NONE
    listed = [row for row in rows if row.own or not nameless]
    text = wanted.search.casefold()
    found = [row for row in listed if text in _text(row)] if text else listed
    ordered = sorted(found, key=_ORDER.get(wanted.sort, _ORDER["memory"]))
    page = ordered[wanted.offset : wanted.offset + wanted.limit]
    return Table(tuple(page), len(found), len(rows), len(rows) - len(listed))


def _row(found: ServerUsage, viewer: Viewer, now: float) -> ServerRow:
    server, usage = found.server, found.usage
    username, server_name = server.key
    return ServerRow(
        viewer.label(username),
        viewer.label_of(username, server_name),
        server.profile,
        usage.node or "",
        server.ready,
        _known(found.cpu_cores),
        _known(usage.cpu_limit_cores),
        _known(usage.memory_bytes),
        _known(usage.memory_limit_bytes),
        None if server.started is None else max(0.0, now - server.started),
        None if server.last_activity is None else max(0.0, now - server.last_activity),
        found.gap.reason.value if found.gap else "",
        groups=server.groups,
        own=username == viewer.name,
    )


def _known(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _text(row: ServerRow) -> str:
    return f"{row.user} {row.server} {row.profile} {row.node}".casefold()


def _largest(
    value: Callable[[ServerRow], float | None],
) -> Callable[[ServerRow], tuple[object, ...]]:
    """Return a key that sorts from the largest, unknown ones last, then by name."""

    def key(row: ServerRow) -> tuple[object, ...]:
        number = value(row)
        return (number is None, -(number or 0.0), row.user, row.server)

    return key


_ORDER: dict[str, Callable[[ServerRow], tuple[object, ...]]] = {
    "memory": _largest(lambda row: row.memory),
    "cpu": _largest(lambda row: row.cpu),
    "age": _largest(lambda row: row.age),
    "idle": _largest(lambda row: row.idle),
    "share": _largest(lambda row: row.share),
    "user": lambda row: (row.user, row.server),
}


def total(values: Iterable[float | None]) -> float | None:
    """Sum up what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
