"""The SQLite file `activity.sqlite`: its schema, its connections, its transactions.

One thread writes; readers borrow a connection from a pool, see the last commit and wait for nobody.
Nothing here is written that could not be read again from the Hub's spool: where the disk takes no
writes, a transaction raises, and what it was about is read again later.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from ..errors import StoreDamaged, StoreError
from ..store.database import is_damage

log = logging.getLogger(__name__)

FILE = "activity.sqlite"
APPLICATION = 0x4A484D43  # "JHMC": whose file this is
VERSION = 1
WAL_BYTES = 4 << 20
STEP_PAGES = 256
_SUFFIXES = ("-wal", "-shm", "")

SCHEMA = """
CREATE TABLE spawns (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, username TEXT NOT NULL, server_name TEXT NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL, waited_seconds REAL,
    phases TEXT NOT NULL, spawner_class TEXT NOT NULL, profile TEXT NOT NULL, started REAL
);
CREATE INDEX spawns_at ON spawns (at);
CREATE INDEX spawns_not_well ON spawns (outcome, at) WHERE outcome != 'success';
CREATE TABLE exits (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, username TEXT NOT NULL, server_name TEXT NOT NULL,
    cause TEXT NOT NULL, exit_status INTEGER, out_of_memory INTEGER NOT NULL, started REAL
);
CREATE INDEX exits_at ON exits (at);
CREATE TABLE logins (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, username TEXT NOT NULL, outcome TEXT NOT NULL,
    authenticator TEXT NOT NULL
);
CREATE INDEX logins_at ON logins (at);
CREATE TABLE user_changes (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, change TEXT NOT NULL, username TEXT NOT NULL,
    previous TEXT NOT NULL
);
CREATE INDEX user_changes_at ON user_changes (at);
CREATE INDEX user_changes_username ON user_changes (username);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, username TEXT NOT NULL, server_name TEXT NOT NULL,
    began REAL NOT NULL, ended REAL, cause TEXT NOT NULL, profile TEXT NOT NULL,
    spawner_class TEXT NOT NULL, waited_seconds REAL, oom_kills REAL NOT NULL, oom_at REAL
);
CREATE INDEX sessions_began ON sessions (began);
CREATE INDEX sessions_ended ON sessions (ended, began);
CREATE INDEX sessions_username ON sessions (username, began);
CREATE TABLE people (
    username TEXT PRIMARY KEY, first_seen REAL NOT NULL, last_seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE hub_runs (
    life TEXT PRIMARY KEY, last_number INTEGER NOT NULL, last_at REAL NOT NULL, started REAL,
    stopped REAL, hub_version TEXT NOT NULL, version TEXT NOT NULL, spawner_class TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE spool (file TEXT PRIMARY KEY, offset INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kept (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""
"""`hub_runs.last_number` is that of the last event read of this life of the Hub: those up to it are
not read twice. `sessions.oom_at` is when `oom_kills` was seen to grow last. `kept` are single
numbers: `listed` is when the Hub listed its servers last, all open sessions among them."""

TABLES = ("spawns", "exits", "logins", "user_changes", "sessions")
"""What grows with what happens."""


class Readable(Protocol):
    """What questions are answered from."""

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a connection for reading, to any thread. Raises `StoreError`."""


class ActivityReader:
    """The file in *folder* for reading only; the service may write to it meanwhile.

    Raises `StoreError` where it is not there, not ours, or a newer version's.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        with self.reading() as connection:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION or version > VERSION:
            raise StoreError(f"{self.path} is another program's, or a newer version's")

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Open a connection while it is used."""
        if not self.path.is_file():
            raise StoreError(f"{self.path} is not there: nothing of what happened is kept")
        try:
            with contextlib.closing(_connect(self.path, "ro")) as connection:
                yield connection
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _as_ours(self.path, error) from error


class ActivityDatabase:
    """The file in *folder*, made where there is none. A damaged one is set aside and begun anew.

    Raises `StoreError` where it is a newer version's or cannot be opened now, and OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.set_aside: Path | None = None
        """Where a file that was no good is now."""
        self._idle: deque[sqlite3.Connection] = deque()
        self._closed = False
        try:
            self._writer = self._open()
        except StoreDamaged as error:
            self._replace(error)
            self._writer = self._open()

    # --- Use ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the writing connection in a transaction: committed at the end, or nothing of it.

        For one thread at a time. Raises `StoreDamaged` or `StoreError` where the file or the disk
        is no good.
        """
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:  # SQLite ends it itself where the disk is full
                    self._writer.execute("ROLLBACK")
                raise
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _as_ours(self.path, error) from error

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading, to any thread. Raises as `transaction` does."""
        if self._closed:
            raise StoreError(f"{self.path} is closed")
        idle = self._idle
        try:
            connection = idle.pop()
        except IndexError:
            connection = self._connect("ro")
        try:
            yield connection
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _as_ours(self.path, error) from error
        finally:
            if self._closed or idle is not self._idle:
                connection.close()
            else:
                idle.append(connection)

    def bytes(self) -> int:
        """Return what the file takes on disk, with its log."""
        files = (self.path.with_name(FILE + suffix) for suffix in _SUFFIXES)
        return sum(file.stat().st_size for file in files if file.exists())

    def give_back(self) -> None:
        """Return some of the pages that are free to the disk, quickly."""
        # `execute` would take the first step only: it gives back one page.
        self._writer.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")

    def begin_anew(self) -> None:
        """Set the file aside, damaged as it is, and go on with a new one."""
        self._close_all()
        if self.path.exists():
            self._replace("it was found damaged while it was used")
        self._writer = self._open()

    def close(self) -> None:
        """Close the file. Safe to repeat; readers that are at it finish."""
        self._closed = True
        self._close_all()

    def _close_all(self) -> None:
        idle, self._idle = self._idle, deque()  # what is lent is closed when it comes back
        while idle:
            idle.pop().close()
        with contextlib.suppress(sqlite3.Error):
            self._writer.close()

    # --- The file ----------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        # SQLite gives -wal and -shm the permissions of the file itself.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            connection = self._connect("rw")
            try:
                _prepare(connection, self.path)
            except BaseException:
                connection.close()
                raise
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise _as_ours(self.path, error) from error
        return connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        return _connect(self.path, mode)

    def _replace(self, reason: object) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        aside, number = self.path.with_name(f"{FILE}.damaged-{stamp}"), 0
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{FILE}.damaged-{stamp}-{number}")
        for suffix in _SUFFIXES:
            with contextlib.suppress(FileNotFoundError):
                self.path.with_name(FILE + suffix).rename(aside.with_name(aside.name + suffix))
        self.set_aside = aside
        log.error("%s was no good (%s) and is %s now", self.path, reason, aside.name)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=5.0,
        isolation_level=None,
        check_same_thread=False,
    )


def _as_ours(path: Path, error: Exception) -> StoreError:
    """Return what *error* means, with what to do."""
    damaged = isinstance(error, UnicodeDecodeError) or (
        isinstance(error, sqlite3.Error) and is_damage(error)
    )
    if damaged:
        return StoreDamaged(f"{path}: {error}")
    return StoreError(f"{path} cannot be used: {error}; make room or mend the folder")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    execute = connection.execute
    (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables == 0:
        execute("PRAGMA auto_vacuum=INCREMENTAL")  # has to be said before the first table
        execute("PRAGMA journal_mode=WAL")
        connection.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};"
            "COMMIT;"
        )
    (application,) = execute("PRAGMA application_id").fetchone()
    (version,) = execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise StoreDamaged(f"{path} is a SQLite file of another program")
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a newer jupyterhub-monitoring (format {version}, this one"
            f" writes {VERSION}); install that version again, or move the file away"
        )
    if execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise StoreDamaged(f"{path} is malformed")
    execute("PRAGMA synchronous=NORMAL")  # a kill loses nothing, a power cut the last moments
    execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
