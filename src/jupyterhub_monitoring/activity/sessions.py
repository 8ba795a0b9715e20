"""Sessions: servers from start to end, each once, whoever tells of it first.

Three tell: the spawn that succeeded, the exit, and the Hub's listing of what runs. Each may be
missing: the service was away, the Hub was killed, the spool was full. What holds them together is
`started`, the Hub's own note of when it began the server, which is in all three and outlives the
Hub's process. Databases that keep whole seconds only make it differ by less than one.

    spawn or listing ─ opens ─ session ─ closes ─ exit
                                 └ no longer listed: cause unknown, ended when seen last
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .keeping import keep, saw
from .listed import Listed, ListedServer
from .rows import Exit, Session, Spawn

UNKNOWN = "unknown"
"""The cause of an end that nobody told of."""

DIED = "died"
ROUNDING_SECONDS = 1.0

OOM_SECONDS = 120.0
"""How long after a kill for want of memory a death counts as its consequence."""


class Known(NamedTuple):
    """A session as the file has it."""

    id: int
    username: str
    server_name: str
    began: float
    ended: float | None
    cause: str
    waited: float | None
    oom_kills: float
    oom_at: float | None

    @property
    def is_open(self) -> bool:
        """Whether it may go on: nobody has told of its end."""
        return self.ended is None or self.cause == UNKNOWN

    def is_of(self, username: str, server_name: str) -> bool:
        """Whether it is of a server of that name."""
        return self.username == username and self.server_name == server_name


_KNOWN = (
    "SELECT id, username, server_name, began, ended, cause, waited_seconds, oom_kills, oom_at"
    " FROM sessions"
)


# --- Events ----------------------------------------------------------------------------------


def spawned(to: sqlite3.Connection, spawn: Spawn) -> None:
    """A server is ready: its session begins, if the listing has not shown it already."""
    started = spawn.at - (spawn.waited_seconds or 0.0) if spawn.started is None else spawn.started
    known = find(to, spawn.username, spawn.server_name, started)
    if known is not None:
        to.execute(
            "UPDATE sessions SET waited_seconds = ?, spawner_class = ?, profile = ? WHERE id = ?",
            (spawn.waited_seconds, spawn.spawner_class, spawn.profile, known.id),
        )
        return
    _end_others(to, spawn.username, spawn.server_name, started)
    session = Session(
        spawn.username,
        spawn.server_name,
        started,
        profile=spawn.profile,
        spawner_class=spawn.spawner_class,
        waited_seconds=spawn.waited_seconds,
    )
    keep(session, to)


def exited(to: sqlite3.Connection, ended: Exit) -> bool:
    """A server has ended: so has its session. Return whether that was for want of memory."""
    known = find(to, ended.username, ended.server_name, ended.started)
    if known is None:
        if ended.started is not None:  # the service was away when it began
            cause = ended.cause
            keep(Session(ended.username, ended.server_name, ended.started, ended.at, cause), to)
        return False
    if known.is_open:
        close(to, known, ended.at, ended.cause)
    return is_out_of_memory(ended.cause, ended.at, known.oom_at)


def is_out_of_memory(cause: str, at: float, oom_at: float | None) -> bool:
    """Decide whether a server ended because of what was killed at *oom_at*."""
    return cause == DIED and oom_at is not None and at - oom_at <= OOM_SECONDS


def _end_others(to: sqlite3.Connection, username: str, server_name: str, began: float) -> None:
    """A server begins anew: one before it of that name has ended, and nobody told."""
    if not username:
        return  # names are left out: any other may be somebody else's
    rows = to.execute(
        f"{_KNOWN} WHERE ended IS NULL AND username = ? AND server_name = ? AND began < ?",
        (username, server_name, began),
    )
    for other in [Known(*row) for row in rows.fetchall()]:
        close(to, other, min(last_seen(other, listed_at(to)), began), UNKNOWN)


# --- One session -----------------------------------------------------------------------------


def find(
    to: sqlite3.Connection, username: str, server_name: str, started: float | None
) -> Known | None:
    """Return the session of that server, None where there is none."""
    if started is None:
        rows = to.execute(
            f"{_KNOWN} WHERE ended IS NULL AND username = ? AND server_name = ?"
            " ORDER BY began DESC LIMIT 1",
            (username, server_name),
        )
        return next((Known(*row) for row in rows), None)
    beside = (started - ROUNDING_SECONDS, started + ROUNDING_SECONDS)
    rows = to.execute(f"{_KNOWN} WHERE began > ? AND began < ?", beside)
    found = [Known(*row) for row in rows]
    exact = match(found, username, server_name, started)
    if exact is not None or not username:
        return exact
    return nearest(found, username, server_name, started)


def match(rows: Sequence[Known], username: str, server_name: str, started: float) -> Known | None:
    """Return the one of *rows* that began at *started* and has that name, or has had another.

    The user may have been renamed, or names may be shown in another way, since it began. Where
    starts are whole seconds, several servers have the same, and only names tell them apart.
    """
    exact = [row for row in rows if row.began == started]
    for row in exact:
        if row.is_of(username, server_name):
            return row
    alone = len(exact) == 1 and exact[0].is_open and started % 1 != 0
    return exact[0] if alone else None


def nearest(rows: Iterable[Known], username: str, server_name: str, started: float) -> Known | None:
    """Return the open one of that name that began a moment beside *started*, by rounding."""
    near = [
        row
        for row in rows
        if row.is_of(username, server_name)
        and row.is_open
        and abs(row.began - started) < ROUNDING_SECONDS
    ]
    return min(near, key=lambda row: abs(row.began - started), default=None)


def close(to: sqlite3.Connection, known: Known, at: float, cause: str) -> None:
    """End it; never before it began."""
    at = max(at, known.began)
    to.execute("UPDATE sessions SET ended = ?, cause = ? WHERE id = ?", (at, cause, known.id))
    saw(to, known.username, at)


def last_seen(known: Known, listed: float | None) -> float:
    """Return when an open session was seen last: listed, or else when it was ready."""
    ready = known.began + (known.waited or 0.0)
    return ready if listed is None else max(ready, listed)


def listed_at(to: sqlite3.Connection) -> float | None:
    """Return when the Hub listed its servers last, all that were open then among them."""
    row = to.execute("SELECT value FROM kept WHERE name = 'listed'").fetchone()
    return None if row is None else float(row[0])


# --- The listing -----------------------------------------------------------------------------


class ListedSessions:
    """Keeps sessions level with what the Hub lists.

    One that is missing twice in a row has ended: its exit may be on its way, or a listing may have
    lost it between two of its pages.
    """

    def __init__(self) -> None:
        self._missing: dict[int, float] = {}  # by session: when it was seen last

    def take(self, to: sqlite3.Connection, listed: Listed) -> None:
        """Open what is new, close what is gone, note what was killed for want of memory."""
        before = listed_at(to)
        fresh = before is not None and listed.at - before <= OOM_SECONDS
        rows = [Known(*row) for row in to.execute(f"{_KNOWN} WHERE ended IS NULL")]
        paired = self._pair(rows, listed)
        for known, server in paired.pairs:
            _update(to, known, server, listed, fresh=fresh)
        for server in paired.servers:
            _begin(to, server, listed, fresh=fresh)
        if listed.listed_at != before:
            self._close(to, paired.gone, listed)
            to.execute("INSERT OR REPLACE INTO kept VALUES ('listed', ?)", (listed.listed_at,))

    def _pair(self, rows: list[Known], listed: Listed) -> _Paired:
        """Find the open session of each server: each is that of one server only."""
        left = {row.id: row for row in rows}
        by_start: dict[float, list[Known]] = {}
        for row in rows:
            by_start.setdefault(row.began, []).append(row)
        pairs, others = [], []
        for server in listed.servers:
            same = [row for row in by_start.get(server.started, ()) if row.id in left]
            known = match(same, server.username, server.server_name, server.started)
            if known is None:
                others.append(server)
            else:
                pairs.append((left.pop(known.id), server))
        alone = []
        for server in others:
            known = nearest(left.values(), server.username, server.server_name, server.started)
            if known is None:
                alone.append(server)
            else:
                pairs.append((left.pop(known.id), server))
        return _Paired(pairs, alone, list(left.values()))

    def _close(self, to: sqlite3.Connection, gone: list[Known], listed: Listed) -> None:
        """Close what was missing the time before, too."""
        before, missing = self._missing, {}
        seen = listed_at(to)
        for row in gone:
            if row.began + (row.waited or 0.0) >= listed.listed_at:
                continue  # it is younger than the listing
            if row.id in before:
                close(to, row, before[row.id], UNKNOWN)
            else:
                missing[row.id] = last_seen(row, seen)
        self._missing = missing


class _Paired(NamedTuple):
    pairs: list[tuple[Known, ListedServer]]
    servers: list[ListedServer]
    """Those without an open session."""

    gone: list[Known]
    """Open sessions without a server."""


def _begin(to: sqlite3.Connection, server: ListedServer, listed: Listed, *, fresh: bool) -> None:
    """Open a session that nobody told of, or again one that seemed to have ended."""
    known = find(to, server.username, server.server_name, server.started)
    if known is not None:
        if known.cause == UNKNOWN:
            to.execute("UPDATE sessions SET ended = NULL, cause = '' WHERE id = ?", (known.id,))
        _update(to, known, server, listed, fresh=fresh)
    elif server.ready:
        _end_others(to, server.username, server.server_name, server.started)
        start, profile = server.started, server.profile
        keep(Session(server.username, server.server_name, start, profile=profile), to)
        to.execute(  # when something was killed, nobody knows
            "UPDATE sessions SET oom_kills = ?"
            " WHERE began = ? AND username = ? AND server_name = ?",
            (server.oom_kills or 0.0, start, server.username, server.server_name),
        )


def _update(
    to: sqlite3.Connection, known: Known, server: ListedServer, listed: Listed, *, fresh: bool
) -> None:
    """Take over what the listing knows better: the name, the exact start, what was killed."""
    name = (server.username, server.server_name)
    if known.is_open and not (known.is_of(*name) and known.began == server.started):
        to.execute(
            "UPDATE sessions SET username = ?, server_name = ?, began = ? WHERE id = ?",
            (*name, server.started, known.id),
        )
        saw(to, server.username, server.started)
    if server.oom_kills is None or server.oom_kills <= known.oom_kills:
        return
    to.execute(
        "UPDATE sessions SET oom_kills = ?, oom_at = ? WHERE id = ?",
        (server.oom_kills, listed.at if fresh else None, known.id),
    )
    if fresh and known.ended is not None:  # it was looked at just as the Hub told of its end
        to.execute(
            "UPDATE exits SET out_of_memory = 1 WHERE started = ? AND cause = ? AND at >= ?",
            (known.began, DIED, listed.at - OOM_SECONDS),
        )
