"""What is too old or too much goes, the oldest first, a bounded piece at a time."""

from __future__ import annotations

import sqlite3

from .database import TABLES

STEP_ROWS = 20_000
"""What goes at once, so that a transaction takes moments; the rest the next time."""

_WHEN = {table: "ended" if table == "sessions" else "at" for table in TABLES}


def prune(to: sqlite3.Connection, oldest: float, most_rows: int) -> None:
    """Drop what happened or ended before *oldest*, then the oldest of what is over *most_rows*.

    Sessions that run stay, and so does who has a row left.
    """
    for table in TABLES:
        _drop(to, table, f"{_WHEN[table]} < ?", oldest, STEP_ROWS)
    counts = rows(to)
    if (over := sum(counts.values()) - most_rows) > 0:
        longest = max(counts, key=lambda table: counts[table])
        _drop(to, longest, f"{_WHEN[longest]} < ?", float("inf"), min(over, STEP_ROWS))
    to.execute(
        "DELETE FROM people WHERE last_seen < ? AND NOT EXISTS"
        " (SELECT 1 FROM sessions WHERE sessions.username = people.username)",
        (oldest,),
    )
    to.execute(
        "DELETE FROM hub_runs WHERE last_at < ? AND last_at < (SELECT max(last_at) FROM hub_runs)",
        (oldest,),
    )


def rows(connection: sqlite3.Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in TABLES
    }


def _drop(to: sqlite3.Connection, table: str, where: str, value: float, most: int) -> None:
    to.execute(
        f"DELETE FROM {table} WHERE id IN"  # noqa: S608 -- our own words
        f" (SELECT id FROM {table} WHERE {where} ORDER BY {_WHEN[table]} LIMIT ?)",
        (value, most),
    )
