"""The SQLite file of alerts, silences and messages: opened, written to, and done without.

What is decided here has to outlive a kill -9, and a disk that is full or a file that is damaged
must not keep an alert from a person. So what the disk does not take is kept in a database in
memory, of the same tables, until it does. `problem` says so meanwhile.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ...errors import StoreDamaged, StoreError, StoreLocked
from ...store.database import is_damage, takes_no_writes
from ...store.lock import FolderLock

log = logging.getLogger(__name__)

FILE = "alerts.sqlite"
LOCK = "alerts.lock"
APPLICATION = 0x4A484D41  # "JHMA": whose file this is
VERSION = 2
PATIENCE_SECONDS = 10.0
"""How long another process may have the file before that is a problem: a service that ends."""

MEMORY_BYTES = 256 << 20
"""What may be kept in memory while the disk takes nothing: all that may wait, and some more."""

WAL_BYTES = 4 << 20
STEP_PAGES = 256
_PAGE_BYTES = 4096

SCHEMA = """
CREATE TABLE silences (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alerts (
    labels TEXT PRIMARY KEY, annotations TEXT NOT NULL, generator_url TEXT NOT NULL,
    starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE told (
    group_key TEXT, receiver TEXT, integration INTEGER,
    at INTEGER NOT NULL, firing TEXT NOT NULL, resolved TEXT NOT NULL,
    PRIMARY KEY (group_key, receiver, integration)
) WITHOUT ROWID;
CREATE TABLE queue (
    id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, integration INTEGER NOT NULL,
    kind TEXT NOT NULL, group_key TEXT NOT NULL, reason TEXT NOT NULL, alerts INTEGER NOT NULL,
    queued_at INTEGER NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
    size INTEGER NOT NULL, body BLOB NOT NULL, about TEXT NOT NULL DEFAULT ''
);
CREATE TABLE history (
    id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, kind TEXT NOT NULL, group_key TEXT NOT NULL,
    reason TEXT NOT NULL, alerts INTEGER NOT NULL, queued_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL, attempts INTEGER NOT NULL, outcome TEXT NOT NULL,
    error TEXT NOT NULL, about TEXT NOT NULL DEFAULT ''
);
"""
SINCE_1 = """
BEGIN;
ALTER TABLE queue ADD COLUMN about TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN about TEXT NOT NULL DEFAULT '';
PRAGMA user_version=2;
COMMIT;
"""
"""What a file of format 1 lacks."""
TABLES = ("silences", "alerts", "told", "queue", "history")

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""Python reads SQLite's texts as UTF-8, those of its errors too, in which damaged names may be."""


@dataclass(frozen=True)
class Rows:
    """Some records of a table; a file of an older format has fewer *columns* than ours."""

    columns: list[str]
    values: list[tuple[object, ...]]


T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]


class NotificationDatabase:
    """The file `alerts.sqlite` in *folder*, or what stands in for it. Never raises for the disk.

    Not for several threads at once: whoever shares it holds a lock.
    """

    def __init__(self, folder: Path, memory_bytes: int = MEMORY_BYTES) -> None:
        self.path, self._memory_bytes = folder / FILE, memory_bytes
        self.problem: str | None = None
        """Why nothing is written to the disk now, and what to do; None while it is."""
        self.set_aside: list[Path] = []
        """Files that were no good and have been moved out of the way since we began."""
        self._began = time.monotonic()
        self._lock: FolderLock | None = None
        self._damaged = False
        self._whole = False  # everything that the file holds is in memory, too
        self._connection = self._memory()
        self._on_disk = False
        self.recover()

    # --- Use ---------------------------------------------------------------------------------

    def read(self, work: Work[T]) -> T:
        """Return what *work* finds. It reads all it needs: the connection is lent."""
        try:
            return work(self._connection)
        except UNREADABLE as error:
            self._turn_to_memory(error)
            return work(self._connection)

    def write(self, work: Work[T]) -> T:
        """Do *work* in one transaction, and return its result.

        It is done again, in memory, where the disk fails: it may change nothing but the database.
        Raises `StoreError` when memory, too, is full: then nothing of it is kept.
        """
        try:
            return self._transact(work)
        except UNREADABLE as error:
            if self._on_disk:
                self._turn_to_memory(error)
        try:
            return self._transact(work)
        except sqlite3.OperationalError as error:
            raise StoreError(
                f"what waits to be written does not fit into memory: {error}"
            ) from None

    def _transact(self, work: Work[T]) -> T:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite ends it itself where the disk is full
                connection.execute("ROLLBACK")
            raise
        return result

    def give_back(self) -> None:
        """Return some of what a storm took of the disk, quickly; to be called again and again."""
        if self._on_disk:
            with contextlib.suppress(sqlite3.Error):
                # `execute` would take the first step only: it gives back one page.
                self._connection.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")

    def close(self) -> None:
        """Close the file. Safe to repeat."""
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        if self._lock is not None:
            self._lock.release()

    # --- The disk fails ----------------------------------------------------------------------

    def _turn_to_memory(self, error: Exception) -> None:
        """Go on in memory with all that can be read of the file. Raises what is no disk's fault."""
        damaged = isinstance(error, UnicodeDecodeError) or is_damage_of(error)
        if not self._on_disk or not (damaged or takes_no_writes_of(error)):
            raise error
        self._damaged = damaged
        memory = self._memory()
        copied = copy_readable(self._connection, memory)
        self._whole = True  # what could not be read now cannot be read later
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()
        self._connection, self._on_disk = memory, False
        self._say(f"{error}; {copied:,} records were read into memory")

    def _say(self, reason: object) -> None:
        problem = (
            f"{self.path} cannot be used: {reason}. Alerts and messages are kept in memory only,"
            " and lost if the service ends; make room or mend the folder, it is tried again by"
            " itself."
        )
        if self.problem is None:
            log.error("%s", problem)
        self.problem = problem

    def recover(self) -> bool:
        """Go back to the disk, if that was not possible before.

        Returns whether the file held something that was not in memory: then everything has to be
        read anew. A file that is damaged is set aside, and what can be read of it is taken over.
        """
        if self._on_disk:
            self._look_for_file()
        if self._on_disk:
            return False
        try:
            connection = self._open()
        except StoreLocked as error:
            if time.monotonic() - self._began >= PATIENCE_SECONDS:
                self._say(error)
            return False
        except (OSError, sqlite3.Error, StoreError) as error:
            self._say(error)
            return False
        try:
            news = self._take_over(connection)
        except UNREADABLE as error:
            connection.close()
            self._damaged = is_damage_of(error)
            self._say(error)
            return False
        if self.problem is not None:
            log.warning("%s is written to again", self.path)
        self.problem, self._on_disk = None, True
        return news

    def _look_for_file(self) -> None:
        """Turn to memory if somebody moved the file away: what we wrote would be lost with us."""
        if not self.path.exists():
            self._turn_to_memory(sqlite3.OperationalError("unable to open: the file is gone"))

    def _take_over(self, connection: sqlite3.Connection) -> bool:
        """Write what is in memory into the file, and use that. Returns whether it held more."""
        connection.execute("BEGIN IMMEDIATE")
        if self._whole:
            for table in TABLES:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 -- a name of ours
        held = any(
            connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()  # noqa: S608
            for table in TABLES
        )
        for table in TABLES:
            for rows in _batches(self._connection, table):
                _insert(connection, table, rows)
        connection.execute("COMMIT")
        self._connection.close()
        self._connection, self._whole = connection, False
        return held

    # --- Files -------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        """Return the file, fit to be written to. Raises OSError, sqlite3.Error, `StoreError`."""
        if self._lock is None:
            with contextlib.suppress(FileNotFoundError):  # nor is what it should be in
                self.path.parent.mkdir(mode=0o700, exist_ok=True)
            self._lock = FolderLock(self.path.parent, LOCK)
        if self._damaged:
            return self._replace("it was found damaged while it was written to")
        try:
            return _open_file(self.path)
        except StoreDamaged as error:
            return self._replace(str(error))
        except sqlite3.DatabaseError as error:
            if not is_damage_of(error):
                raise
            return self._replace(str(error))

    def _replace(self, reason: str) -> sqlite3.Connection:
        """Set the file aside and return a new one with what can be read of it."""
        aside = _set_aside(self.path)
        self.set_aside.append(aside)
        self._damaged = False
        connection = _open_file(self.path)
        kept = 0
        with contextlib.suppress(*UNREADABLE), contextlib.closing(_read_only(aside)) as source:
            kept = copy_readable(source, connection)
        log.error(
            "%s was no good (%s) and is %s now; %d of its records could be read and are in the new"
            " file. Messages that were lost with it are sent again where alerts still fire.",
            *(self.path, reason, aside.name, kept),
        )
        return connection

    def _memory(self) -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA max_page_count={max(64, self._memory_bytes // _PAGE_BYTES)}")
        connection.executescript(SCHEMA)
        return connection


def is_damage_of(error: Exception) -> bool:
    """Return whether *error* says that the file is no good."""
    return isinstance(error, sqlite3.Error) and is_damage(error)


def takes_no_writes_of(error: Exception) -> bool:
    """Return whether *error* says that the disk takes nothing just now."""
    return isinstance(error, sqlite3.Error) and takes_no_writes(error)


def _open_file(path: Path) -> sqlite3.Connection:
    # SQLite gives -wal and -shm the permissions of the file itself.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        timeout=1.0,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


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
            f"it was written by a newer jupyterhub-monitoring (format {version}, this one writes"
            f" {VERSION})"
        )
    if execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
        raise StoreDamaged(f"{path} is malformed")
    if version == 1:
        connection.executescript(SINCE_1)
    execute("PRAGMA synchronous=NORMAL")  # a kill loses nothing, a power cut the last moments
    execute(f"PRAGMA journal_size_limit={WAL_BYTES}")


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def _set_aside(path: Path) -> Path:
    """Move the file and its log out of the way; return where the file is now."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside, number = path.with_name(f"{path.name}.damaged-{stamp}"), 0
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    return aside


def copy_readable(source: sqlite3.Connection, target: sqlite3.Connection) -> int:
    """Copy every record that SQLite can still read into *target*'s tables; return how many."""
    kept = 0
    with contextlib.suppress(sqlite3.OperationalError):  # *target* is full: as much as it takes
        for table in TABLES:
            with contextlib.suppress(UnicodeDecodeError), _unless_damaged():
                for rows in _batches(source, table):
                    _insert(target, table, rows)
                    kept += len(rows.values)
    return kept


@contextlib.contextmanager
def _unless_damaged() -> Iterator[None]:
    """Let pass what is wrong with a file that is read."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise


def _batches(source: sqlite3.Connection, table: str) -> Iterator[Rows]:
    cursor = source.execute(f"SELECT * FROM {table}")  # noqa: S608 -- a name of ours
    columns = [name for name, *_ in cursor.description]
    while rows := cursor.fetchmany(256):
        yield Rows(columns, rows)


def _insert(target: sqlite3.Connection, table: str, rows: Rows) -> None:
    quoted = ['"{}"'.format(name.replace('"', '""')) for name in rows.columns]
    names, marks = ", ".join(quoted), ", ".join("?" * len(quoted))
    target.executemany(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", rows.values)  # noqa: S608
