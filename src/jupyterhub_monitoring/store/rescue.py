"""A file that is no good: it is moved aside, what can be read of it goes into a new one."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreDamaged
from .database import FILE, TABLES, Database, broken_mark
from .row_codec import decode_integers
from .sealed import DamageList

log = logging.getLogger(__name__)

ROWS = 256

UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""Python reads SQLite's texts as UTF-8, those of its errors too, in which damaged names may be."""


def rescue(folder: Path, reason: Exception, damage: DamageList) -> Database:
    """Set the database in *folder* aside and return a new one with what can be read of it."""
    aside = set_aside(folder)
    database = Database(folder)
    kept = copy_readable(aside, database)
    damage.add(
        str(aside), f"{reason}; {kept:,} of its records could be read and are in the new file"
    )
    return database


def set_aside(folder: Path) -> Path:
    """Move the file and its log out of the way; return where the file is now."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    aside = folder / f"{FILE}.damaged-{stamp}"
    number = 0
    while aside.exists():
        number += 1
        aside = folder / f"{FILE}.damaged-{stamp}-{number}"
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            (folder / (FILE + suffix)).rename(aside.with_name(aside.name + suffix))
    broken_mark(folder).unlink(missing_ok=True)
    return aside


def copy_readable(damaged: Path, database: Database) -> int:
    """Copy every record of *damaged* that SQLite can still read; return how many."""
    kept = 0
    source = sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)
    with contextlib.closing(source), database.transaction() as target:
        for table in TABLES:
            for rows in _batches(source, table):
                marks = ", ".join("?" * len(rows[0]))
                with contextlib.suppress(*UNREADABLE):  # the table has other columns now
                    target.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)  # noqa: S608
                    kept += len(rows)
        _drop_orphans(target)
    return kept


def _batches(source: sqlite3.Connection, table: str) -> Iterator[list[tuple[object, ...]]]:
    """Yield the records of *table* up to the first that cannot be read, from either end."""
    for order in ("", " DESC"):
        key = "1, 2" if table in {"timelines", "pages"} else "1"
        columns = key.replace(",", order + ",") + order
        try:
            cursor = source.execute(f"SELECT * FROM {table} ORDER BY {columns}")  # noqa: S608
            while rows := cursor.fetchmany(ROWS):
                yield rows
        except UNREADABLE:
            continue
        return


def _drop_orphans(target: sqlite3.Connection) -> None:
    """Leave no record that refers to one that was lost."""
    target.execute("DELETE FROM groups WHERE stream NOT IN (SELECT id FROM streams)")
    target.execute("DELETE FROM series WHERE id >> 6 NOT IN (SELECT id FROM groups)")
    target.execute("DELETE FROM pages WHERE body NOT IN (SELECT id FROM bodies)")
    target.execute("DELETE FROM pages WHERE series_group NOT IN (SELECT id FROM groups)")
    target.execute("DELETE FROM head WHERE layout NOT IN (SELECT id FROM layouts)")
    target.execute("DELETE FROM blocks WHERE id NOT IN (SELECT block FROM pages)")
    _skip_lost_groups(target)


def _skip_lost_groups(target: sqlite3.Connection) -> None:
    """Let no new group get the number of a lost one: rows of the head may still speak of it."""
    highest = 0
    for number, ids in target.execute("SELECT id, ids FROM layouts").fetchall():
        try:
            highest = max(highest, int(decode_integers(ids).max(initial=0)) >> 6)
        except StoreDamaged:  # noqa: PERF203 -- no row of the head can be read with it
            target.execute("DELETE FROM layouts WHERE id = ?", (number,))
    (known,) = target.execute("SELECT coalesce(max(id), 0) FROM groups").fetchone()
    if highest > known:
        target.execute("INSERT INTO groups (id, stream, metric) VALUES (?, 0, '')", (highest,))
