"""What pages ask about the past, and what they get."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from jupyterhub_monitoring.activity import (
    Activity,
    Exit,
    HubRun,
    Login,
    Session,
    Spawn,
    UserChange,
)
from jupyterhub_monitoring.activity.activity import MOST
from jupyterhub_monitoring.activity.database import FILE, ActivityDatabase
from jupyterhub_monitoring.errors import StoreError
from support.activities import activity_of, add

WELL = Spawn(100, "ann", "", "success", waited_seconds=3, phases={"start": 2.5}, started=97)
FAILED = Spawn(110, "bob", "gpu", "failure", "timeout", "took too long", 300, started=90)
REFUSED = Spawn(120, "ann", "", "refused", "throttled")
DIED = Exit(200, "ann", "", "died", -9, out_of_memory=True, started=97)
CULLED = Exit(210, "bob", "gpu", "service")
IN, OUT = Login(50, "ann", "success", "PAM"), Login(60, "ann", "logout")
DENIED = Login(70, "", "denied", "PAM")
ADDED = UserChange(40, "added", "ann")
FIRST = HubRun(10, 30, "6.1.1", "0.1.0", "SystemdSpawner")
SECOND = HubRun(35, None, "6.2.0", "0.1.0", "SystemdSpawner")
EVENTS = (WELL, FAILED, REFUSED, DIED, CULLED, IN, OUT, DENIED, ADDED, FIRST, SECOND)

EARLY = Session("ann", "", 100, 200, "user", "small", "SystemdSpawner", False, 3.0)
LONG = Session("bob", "gpu", 150, 400, "died", out_of_memory=True)
OPEN = Session("ann", "", 300)
SESSIONS = (EARLY, LONG, OPEN)


@pytest.fixture
def activity(tmp_path: Path) -> Activity:
    return activity_of(tmp_path, *EVENTS, *SESSIONS)


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(lambda a: a.spawns(0, 999), [REFUSED, FAILED, WELL], id="spawns"),
        pytest.param(lambda a: a.failures(0, 999), [FAILED], id="failures are no refusals"),
        pytest.param(lambda a: a.refusals(0, 999), [REFUSED], id="refusals"),
        pytest.param(lambda a: a.exits(0, 999), [CULLED, DIED], id="exits"),
        pytest.param(lambda a: a.logins(0, 999), [DENIED, OUT, IN], id="logins"),
        pytest.param(lambda a: a.user_changes(0, 999), [ADDED], id="changes"),
        pytest.param(lambda a: a.hub_starts(0, 999), [SECOND, FIRST], id="starts"),
        pytest.param(lambda a: a.hub_starts(11, 999), [SECOND], id="starts of a range"),
        pytest.param(lambda a: a.spawns(100, 120), [FAILED, WELL], id="the end is not within"),
        pytest.param(lambda a: a.spawns(0, 999, ["ann"]), [REFUSED, WELL], id="one's own"),
        pytest.param(lambda a: a.spawns(0, 999, []), [], id="nobody's"),
        pytest.param(lambda a: a.failures(0, 999, {"ann"}), [], id="not others'"),
        pytest.param(lambda a: a.logins(0, 999, limit=1), [DENIED], id="the latest"),
        pytest.param(lambda a: a.exits(0, 999, limit=-1), [], id="a limit below nothing"),
        pytest.param(lambda a: a.exits(0, 999, ["ann' OR '1'='1"]), [], id="no injection"),
    ],
)
def test_events_of_a_range(activity: Activity, ask: Callable[[Activity], Any], expected: Any):
    """The latest first, of those that may be seen, exactly as they were told."""
    assert ask(activity) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param(0, 999, [OPEN, LONG, EARLY], id="all"),
        pytest.param(0, 100, [], id="ends before the first"),
        pytest.param(0, 101, [EARLY], id="the begin of one"),
        pytest.param(199, 201, [LONG, EARLY], id="the end of one"),
        pytest.param(200, 250, [LONG], id="it had ended"),
        pytest.param(250, 260, [LONG], id="all within one"),
        pytest.param(500, 600, [OPEN], id="one that runs"),
    ],
)
def test_sessions_that_overlap(activity: Activity, start: int, end: int, expected: Any):
    """A session belongs to each range in which some of it is, the latest first."""
    assert activity.sessions(start, end) == expected
    assert activity.session_count(start, end) == len(expected)


def test_a_session_of_no_length_is_in_one_range(tmp_path: Path):
    """It is not lost between two ranges, nor in both."""
    empty = Session("ann", "", 100, 100, "died")
    activity = activity_of(tmp_path, empty)
    assert [len(activity.sessions(start, start + 50)) for start in (50, 100)] == [0, 1]


def test_sessions_are_filtered_and_paged(activity: Activity):
    """By whose they are, by the server's name, and by pages that follow each other."""
    assert activity.sessions(0, 999, ["ann"]) == [OPEN, EARLY]
    assert activity.sessions(0, 999, server="gpu") == [LONG]
    assert activity.sessions(0, 999, ["ann"], server="gpu") == []
    assert activity.session_count(0, 999, ["ann"], server="") == 2
    pages = [activity.sessions(0, 999, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert pages == [[OPEN, LONG], [EARLY], []]


def test_how_long_a_session_lasts():
    """Until its end, or until now."""
    assert EARLY.seconds(now=999) == 100
    assert OPEN.seconds(now=360) == 60
    assert OPEN.seconds(now=299) == 0, "clocks differ"


def test_a_question_is_bounded(tmp_path: Path):
    """However much is asked for, one answer fits into memory."""
    rows = [replace(IN, at=float(at)) for at in range(MOST + 5)]
    activity = activity_of(tmp_path, *rows)
    assert len(activity.logins(0, 1e9, limit=10**9)) == MOST


def test_who_is_new_and_who_returns(activity: Activity):
    """First and last seen are of all that is known; use is that within the range."""
    ann, bob = activity.user_activity(180, 350)
    assert (bob.username, ann.username) == ("ann", "bob"), "the longest use first"
    ann, bob = bob, ann
    assert (ann.first_seen, ann.sessions, ann.session_seconds) == (50, 2, 20 + 50)
    assert (bob.first_seen, bob.last_seen, bob.sessions, bob.session_seconds) == (150, 400, 1, 170)
    assert not ann.is_new(since=100)
    assert bob.is_new(since=100)
    assert [user.username for user in activity.user_activity(0, 999, ["bob"])] == ["bob"]


def test_nobody_is_named_where_names_are_left_out(tmp_path: Path):
    """Sessions without a name still count as sessions, but not as one user."""
    activity = activity_of(tmp_path, Session("", "", 0, 3600), Session("", "", 10, 3600))
    assert activity.session_count(0, 999) == 2
    assert activity.user_activity(0, 999) == []
    assert activity.weekday_hour(0, 3600, ZoneInfo("UTC")).users is None


BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
MONDAY = 1_790_553_600  # 2026-09-28 00:00 UTC


@pytest.mark.parametrize(
    ("zone", "start", "end", "expected"),
    [
        pytest.param("UTC", 9, 10.5, {(0, 9): 1, (0, 10): 0.5}, id="UTC"),
        pytest.param("Europe/Berlin", 9, 10.5, {(0, 11): 1, (0, 12): 0.5}, id="summer time"),
        pytest.param("Asia/Kolkata", 9, 10, {(0, 14): 0.5, (0, 15): 0.5}, id="half an hour off"),
        pytest.param("UTC", 23.9, 24.1, {(0, 23): 0.1, (1, 0): 0.1}, id="over midnight"),
        pytest.param("Pacific/Auckland", 12, 13, {(1, 1): 1}, id="another day"),
        pytest.param("UTC", 9.01, 9.02, {(0, 9): 0.01}, id="within a quarter"),
    ],
)
def test_when_people_work(
    zone: str, start: float, end: float, expected: dict[tuple[int, int], float], tmp_path: Path
):
    """Each hour of a session is counted where a clock on the wall has it."""
    session = Session("ann", "", MONDAY + start * HOUR, MONDAY + end * HOUR, "user")
    found = activity_of(tmp_path, session).weekday_hour(MONDAY, MONDAY + 7 * 86_400, ZoneInfo(zone))
    cells = {(int(day), int(hour)) for day, hour in np.argwhere(found.session_hours > 1e-9)}
    assert cells == set(expected)
    for cell, hours in expected.items():
        assert found.session_hours[cell] == pytest.approx(hours)
        assert found.users[cell] == 1
    assert found.clock_hours == pytest.approx(np.ones((7, 24)))


def test_when_people_work_at_the_edges(tmp_path: Path):
    """What is outside the range does not count, nor twice the same person in a cell."""
    activity = activity_of(
        tmp_path,
        Session("ann", "", MONDAY - HOUR, MONDAY + 0.3 * HOUR, "user"),
        Session("ann", "", MONDAY + 0.4 * HOUR, None),
        Session("bob", "", MONDAY + 0.4 * HOUR, MONDAY + 0.4 * HOUR, "died"),
    )
    found = activity.weekday_hour(MONDAY + 0.1 * HOUR, MONDAY + 0.7 * HOUR, ZoneInfo("UTC"))
    assert found.session_hours[0, 0] == pytest.approx(0.2 + 0.3)
    assert found.session_hours.sum() == pytest.approx(0.5)
    assert found.clock_hours.sum() == found.clock_hours[0, 0] == pytest.approx(0.6)
    assert found.users[0, 0] == 1
    nothing = activity.weekday_hour(MONDAY, MONDAY, ZoneInfo("UTC"))
    assert nothing.session_hours.sum() == nothing.clock_hours.sum() == 0


def test_a_clock_that_changes(tmp_path: Path):
    """The hour that comes twice in autumn is two hours long, that of spring not there."""
    autumn = 1_792_886_400  # 2026-10-25 00:00 UTC, a Sunday
    activity = activity_of(tmp_path, Session("ann", "", autumn, autumn + 2 * HOUR, "user"))
    found = activity.weekday_hour(autumn, autumn + 86_400, BERLIN)
    assert (found.session_hours[6, 2], found.clock_hours[6, 2]) == pytest.approx((2, 2))
    spring = 1_774_742_400  # 2026-03-29 00:00 UTC
    found = activity.weekday_hour(spring, spring + 12 * HOUR, BERLIN)
    assert found.clock_hours[6, 2] == 0
    assert found.clock_hours.sum() == pytest.approx(12)


def test_readers_do_not_wait(tmp_path: Path):
    """Many threads ask while something is being written, and see what was committed."""
    database = ActivityDatabase(tmp_path)
    add(database, IN)
    activity, found = Activity(database), []
    with database.transaction() as connection:
        connection.execute("DELETE FROM logins")
        threads = [
            threading.Thread(target=lambda: found.append(activity.logins(0, 999))) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == [[IN]] * 8
    assert activity.logins(0, 999) == []


def test_what_fails_is_not_half_kept(tmp_path: Path):
    """A transaction that raises leaves nothing behind."""
    database = ActivityDatabase(tmp_path)
    with pytest.raises(TypeError):
        add(database, IN, "no row")  # type: ignore[arg-type]
    assert Activity(database).logins(0, 999) == []


def test_the_file_is_private(tmp_path: Path):
    """It has names in it: nobody but its user reads it."""
    activity_of(tmp_path, IN)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


@pytest.mark.parametrize("kind", ["text", "another program's", "cut off"])
def test_a_damaged_file_is_set_aside(kind: str, tmp_path: Path):
    """It is kept for whoever wants to look, and a new one begun."""
    path = tmp_path / FILE
    if kind == "text":
        path.write_text("not a database, though long enough to be looked at" * 100)
    elif kind == "another program's":
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine (x)")
        other.close()
    else:
        database = ActivityDatabase(tmp_path)
        add(database, *[replace(IN, at=float(at)) for at in range(5000)])
        database.close()
        path.write_bytes(path.read_bytes()[:40_000])
    before = path.read_bytes()
    database = ActivityDatabase(tmp_path)
    assert database.set_aside is not None
    assert database.set_aside.read_bytes() == before
    add(database, IN)
    assert Activity(database).logins(0, 999) == [IN]


def test_a_newer_version_is_left_alone(tmp_path: Path):
    """Nothing of a file that a later version wrote is thrown away or written over."""
    activity_of(tmp_path, IN)
    with sqlite3.connect(tmp_path / FILE) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(StoreError, match="newer"):
        ActivityDatabase(tmp_path)
    assert [path.name for path in tmp_path.glob(f"{FILE}.damaged*")] == []


def test_a_closed_file_says_so(tmp_path: Path):
    """Who asks at the end of the service gets an error with a sentence, no wrong answer."""
    database = ActivityDatabase(tmp_path)
    database.close()
    with pytest.raises(StoreError, match="closed"):
        Activity(database).logins(0, 1)
