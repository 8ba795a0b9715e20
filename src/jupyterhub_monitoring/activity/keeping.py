"""How a row gets into the file. All of it inside a transaction of the caller's."""

from __future__ import annotations

import json
import sqlite3
from functools import singledispatch

from .rows import Exit, HubRun, Login, Session, Spawn, UserChange

Row = Spawn | Exit | Login | UserChange | HubRun | Session


@singledispatch
def keep(row: Row, to: sqlite3.Connection) -> None:  # noqa: ARG001 -- those below use it
    """Write *row*."""
    raise TypeError(f"{type(row).__name__} is no row of the activity")


@keep.register
def _spawn(row: Spawn, to: sqlite3.Connection) -> None:
    phases = json.dumps(dict(row.phases))
    to.execute(
        "INSERT INTO spawns VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(row.at, row.username, row.server_name, row.outcome, row.reason, row.message),
            *(row.waited_seconds, phases, row.spawner_class, row.profile, row.started),
        ),
    )


@keep.register
def _exit(row: Exit, to: sqlite3.Connection) -> None:
    to.execute(
        "INSERT INTO exits VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(row.at, row.username, row.server_name, row.cause),
            *(row.exit_status, row.out_of_memory, row.started),
        ),
    )


@keep.register
def _login(row: Login, to: sqlite3.Connection) -> None:
    to.execute(
        "INSERT INTO logins VALUES (NULL, ?, ?, ?, ?)",
        (row.at, row.username, row.outcome, row.authenticator),
    )
    if row.outcome == "success":
        saw(to, row.username, row.at)


@keep.register
def _user_change(row: UserChange, to: sqlite3.Connection) -> None:
    to.execute(
        "INSERT INTO user_changes VALUES (NULL, ?, ?, ?, ?)",
        (row.at, row.change, row.username, row.previous),
    )


@keep.register
def _session(row: Session, to: sqlite3.Connection) -> None:
    to.execute(
        "INSERT INTO sessions VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)",
        (
            *(row.username, row.server_name, row.start, row.end, row.cause, row.profile),
            *(row.spawner_class, row.waited_seconds, float(row.out_of_memory)),
        ),
    )
    saw(to, row.username, row.start)
    if row.end is not None:
        saw(to, row.username, row.end)


def saw(to: sqlite3.Connection, username: str, at: float) -> None:
    """Note that *username* was there at *at*; '' is nobody."""
    if username:
        to.execute(
            "INSERT INTO people VALUES (?, ?, ?) ON CONFLICT (username) DO UPDATE SET"
            " first_seen = min(first_seen, excluded.first_seen),"
            " last_seen = max(last_seen, excluded.last_seen)",
            (username, at, at),
        )
