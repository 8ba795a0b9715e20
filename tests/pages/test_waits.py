"""How long people waited is what it was, not what a histogram makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.activity import Activity, Spawn
from jupyterhub_monitoring.activity.database import ActivityDatabase
from jupyterhub_monitoring.activity.keeping import keep
from jupyterhub_monitoring.pages.waits import quantiles_of_waits


@pytest.mark.parametrize(
    ("waits", "found"),
    [
        ([], None),
        ([5.6], [5.6, 5.6]),
        ([1, 2, 3, 4], [2, 4]),
        (list(range(1, 101)), [50, 95]),
        ([1, None], None),
    ],
    ids=["nobody", "one", "four", "a hundred", "one is not known"],
)
def test_waits(tmp_path: Path, waits: list[float | None], found: list[float] | None):
    """Half waited no longer than the first, 19 of 20 no longer than the second.

    Failures do not count, and where one is not known nothing is claimed.
    """
    database = ActivityDatabase(tmp_path)
    with database.transaction() as to:
        for at, wait in enumerate(waits):
            keep(Spawn(1000.0 + at, "ana", "", "success", waited_seconds=wait), to)
        keep(Spawn(1001.0, "bo", "", "failure", "timeout", waited_seconds=300), to)
        keep(Spawn(9999.0, "bo", "", "success", waited_seconds=77), to)
    assert quantiles_of_waits(Activity(database), 1000, 2000, (0.5, 0.95)) == found
