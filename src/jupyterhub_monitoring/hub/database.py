"""Reading the Hub's database beside the Hub: off its loop, on a connection of our own.

    connect ─ read-only transaction with a time limit ─ ask ─ disconnect

Once a minute a connection costs nothing, and none is kept from the Hub's pool or left idle at the
server. An in-memory SQLite database has one connection, which is the Hub's, and a second thread on
it loses the Hub's rows; there the query runs in the loop, on the Hub's session.
"""

from __future__ import annotations

import asyncio
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.pool import NullPool, StaticPool

from ..health.offload import Worker

_POOL_SETTINGS = ("pool", "max_overflow", "echo_pool")
_CONNECT_TIMEOUT = {"psycopg2", "psycopg", "pymysql", "mysqldb", "mariadbconnector"}
"""Drivers that take `connect_timeout` in seconds."""


class SideReader:
    """Asks one query at a time. *timeout* is in seconds; the database is told it, where it can be.

    A query that does not end leaves its daemon thread behind: until that ends, every other one
    is refused (`StillRunning`), so that nothing piles up and the Hub's shutdown waits for nothing.
    """

    def __init__(self, app: Any, timeout: float) -> None:
        self._app, self._timeout = app, timeout
        self._worker = Worker("collector-database")
        self._engine: Any = None
        self._read_from: Any = None

    async def one(self, query: Any) -> Any:
        """Return the only row of *query*, a SELECT.

        Raises TimeoutError, StillRunning, or what the database driver says.
        """
        hubs = self._app.db.get_bind()
        if is_in_memory(hubs):
            return _one_in_loop(self._app.db, query)
        if self._read_from is not hubs:
            self._engine = _side_engine(hubs, self._app, self._timeout)
            self._read_from = hubs
        return await asyncio.wait_for(self._worker(self._one, query), self._timeout)

    def _one(self, query: Any) -> Any:
        with self._engine.connect() as connection:
            for statement in _limits(connection.dialect, self._timeout):
                connection.exec_driver_sql(statement)
            return connection.execute(query).one()


def is_in_memory(engine: Any) -> bool:
    """Tell whether the database is in the Hub's memory, behind the Hub's only connection."""
    if isinstance(engine.pool, StaticPool):
        return True
    name = engine.url.database or ""
    return engine.dialect.name == "sqlite" and (
        not name or ":memory:" in name or "mode=memory" in str(engine.url)
    )


def _one_in_loop(session: Any, query: Any) -> Any:
    """Ask on the Hub's session, without flushing, committing or taking back anything of its own."""
    began_here = not session.in_transaction()
    try:
        with session.no_autoflush:
            return session.execute(query).one()
    finally:
        if began_here:
            session.commit()  # not rollback(), which would expire the Hub's objects


def _side_engine(hubs: Any, app: Any, timeout: float) -> Any:
    """Return an engine that connects as the Hub does (`c.JupyterHub.db_kwargs`) and keeps nothing.

    The URL is the Hub's own object: its text would have the password starred out.
    """
    given = getattr(app, "db_kwargs", None) or {}
    kwargs = {name: value for name, value in given.items() if not name.startswith(_POOL_SETTINGS)}
    connect = dict(kwargs.pop("connect_args", None) or {})
    if hubs.dialect.name == "sqlite":
        connect.update(timeout=timeout, check_same_thread=False)  # timeout: waiting for a lock
    elif hubs.dialect.driver in _CONNECT_TIMEOUT:
        connect.setdefault("connect_timeout", max(2, int(timeout)))
    engine = create_engine(hubs.url, poolclass=NullPool, connect_args=connect, **kwargs)
    _connect_like(hubs, engine)
    return engine


def _connect_like(hubs: Any, engine: Any) -> None:
    """Let whoever changes how the Hub connects (a password that expires) change our way too."""
    for listener in list(hubs.dialect.dispatch.do_connect):
        event.listen(engine, "do_connect", listener)


def _limits(dialect: Any, timeout: float) -> list[str]:
    """Return what makes this connection's next transaction read-only and short."""
    milliseconds = int(1000 * timeout)
    if dialect.name == "sqlite":
        return ["PRAGMA query_only = ON"]
    if dialect.name == "postgresql":
        return ["SET TRANSACTION READ ONLY", f"SET LOCAL statement_timeout = {milliseconds}"]
    if getattr(dialect, "is_mariadb", False):
        return [f"SET SESSION max_statement_time = {timeout}"]
    if dialect.name == "mysql":
        return [f"SET SESSION max_execution_time = {milliseconds}"]
    return []
