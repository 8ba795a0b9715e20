"""What a start leaves out: symbols and groups that only series which retention dropped needed.

While the store is open they stay: label tables in use speak of symbols by their numbers.
"""

from __future__ import annotations

import logging
import sqlite3
from itertools import pairwise

import numpy as np

from .database import Database, takes_no_writes

log = logging.getLogger(__name__)

WORTH = 2  # so many times the symbols in use make it worth writing all series anew
SPARE = 1000  # symbols


def prune(database: Database) -> None:
    """Delete what no series needs any more; nothing where the disk takes no writes."""
    try:
        with database.transaction() as connection:
            _prune_groups(connection)
            _prune_symbols(connection)
    except sqlite3.Error as error:
        if not takes_no_writes(error):
            raise
        log.warning("Symbols of series that are gone are kept: %s", error)


def _prune_groups(connection: sqlite3.Connection) -> None:
    """Delete groups without series, but for the last: numbers go on from it."""
    connection.execute(
        "DELETE FROM groups WHERE id NOT IN (SELECT id >> 6 FROM series)"
        " AND id < (SELECT max(id) FROM groups)"
    )


def _prune_symbols(connection: sqlite3.Connection) -> None:
    """Number the symbols in use anew, in their order, where they are the smaller part."""
    (count,) = connection.execute("SELECT count(*) FROM symbols").fetchone()
    series = connection.execute("SELECT id, labels FROM series").fetchall()
    keys = [key for _, key in series]
    pairs = np.frombuffer(b"".join(keys), dtype="<i4")
    used = np.unique(pairs)
    if count <= WORTH * len(used) + SPARE:
        return
    texts = dict(connection.execute("SELECT id, text FROM symbols"))
    numbers = np.zeros(int(used.max(initial=0)) + 1, dtype="<i4")
    numbers[used] = np.arange(1, len(used) + 1)
    renumbered = numbers[pairs].tobytes()
    ends = np.cumsum([0, *(len(key) for key in keys)]).tolist()
    connection.execute("DELETE FROM symbols")
    connection.executemany(
        "INSERT INTO symbols (id, text) VALUES (?, ?)",
        ((n, texts.get(old, f"\0lost {old}")) for n, old in enumerate(used.tolist(), start=1)),
    )
    connection.executemany(
        "UPDATE series SET labels = ? WHERE id = ?",
        (
            (renumbered[start:end], number)
            for (number, _), (start, end) in zip(series, pairwise(ends), strict=True)
        ),
    )
    log.info("%d of %d symbols are in use; the others were dropped", len(used), count)
