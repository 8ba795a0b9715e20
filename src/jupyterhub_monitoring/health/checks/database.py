"""The database answers and takes writes, asked on a connection of its own, off the loop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from ..codes import DB_DOWN, DB_LOCKED, DB_READ_ONLY, DB_SLOW
from ..offload import Worker
from ..result import Finding, healthy, unhealthy, warning
from ..settings import MonitoringHealth

# A row of the Hub's own that nobody else writes while it runs, set to what it is, rolled back.
WRITE = "UPDATE alembic_version SET version_num = version_num"

READ_ONLY = ("readonly", "read-only", "read only", "permission denied for", "--super-read-only")
FULL = ("disk is full", "no space left", "disk i/o error", "is full")
LOCKED = ("database is locked", "table is locked", "lock timeout", "lock wait timeout")


class DatabaseCheck:
    """Connects as the Hub does, asks, and writes within a transaction that is rolled back.

    An in-memory SQLite database has one connection, which is the Hub's: it is only asked, in the
    loop. It cannot become read-only and takes no time.
    """

    def __init__(self, app: Any, settings: MonitoringHealth) -> None:
        self._app, self._settings = app, settings
        self._worker = Worker("database")
        self._engine: Any = None

    async def __call__(self) -> Finding:
        """Look at the database now."""
        engine = self._app.db.get_bind()
        if isinstance(engine.pool, StaticPool):
            return _ask_in_memory(self._app.db)
        if self._engine is None:
            self._engine = _own_engine(engine, self._app, self._limit)
        return await self._worker(self._probe)

    @property
    def _limit(self) -> float:
        """Seconds that one statement may wait: less than the check may take, so as to say why."""
        return max(0.5, 0.8 * self._settings.timeout("database"))

    def _probe(self) -> Finding:
        begun = time.perf_counter()
        try:
            self._write()
        except SQLAlchemyError as error:
            return _explain(error)
        except _ReadOnly as error:
            return unhealthy(DB_READ_ONLY, str(error))
        seconds = time.perf_counter() - begun
        if seconds >= self._settings.database_warning_seconds:
            return warning(DB_SLOW, f"a connection, a query and a write took {seconds:.2f} s")
        return healthy(f"answers and takes writes in {1000 * seconds:.0f} ms")

    def _write(self) -> None:
        with self._engine.connect() as connection, _rolled_back(connection):
            reason = _says_read_only(connection)
            if reason:
                raise _ReadOnly(reason)
            connection.execute(text(WRITE))


class _ReadOnly(Exception):  # noqa: N818 -- carries the reason within this module
    """The database said that it takes no writes."""


@contextmanager
def _rolled_back(connection: Any) -> Iterator[None]:
    """Begin, and take everything back. SQLite takes its write lock at once, or says why not."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("ROLLBACK")
        connection.rollback()


def _own_engine(hubs: Any, app: Any, limit: float) -> Any:
    """Return an engine for the Hub's database that keeps no connection and uses none of its."""
    kwargs = dict(getattr(app, "db_kwargs", None) or {})
    connect = dict(kwargs.get("connect_args") or {})
    name = hubs.dialect.name
    if name == "sqlite":
        connect.update(timeout=limit, check_same_thread=False, isolation_level=None)
    elif name == "postgresql":
        milliseconds = int(1000 * limit)
        ours = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds // 2}"
        connect["options"] = f"{connect.get('options', '')} {ours}".strip()
        connect["connect_timeout"] = max(2, int(limit))
    elif name in ("mysql", "mariadb"):
        connect["connect_timeout"] = max(1, int(limit))
    return create_engine(hubs.url, poolclass=NullPool, connect_args=connect)


def _says_read_only(connection: Any) -> str:
    """Ask the server itself, for it knows why; return "" when it takes writes."""
    name = connection.dialect.name
    if name == "postgresql":
        recovery, read_only = connection.execute(
            text("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
        ).one()
        if recovery:
            return "PostgreSQL is in recovery: this is a standby, not the primary"
        return "PostgreSQL transactions are read-only" if read_only == "on" else ""
    if name in ("mysql", "mariadb"):
        value = connection.execute(text("SELECT @@global.read_only")).scalar()
        return "the server's read_only is on" if value in (1, "1", "ON") else ""
    value = connection.execute(text("PRAGMA query_only")).scalar() if name == "sqlite" else 0
    return "PRAGMA query_only is on" if value else ""


def _explain(error: SQLAlchemyError) -> Finding:
    """Return the code for what the database said."""
    cause = str(error.orig if isinstance(error, DBAPIError) else error)
    said = " ".join(cause.split())[:300]
    low = said.lower()
    if any(word in low for word in LOCKED):
        return unhealthy(DB_LOCKED, f"another program holds a lock: {said}")
    if any(word in low for word in (*READ_ONLY, *FULL)):
        return unhealthy(DB_READ_ONLY, f"a write was refused: {said}")
    return unhealthy(DB_DOWN, f"does not answer: {said}")


def _ask_in_memory(session: Any) -> Finding:
    began_here = not session.in_transaction()
    session.execute(text("SELECT 1"))
    if began_here:  # nothing of the Hub's is pending
        session.rollback()
    return healthy("an in-memory database answers; it is lost when the Hub stops")
