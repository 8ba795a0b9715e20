"""What is in memory and not on disk yet: written with the next commit, or when there is room."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from .database import Database, broken_mark, is_damage, takes_no_writes

log = logging.getLogger(__name__)

STATEMENTS = {
    "streams": "INSERT INTO streams (id, job, instance) VALUES (?, ?, ?)",
    "groups": "INSERT INTO groups (id, stream, metric) VALUES (?, ?, ?)",
    "symbols": "INSERT INTO symbols (id, text) VALUES (?, ?)",
    "series": "INSERT INTO series (id, labels) VALUES (?, ?)",
    "families": "INSERT OR REPLACE INTO families (name, type, help, unit) VALUES (?, ?, ?, ?)",
    "layouts": "INSERT INTO layouts (id, ids) VALUES (?, ?)",
    "head": "INSERT INTO head (block, stream, timestamp, layout, body) VALUES (?, ?, ?, ?, ?)",
}
Record = tuple[Any, ...]


class Journal:
    """Records that wait for the next commit, by table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._records: dict[str, list[Record]] = {table: [] for table in STATEMENTS}
        self.refused = ""
        """Why the last commit failed, or "" where it did not."""

    def add(self, table: str, *records: Record) -> None:
        """Let *records* wait; their order is kept."""
        self._records[table].extend(records)

    @property
    def waiting_bytes(self) -> int:
        """Return the bytes that could not be written yet; 0 while commits succeed."""
        if not self.refused:
            return 0
        return sum(len(body) for table in ("head", "series") for *_, body in self._records[table])

    @property
    def rows(self) -> int:
        """Return how many rows of the head wait."""
        return len(self._records["head"])

    def take_back(self, rows: int) -> None:
        """Forget the rows of the head after the first *rows*."""
        del self._records["head"][rows:]

    def commit(self) -> bool:
        """Write everything in one transaction; return False where the disk takes no writes."""
        try:
            with self._database.transaction() as connection:
                self.write(connection)
        except sqlite3.Error as error:
            self.refuse(error)
            return False
        self.written()
        return True

    def refuse(self, error: sqlite3.Error) -> None:
        """Take note that the disk took no writes; raise what is another *error* than that."""
        if not (takes_no_writes(error) or is_damage(error)):
            raise error
        if not self.refused:
            log.error("%s takes no writes (%s): scrapes wait in memory", self._database.path, error)
        if is_damage(error):
            broken_mark(self._database.path.parent).touch(0o600)
        self.refused = str(error)

    def write(self, connection: sqlite3.Connection) -> None:
        """Write everything through *connection*, in its transaction; `written` follows it."""
        for table, records in self._records.items():
            if records:
                connection.executemany(STATEMENTS[table], records)

    def written(self) -> None:
        """Forget what was written: it is committed."""
        for records in self._records.values():
            records.clear()
        if self.refused:
            log.warning("%s takes writes again", self._database.path)
            self.refused = ""
