"""The SQLite file: its schema, its connections, its transactions.

One connection writes; readers borrow one from a pool. In WAL mode a reader sees the last commit
and waits for nobody. `store/FORMAT.md` draws the bytes in the BLOB columns.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreDamaged, StoreError

FILE = "series.sqlite"
APPLICATION = 0x4A484D31  # "JHM1": whose file this is
VERSION = 1
MAGIC = b"SQLite format 3\0"
PAGE_BYTES = 8192
WAL_BYTES = 16 << 20  # what a checkpoint leaves of the -wal file
WAL_PAGES = (32 << 20) // PAGE_BYTES  # a commit that makes it longer brings it into the file itself
STEP_PAGES = 128  # given back in one transaction, so that none lasts over a few milliseconds

SCHEMA = """
CREATE TABLE streams (id INTEGER PRIMARY KEY, job TEXT NOT NULL, instance TEXT NOT NULL);
CREATE TABLE groups (id INTEGER PRIMARY KEY, stream INTEGER NOT NULL, metric TEXT NOT NULL);
CREATE TABLE symbols (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE series (id INTEGER PRIMARY KEY, labels BLOB NOT NULL);
CREATE TABLE families (
    name TEXT PRIMARY KEY, type TEXT NOT NULL, help TEXT NOT NULL, unit TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE layouts (id INTEGER PRIMARY KEY, ids BLOB NOT NULL);
CREATE TABLE head (
    id INTEGER PRIMARY KEY, block INTEGER NOT NULL, stream INTEGER NOT NULL,
    timestamp INTEGER NOT NULL, layout INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE blocks (
    id INTEGER PRIMARY KEY, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL, pages INTEGER NOT NULL, bytes INTEGER NOT NULL
);
CREATE TABLE timelines (
    block INTEGER, stream INTEGER, body BLOB NOT NULL, PRIMARY KEY (block, stream)
) WITHOUT ROWID;
CREATE TABLE pages (
    block INTEGER, series_group INTEGER, stream INTEGER NOT NULL, body INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    columns INTEGER NOT NULL, holes INTEGER NOT NULL, falls INTEGER NOT NULL,
    PRIMARY KEY (block, series_group)
) WITHOUT ROWID;
CREATE TABLE bodies (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL);
CREATE TABLE dropped (body INTEGER PRIMARY KEY);
"""
TABLES = (
    "streams",
    "groups",
    "symbols",
    "series",
    "families",
    "layouts",
    "head",
    "blocks",
    "timelines",
    "pages",
    "bodies",
    "dropped",
)

_NO_ROOM = ("database or disk is full", "disk I/O error", "readonly", "unable to open", "locked")
_DAMAGED = ("malformed", "not a database", "no such table", "no such column")


def broken_mark(folder: Path) -> Path:
    """Return the file that says that the database is damaged, so that the next start knows."""
    return folder / f"{FILE}.broken"


def takes_no_writes(error: sqlite3.Error) -> bool:
    """Return whether *error* says that the disk takes nothing just now; later it may."""
    return any(text in str(error) for text in _NO_ROOM)


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether *error* says that the file is no good, which will not pass."""
    return any(text in str(error) for text in _DAMAGED)


class Database:
    """The file `series.sqlite` in *folder*, made where there is none.

    Raises `StoreDamaged` where it is no store, `StoreError` where it is a newer version's.
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self.path = folder / FILE
        self.read_only = read_only
        self._idle: deque[sqlite3.Connection] = deque()
        self._check_start()
        try:
            self._writer = self._connect()
            self._prepare()
        except sqlite3.DatabaseError as error:
            if takes_no_writes(error):
                raise StoreError(f"{self.path} cannot be opened: {error}") from None
            raise StoreDamaged(f"{self.path}: {error}") from None
        except UnicodeDecodeError as error:  # a damaged name in the text of SQLite's error
            raise StoreDamaged(f"{self.path}: {error}") from None

    def _check_start(self) -> None:
        """Raise where the file is no SQLite file, or was found damaged while it was written to."""
        if broken_mark(self.path.parent).exists() and not self.read_only:
            raise StoreDamaged(f"{self.path} could not be written to because it is damaged")
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
            start = file.read(len(MAGIC))
            if start and start != MAGIC:
                raise StoreDamaged(f"{self.path} is no SQLite file")

    def _connect(self) -> sqlite3.Connection:
        if not self.read_only:
            # SQLite gives -wal and -shm the permissions of the file itself.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={'ro' if self.read_only else 'rw'}",
            uri=True,
            timeout=10.0,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA cache_size=-4096")  # pages are read once: we keep them unpacked
        return connection

    def _prepare(self) -> None:
        execute = self._writer.execute
        (application,) = execute("PRAGMA application_id").fetchone()
        (version,) = execute("PRAGMA user_version").fetchone()
        (tables,) = execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables == 0 and not self.read_only:
            self._create()
        elif application != APPLICATION:
            raise StoreDamaged(f"{self.path} is a SQLite file of another program")
        elif version > VERSION:
            raise StoreError(
                f"{self.path} was written by a newer jupyterhub-monitoring (format {version}, this"
                f" one reads {VERSION}); install that version again, or move the file away"
            )
        if not self.read_only:
            execute("PRAGMA synchronous=NORMAL")
            execute(f"PRAGMA journal_size_limit={WAL_BYTES}")
            execute(f"PRAGMA wal_autocheckpoint={WAL_PAGES}")  # `checkpoint_beside` is sooner
            self._check_length()

    def _create(self) -> None:
        execute = self._writer.execute
        execute(f"PRAGMA page_size={PAGE_BYTES}")
        execute("PRAGMA auto_vacuum=INCREMENTAL")  # has to be said before the first table
        execute("PRAGMA journal_mode=WAL")
        self._writer.executescript(
            f"BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};"
            "COMMIT;"
        )

    def _check_length(self) -> None:
        """Raise if the file was cut off: what is written into such a file makes it worse."""
        self.checkpoint()
        if self.path.stat().st_size < self._pragma("page_count") * self._pragma("page_size"):
            raise StoreDamaged(f"{self.path} is shorter than it says: it was cut off")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Give the writing connection in a transaction: committed at the end, or nothing of it."""
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:  # SQLite ends it itself where the disk is full
                self._writer.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection for reading, to any thread."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def body(self, number: int) -> bytes | None:
        """Return the bytes of one page, or None where retention has dropped it."""
        with self.reading() as connection:
            row = connection.execute("SELECT body FROM bodies WHERE id = ?", (number,)).fetchone()
        return None if row is None else bytes(row[0])

    def has_dropped(self) -> bool:
        """Return whether there are bytes of pages that were dropped, which may still be read."""
        return self._writer.execute("SELECT 1 FROM dropped LIMIT 1").fetchone() is not None

    def used_bytes(self) -> int:
        """Return what the data takes, without pages that are free to be used again."""
        free = self._pragma("freelist_count")
        return (self._pragma("page_count") - free) * self._pragma("page_size")

    def file_bytes(self) -> int:
        """Return what the files take on disk, -wal and -shm included."""
        files = (self.path.with_name(FILE + suffix) for suffix in ("", "-wal", "-shm"))
        return sum(file.stat().st_size for file in files if file.exists())

    def give_back(self) -> bool:
        """Return some free pages to the file system, quickly; return whether there may be more."""
        before = self._pragma("freelist_count")
        if before:
            # `execute` would take the first step only: it gives back one page.
            self._writer.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")
        return 0 < self._pragma("freelist_count") < before

    def checkpoint(self) -> None:
        """Bring what is in the -wal file into the file itself, as far as readers allow."""
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def checkpoint_beside(self) -> None:
        """Do most of what `checkpoint` does, while others read and write."""
        with self.reading() as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _pragma(self, name: str) -> int:
        (value,) = self._writer.execute(f"PRAGMA {name}").fetchone()
        return int(value)

    def close(self) -> None:
        """Close every connection. Safe to repeat."""
        while self._idle:
            self._idle.pop().close()
        self._writer.close()
