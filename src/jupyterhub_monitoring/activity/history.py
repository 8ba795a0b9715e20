"""All rows of a range of time, for reports: read one after the other, without a limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .database import Readable
from .rows import HubRun, Session, Spawn

CHUNK = 2000


class History:
    """The rows in *database*, the oldest first. Raises `StoreError` where it cannot be read."""

    def __init__(self, database: Readable) -> None:
        self._database = database

    def sessions(self, start: float, end: float) -> Iterator[Session]:
        """Yield the sessions of which some part is in the range, those that run included."""
        select = (
            "SELECT username, server_name, began, ended, cause, profile FROM sessions"
            " WHERE began < ? AND (ended IS NULL OR ended > ? OR began >= ?) ORDER BY began"
        )
        for row in self._rows(select, end, start, start):
            yield Session(*row)

    def spawns(self, start: float, end: float) -> Iterator[Spawn]:
        """Yield the spawns that ended in the range, without messages and phases."""
        select = (
            "SELECT at, username, server_name, outcome, reason, '', waited_seconds, '', '', profile"
            " FROM spawns WHERE at >= ? AND at < ? ORDER BY at"
        )
        for at, name, server, outcome, reason, message, waited, _, kind, profile in self._rows(
            select, start, end
        ):
            yield Spawn(at, name, server, outcome, reason, message, waited, {}, kind, profile)

    def hub_runs(self, end: float) -> list[HubRun]:
        """Return the lives of the Hub's process that began before *end*."""
        select = (
            "SELECT started, stopped, hub_version, version, spawner_class, last_at FROM hub_runs"
            " WHERE started < ? ORDER BY started"
        )
        return [HubRun(*row) for row in self._rows(select, end)]

    def first_seen(self) -> dict[str, float]:
        """Return when each user was first seen, of all that is known."""
        return dict(self._rows("SELECT username, first_seen FROM people"))

    def began(self) -> float | None:
        """Return when the first thing that is known happened, None where nothing is."""
        select = (
            "SELECT min(at) FROM (SELECT min(began) AS at FROM sessions"
            " UNION ALL SELECT min(at) FROM spawns UNION ALL SELECT min(started) FROM hub_runs)"
        )
        ((at,),) = self._rows(select)
        return None if at is None else float(at)

    def _rows(self, select: str, *values: float) -> Iterator[tuple[Any, ...]]:
        with self._database.reading() as connection:
            rows = connection.execute(select, values)
            while chunk := rows.fetchmany(CHUNK):
                yield from chunk
