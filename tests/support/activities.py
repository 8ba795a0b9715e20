"""An activity file with the rows that a test wants."""

from __future__ import annotations

from pathlib import Path

from jupyterhub_monitoring.activity import Activity, HubRun
from jupyterhub_monitoring.activity.database import ActivityDatabase
from jupyterhub_monitoring.activity.keeping import Row, keep


def activity_of(folder: Path, *rows: Row) -> Activity:
    """Return what reads *rows*, and whatever else `activity.sqlite` in *folder* holds."""
    database = ActivityDatabase(folder)
    add(database, *rows)
    return Activity(database)


def add(database: ActivityDatabase, *rows: Row) -> None:
    """Put *rows* into *database*."""
    with database.transaction() as connection:
        for row in rows:
            if isinstance(row, HubRun):
                connection.execute(
                    "INSERT INTO hub_runs VALUES (?, 0, ?, ?, ?, ?, ?, ?)",
                    (
                        *(f"life {row.started}", row.started, row.started, row.stopped),
                        *(row.hub_version, row.version, row.spawner_class),
                    ),
                )
            else:
                keep(row, connection)
