"""What pages and reports ask: what happened in a range of time, from any thread.

Every question is answered from the file by an index; each is bounded by its limit. Ranges include
their start and not their end. *usernames* are the labels that may be shown, None for everybody's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from datetime import tzinfo
from typing import Any

from .database import Readable
from .history import History
from .rows import Exit, HubRun, Login, Session, Spawn, UserActivity, UserChange
from .weekday_hours import WeekdayHours, weekday_hours

LIMIT = 200
MOST = 10_000
"""The most rows that one question gives; the rest by *offset*, or a narrower range."""

Usernames = Collection[str] | None

_SPAWNS = (
    "SELECT at, username, server_name, outcome, reason, message, waited_seconds, phases,"
    " spawner_class, profile, started FROM spawns"
)
_EXITS = "SELECT at, username, server_name, cause, exit_status, out_of_memory, started FROM exits"
_SESSION = (
    "username, server_name, began, ended, cause, profile, spawner_class, oom_kills > 0,"
    " waited_seconds"
)
_OVERLAPS = "began >= ? AND began < ? AND (ended IS NULL OR ended > ? OR began >= ?)"
_EARLIEST = (
    "SELECT min(began) FROM"
    " (SELECT min(began) AS began FROM sessions INDEXED BY sessions_ended WHERE ended > ?"
    " UNION ALL SELECT min(began) FROM sessions INDEXED BY sessions_ended WHERE ended IS NULL)"
)


class Activity:
    """The rows in *database*, the latest first. Raises `StoreError` where it cannot be read."""

    def __init__(self, database: Readable, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock
        self.history = History(database)
        """All rows of a range, for reports."""

    # --- Events ------------------------------------------------------------------------------

    def spawns(
        self, start: float, end: float, usernames: Usernames = None, limit: int = LIMIT
    ) -> list[Spawn]:
        """Return the spawns that ended, well or not, refused ones included."""
        return self._spawns("", start, end, usernames, limit)

    def failures(
        self, start: float, end: float, usernames: Usernames = None, limit: int = LIMIT
    ) -> list[Spawn]:
        """Return the spawns that failed."""
        return self._spawns("failure", start, end, usernames, limit)

    def refusals(
        self, start: float, end: float, usernames: Usernames = None, limit: int = LIMIT
    ) -> list[Spawn]:
        """Return the spawns that a limit or a policy refused."""
        return self._spawns("refused", start, end, usernames, limit)

    def exits(
        self, start: float, end: float, usernames: Usernames = None, limit: int = LIMIT
    ) -> list[Exit]:
        """Return the servers that ended, as the Hub told of it."""
        rows = self._latest(_EXITS, start, end, usernames, limit)
        return [
            Exit(at, name, server, cause, status, bool(oom), started)
            for at, name, server, cause, status, oom, started in rows
        ]

    def logins(
        self, start: float, end: float, usernames: Usernames = None, limit: int = LIMIT
    ) -> list[Login]:
        """Return logins, those that failed included, and logouts."""
        select = "SELECT at, username, outcome, authenticator FROM logins"
        return [Login(*row) for row in self._latest(select, start, end, usernames, limit)]

    def user_changes(
        self, start: float, end: float, usernames: Usernames = None, limit: int = LIMIT
    ) -> list[UserChange]:
        """Return who was added, deleted and renamed."""
        select = "SELECT at, change, username, previous FROM user_changes"
        return [UserChange(*row) for row in self._latest(select, start, end, usernames, limit)]

    def hub_starts(self, start: float, end: float, limit: int = LIMIT) -> list[HubRun]:
        """Return the lives of the Hub's process that began."""
        rows = self._rows(
            "SELECT started, stopped, hub_version, version, spawner_class FROM hub_runs"
            " WHERE started >= ? AND started < ? ORDER BY started DESC LIMIT ?",
            (start, end, _bounded(limit)),
        )
        return [HubRun(*row) for row in rows]

    # --- Sessions ----------------------------------------------------------------------------

    def sessions(  # noqa: PLR0913 -- a filter each
        self,
        start: float,
        end: float,
        usernames: Usernames = None,
        *,
        server: str | None = None,
        limit: int = LIMIT,
        offset: int = 0,
    ) -> list[Session]:
        """Return the sessions of which some part is in the range, those that run included.

        *server* is a server's name, None for any.
        """
        where, values = self._sessions_of(start, end, usernames, server)
        rows = self._rows(
            f"SELECT {_SESSION} FROM sessions WHERE {where}"  # noqa: S608 -- our own words
            " ORDER BY began DESC, id DESC LIMIT ? OFFSET ?",
            (*values, _bounded(limit), max(0, offset)),
        )
        return [_session(row) for row in rows]

    def session_count(
        self,
        start: float,
        end: float,
        usernames: Usernames = None,
        *,
        server: str | None = None,
    ) -> int:
        """Return how many `sessions` there are without a limit."""
        where, values = self._sessions_of(start, end, usernames, server)
        ((count,),) = self._rows(
            f"SELECT count(*) FROM sessions WHERE {where}",  # noqa: S608 -- our own words
            values,
        )
        return int(count)

    def user_activity(
        self,
        start: float,
        end: float,
        usernames: Usernames = None,
        *,
        limit: int = MOST,
        offset: int = 0,
    ) -> list[UserActivity]:
        """Return who had a server in the range, the longest use first.

        A session that runs counts up to now. Nobody is returned where names are left out.
        """
        now = self._clock()
        end = min(end, now)
        where, values = self._sessions_of(start, end, usernames)
        rows = self._rows(
            "SELECT username, coalesce(first_seen, began),"  # noqa: S608 -- our own words
            " max(coalesce(last_seen, 0), ended), sessions, seconds FROM"
            " (SELECT username, min(began) AS began, max(coalesce(ended, ?)) AS ended,"
            " count(*) AS sessions, sum(min(coalesce(ended, ?), ?) - max(began, ?)) AS seconds"
            f" FROM sessions WHERE {where} AND username != '' GROUP BY +username)"
            " LEFT JOIN people USING (username)"
            " ORDER BY seconds DESC, username LIMIT ? OFFSET ?",
            (now, end, end, start, *values, _bounded(limit), max(0, offset)),
        )
        return [UserActivity(*row) for row in rows]

    def weekday_hour(
        self,
        start: float,
        end: float,
        tz: tzinfo,
        usernames: Usernames = None,
        *,
        people: bool = True,
    ) -> WeekdayHours:
        """Return session hours and users by weekday and hour in *tz*.

        A session that runs counts up to now, and so does the range. A year of 200,000 sessions
        takes a second, or without *people*, who are not counted then, a third: ask in a thread.
        """
        end = min(end, self._clock())
        where, values = self._sessions_of(start, end, usernames)
        select = f"SELECT username, began, coalesce(ended, ?) FROM sessions WHERE {where}"  # noqa: S608
        with (
            self._database.reading() as connection,
            closing(connection.execute(select, (end, *values))) as rows,
        ):
            return weekday_hours(rows, start, end, tz, people=people)

    # --- Rows --------------------------------------------------------------------------------

    def _spawns(
        self, outcome: str, start: float, end: float, usernames: Usernames, limit: int
    ) -> list[Spawn]:
        which = f"outcome = '{outcome}' AND outcome != 'success' AND " if outcome else ""
        rows = self._latest(_SPAWNS, start, end, usernames, limit, which)
        return [
            Spawn(at, name, server, ended, reason, message, waited, json.loads(phases), *rest)
            for at, name, server, ended, reason, message, waited, phases, *rest in rows
        ]

    def _latest(  # noqa: PLR0913, PLR0917 -- what a question is made of
        self,
        select: str,
        start: float,
        end: float,
        usernames: Usernames,
        limit: int,
        which: str = "",
    ) -> list[tuple[Any, ...]]:
        where, values = _of(usernames)
        return self._rows(
            f"{select} WHERE {which}at >= ? AND at < ?{where} ORDER BY at DESC, id DESC LIMIT ?",
            (start, end, *values, _bounded(limit)),
        )

    def _sessions_of(
        self, start: float, end: float, usernames: Usernames, server: str | None = None
    ) -> tuple[str, tuple[Any, ...]]:
        """Return a condition for the sessions of a range, by when the earliest of them began.

        So that a question about today does not look through all years.
        """
        ((earliest,),) = self._rows(_EARLIEST, (start,))
        since = start if earliest is None else min(start, earliest)
        where, values = _of(usernames)
        named, names = (" AND server_name = ?", (server,)) if server is not None else ("", ())
        return f"{_OVERLAPS}{where}{named}", (since, end, start, start, *values, *names)

    def _rows(self, select: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._database.reading() as connection:
            return connection.execute(select, values).fetchall()


def _session(row: tuple[Any, ...]) -> Session:
    name, server, start, end, cause, profile, spawner_class, oom, waited = row
    return Session(name, server, start, end, cause, profile, spawner_class, bool(oom), waited)


def _of(usernames: Usernames) -> tuple[str, tuple[str, ...]]:
    """Return a condition for these names; as JSON, for there may be more than SQLite's `?`."""
    if usernames is None:
        return "", ()
    names = json.dumps(sorted(usernames))
    return " AND username IN (SELECT value FROM json_each(?))", (names,)


def _bounded(limit: int) -> int:
    return max(0, min(limit, MOST))
