"""What is kept is bounded, by age and by rows; what runs stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyterhub_monitoring.activity import (
    Activity,
    Exit,
    Login,
    Session,
    Spawn,
    UserChange,
    pruning,
)
from jupyterhub_monitoring.activity.database import ActivityDatabase
from jupyterhub_monitoring.activity.recorder import Recorder
from jupyterhub_monitoring.activity.spool_reader import SpoolReader
from support.activities import add
from support.spooled import HubLife, Service

EVER = (float("-inf"), float("inf"))


@pytest.fixture
def database(tmp_path: Path) -> ActivityDatabase:
    return ActivityDatabase(tmp_path)


def prune(database: ActivityDatabase, oldest: float, most_rows: int = 10**9) -> None:
    Recorder(database, SpoolReader(database.path.parent)).prune(oldest, most_rows)


def test_what_is_old_goes(database: ActivityDatabase):
    """By when it happened; a session by when it ended, so that one that runs stays for ever."""
    for at in (100.0, 200.0):
        add(
            database,
            Spawn(at, "ann", "", "success"),
            Exit(at, "ann", "", "user"),
            Login(at, "ann", "success"),
            UserChange(at, "added", "ann"),
            Session("ann", "", at - 90, at, "user"),
        )
    add(database, Session("bob", "", 5))
    prune(database, 150)
    activity = Activity(database)
    for found in (activity.spawns, activity.exits, activity.logins, activity.user_changes):
        assert [row.at for row in found(*EVER)] == [200]
    assert [s.start for s in activity.sessions(*EVER)] == [110, 5]


def test_who_is_forgotten(database: ActivityDatabase):
    """Somebody of whom nothing is left is new when he comes again."""
    add(database, Login(100, "ann", "success"), Session("bob", "", 100))
    prune(database, 150)
    add(database, Session("ann", "", 200, 300, "user"))
    first_seen = {u.username: u.first_seen for u in Activity(database).user_activity(0, 999)}
    assert first_seen == {"ann": 200, "bob": 100}


def test_too_many_rows(database: ActivityDatabase):
    """The oldest go, of what there is most of."""
    add(database, *(Login(float(at), "ann", "success") for at in range(100)))
    add(database, *(Exit(float(at), "ann", "", "user") for at in range(50)))
    prune(database, -1, most_rows=120)
    activity = Activity(database)
    assert [row.at for row in reversed(activity.logins(*EVER))] == list(range(30, 100))
    assert len(activity.exits(*EVER)) == 50


def test_a_piece_at_a_time(database: ActivityDatabase, monkeypatch: pytest.MonkeyPatch):
    """A year that goes at once holds up nothing for long; the next time more of it goes."""
    monkeypatch.setattr(pruning, "STEP_ROWS", 30)
    add(database, *(Login(float(at), "ann", "success") for at in range(100)))
    left = []
    for _ in range(4):
        prune(database, 1000)
        left.append(len(Activity(database).logins(*EVER)))
    assert left == [70, 40, 10, 0]


def test_sessions_that_run_are_never_too_many(database: ActivityDatabase):
    """Dropping one would open it again with the next listing."""
    add(database, *(Session(f"u{n}", "", float(n)) for n in range(50)))
    prune(database, 1e9, most_rows=10)
    assert Activity(database).session_count(*EVER) == 50


def test_old_lives_of_the_hub(tmp_path: Path):
    """They go too, but for the last: it may go on."""
    service = Service(tmp_path)
    for number, life in enumerate("abc"):
        HubLife(tmp_path, began=number, life=life).tell(100 + number, "hub_start")
    service.read()
    service.recorder.prune(1e9, 10)
    assert [run.started for run in service.activity.hub_starts(0, 999)] == [102]
