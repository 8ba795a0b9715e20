"""Brings what happened into the file: reads the spool, looks at listings, drops what is old.

For one thread. Each batch of the spool is one transaction, with how far it was read, so that after
a kill -9 nothing is missing and nothing there twice. An event counts once by its number in the life
of its Hub, whatever happens to the files.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import replace

from ..metrics import service_catalogue as m
from ..spool import SpooledEvent
from . import sessions
from .database import ActivityDatabase
from .keeping import keep
from .listed import Listed
from .pruning import prune
from .rows import Exit, Login, Spawn, UserChange
from .spool_reader import Batch, SpoolReader
from .spooled_rows import row_of, text

_RENAMED = ("spawns", "exits", "logins", "sessions", "user_changes")


class Recorder:
    """Writes to *database* what *reader* finds and `see` is told."""

    def __init__(self, database: ActivityDatabase, reader: SpoolReader) -> None:
        self._database, self._reader = database, reader
        self._listed_sessions = sessions.ListedSessions()

    def read(self, now: float) -> int:
        """Take what is new in the spool; return how many events that was.

        Raises `StoreError` or OSError; what was taken before that is kept, the rest comes again.
        """
        with self._database.reading() as connection:
            offsets = dict(connection.execute("SELECT file, offset FROM spool"))
        taken = 0
        for batch in self._reader.batches(offsets, now):
            taken += self._take(batch, now)
            for name in batch.done:
                self._reader.remove(name)
        if gone := set(offsets) - self._reader.names():
            with self._database.transaction() as connection:
                connection.executemany("DELETE FROM spool WHERE file = ?", [(n,) for n in gone])
        return taken

    def see(self, listed: Listed) -> None:
        """Take which servers run. Raises `StoreError`; then the next listing does as well."""
        with self._database.transaction() as connection:
            self._listed_sessions.take(connection, listed)

    def prune(self, oldest: float, most_rows: int) -> None:
        """Drop what ended before *oldest*, and of more than *most_rows* the oldest."""
        with self._database.transaction() as connection:
            prune(connection, oldest, most_rows)
        self._database.give_back()

    def _take(self, batch: Batch, now: float) -> int:
        if not batch.offsets:
            return 0
        with self._database.transaction() as connection:
            taken, lost = take_events(connection, batch.events)
            connection.executemany(
                "INSERT OR REPLACE INTO spool VALUES (?, ?)", batch.offsets.items()
            )
        m.ACTIVITY_EVENTS.inc(taken)
        m.ACTIVITY_EVENTS_LOST.inc(lost)
        if batch.events:
            m.ACTIVITY_LAG.set(max(0.0, now - batch.events[-1].at))
        return taken


def take_events(to: sqlite3.Connection, events: Iterable[SpooledEvent]) -> tuple[int, int]:
    """Write those that are new; return how many those were, and how many are missing in between."""
    numbers: dict[str, int] = dict(to.execute("SELECT life, last_number FROM hub_runs"))
    is_first = not numbers  # a new file: what comes may have been read into the one before
    taken = lost = 0
    for event in events:
        before = numbers.get(event.life, event.number - 1 if is_first else 0)
        if event.number <= before:
            continue
        numbers[event.life] = event.number
        taken, lost = taken + 1, lost + event.number - before - 1
        _note_life(to, event)
        take(to, event)
    return taken, lost


def _note_life(to: sqlite3.Connection, event: SpooledEvent) -> None:
    to.execute(
        "INSERT INTO hub_runs VALUES (?, ?, ?, NULL, NULL, '', '', '') ON CONFLICT (life) DO"
        " UPDATE SET last_number = excluded.last_number, last_at = excluded.last_at",
        (event.life, event.number, event.at),
    )


def take(to: sqlite3.Connection, event: SpooledEvent) -> None:
    """Write one event, and what follows from it."""
    if event.event == "hub_start":
        to.execute(
            "UPDATE hub_runs SET started = ?, hub_version = ?, version = ?, spawner_class = ?"
            " WHERE life = ?",
            (
                event.at,
                *(text(event.fields, name) for name in ("hub_version", "version", "spawner_class")),
                event.life,
            ),
        )
    elif event.event == "hub_stop":
        to.execute("UPDATE hub_runs SET stopped = ? WHERE life = ?", (event.at, event.life))
    row = row_of(event)
    if isinstance(row, Spawn) and row.outcome == "success":
        sessions.spawned(to, row)
    elif isinstance(row, Exit):
        row = replace(row, out_of_memory=sessions.exited(to, row))
    elif isinstance(row, Login) and row.outcome not in ("success", "logout"):
        row = replace(row, username=row.username if _is_known(to, row.username) else "")
    elif isinstance(row, UserChange) and row.previous:
        _rename(to, row.previous, row.username)
    if row is not None:
        keep(row, to)


def _is_known(to: sqlite3.Connection, username: str) -> bool:
    """Return whether somebody has that name: what was typed and denied may be a password."""
    found = to.execute(
        "SELECT 1 FROM people WHERE username = :name UNION ALL"
        " SELECT 1 FROM user_changes WHERE username = :name LIMIT 1",
        {"name": username},
    )
    return found.fetchone() is not None


def _rename(to: sqlite3.Connection, previous: str, username: str) -> None:
    """Let the past go on under the new name: it is the same person's."""
    if previous == username:
        return
    for table in _RENAMED:
        to.execute(
            f"UPDATE {table} SET username = ? WHERE username = ?",  # noqa: S608 -- a name of ours
            (username, previous),
        )
    to.execute(
        "INSERT INTO people SELECT ?, first_seen, last_seen FROM people WHERE username = ?"
        " ON CONFLICT (username) DO UPDATE SET"
        " first_seen = min(first_seen, excluded.first_seen),"
        " last_seen = max(last_seen, excluded.last_seen)",
        (username, previous),
    )
    to.execute("DELETE FROM people WHERE username = ?", (previous,))
