"""The file of alerts and messages: kept, private, done without, mended, and gone back to."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.notifying import notification_database
from jupyterhub_monitoring.alerting.notifying.notification_database import (
    APPLICATION,
    FILE,
    NotificationDatabase,
)
from jupyterhub_monitoring.alerting.notifying.notification_rows import read_alerts, write_alerts
from jupyterhub_monitoring.alerting.notifying.queue_rows import read_history, read_queue
from jupyterhub_monitoring.errors import StoreError
from support.notifications import alert, names


def put(database: NotificationDatabase, *users: str) -> None:
    database.write(lambda connection: write_alerts(connection, [alert(user=u) for u in users]))


def users(database: NotificationDatabase) -> list[str]:
    return sorted(names(database.read(read_alerts), "user"))


@pytest.fixture
def made() -> Iterator[list[NotificationDatabase]]:
    databases: list[NotificationDatabase] = []
    yield databases
    for database in databases:
        database.close()


def opened(folder: Path, made: list[NotificationDatabase], **more: int) -> NotificationDatabase:
    database = NotificationDatabase(folder, **more)
    made.append(database)
    return database


def fill_disk(database: NotificationDatabase) -> None:
    """Let SQLite find no room, as on a full disk."""
    (pages,) = database._connection.execute("PRAGMA page_count").fetchone()
    database._connection.execute(f"PRAGMA max_page_count={pages}")


MANY = [str(number) for number in range(2000)]


def test_the_file_is_private_and_outlives_us(tmp_path: Path, made):
    """Labels may hold names: nobody else reads them."""
    database = opened(tmp_path, made)
    put(database, "a")
    for file in tmp_path.glob(f"{FILE}*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    database.close()
    again = opened(tmp_path, made)
    assert users(again) == ["a"]
    assert again.problem is None


def test_a_full_disk_keeps_nobody_from_being_told(tmp_path: Path, made):
    """Everything goes on in memory, says so, and goes to disk when there is room."""
    database = opened(tmp_path, made)
    put(database, "a")
    fill_disk(database)
    put(database, *MANY)
    assert users(database) == sorted(["a", *MANY])
    assert "database or disk is full" in (database.problem or "")
    assert "make room" in (database.problem or "")
    database.write(lambda c: c.execute("DELETE FROM alerts WHERE labels LIKE '%\"a\"%'"))
    assert database.recover() is False, "the file held nothing that we did not know"
    assert database.problem is None
    database.close()
    assert users(opened(tmp_path, made)) == sorted(MANY)


def test_a_folder_that_cannot_be_used_is_tried_again(tmp_path: Path, made):
    """A disk that is mounted late: what it holds and what came meanwhile are put together."""
    disk, folder = tmp_path / "disk", tmp_path / "disk" / "data"
    disk.mkdir()
    database = opened(folder, made)
    put(database, "before", "both")
    database.close()
    disk.rename(tmp_path / "away")
    database = opened(folder, made)
    assert str(folder) in (database.problem or "")
    put(database, "meanwhile", "both")
    assert users(database) == ["both", "meanwhile"]
    assert database.recover() is False
    (tmp_path / "away").rename(disk)
    assert database.recover() is True, "there is more than was known"
    assert users(database) == ["before", "both", "meanwhile"]
    assert database.problem is None


def test_a_file_that_is_taken_away_is_made_anew(tmp_path: Path, made):
    """Somebody deletes the file under us: what was in it is still known."""
    database = opened(tmp_path, made)
    put(database, "a")
    for file in tmp_path.glob(f"{FILE}*"):
        file.unlink()
    database.recover()
    put(database, "b")
    assert database.problem is None
    database.close()
    assert users(opened(tmp_path, made)) == ["a", "b"]


def test_two_processes_do_not_share_the_file(tmp_path: Path, made, monkeypatch):
    """An old service that ends slowly does not make us tell everything twice."""
    first = opened(tmp_path, made)
    put(first, "a")
    second = opened(tmp_path, made)
    assert second.problem is None, "most likely the first one is ending"
    assert users(second) == []
    monkeypatch.setattr(notification_database, "PATIENCE_SECONDS", 0)
    assert second.recover() is False
    assert "in use by process" in (second.problem or "")
    first.close()
    assert second.recover() is True
    assert users(second) == ["a"]


DAMAGE = {
    "text": lambda raw: b"this is no database" + raw[19:],
    "cut off": lambda raw: raw[: len(raw) // 2],
    "zeros in the middle": lambda raw: raw[:8192] + bytes(len(raw) - 16384) + raw[-8192:],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_set_aside(tmp_path: Path, made, damage):
    """It is kept for whoever wants to look, and the service works with a new one."""
    database = opened(tmp_path, made)
    put(database, *MANY)
    database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    path = tmp_path / FILE
    path.write_bytes(damage(path.read_bytes()))
    database = opened(tmp_path, made)
    assert database.problem is None
    (aside,) = database.set_aside
    assert aside.name.startswith(f"{FILE}.damaged-")
    assert aside.exists()
    put(database, "new")
    database.close()
    assert "new" in users(opened(tmp_path, made))


def test_a_file_that_is_damaged_under_us_is_set_aside_too(tmp_path: Path, made):
    """Found while it is written to: what can be read goes on, in a new file."""
    database = opened(tmp_path, made)
    put(database, *MANY)
    database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = tmp_path / FILE
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + b"\xff" * (len(raw) - 4096))
    database._connection.execute("PRAGMA shrink_memory")
    put(database, "new")
    database.recover()
    assert database.problem is None
    assert len(database.set_aside) == 1
    assert "new" in users(database)


def test_a_newer_file_is_left_alone(tmp_path: Path, made):
    """After a downgrade nothing is lost: the newer version finds its file as it was."""
    database = opened(tmp_path, made)
    put(database, "a")
    database.close()
    path = tmp_path / FILE
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    before = path.read_bytes()
    database = opened(tmp_path, made)
    put(database, "b")
    assert "newer jupyterhub-monitoring" in (database.problem or "")
    assert path.read_bytes() == before


def test_memory_is_bounded_too(tmp_path: Path, made):
    """While the disk fails a storm does not use up the memory; what does not fit is an error."""
    database = opened(tmp_path, made, memory_bytes=1 << 19)
    fill_disk(database)
    put(database, "a")
    with pytest.raises(StoreError, match="does not fit into memory"):
        put(database, *(f"{start}-{user}" for user in MANY for start in range(5)))
    assert "a" in users(database)


def test_a_record_that_cannot_be_read_hides_no_other(tmp_path: Path, made, caplog):
    """One bad record is left out, and the log says so."""
    database = opened(tmp_path, made)
    put(database, "a", "b")
    database.write(
        lambda c: c.execute("UPDATE alerts SET annotations = '[1]' WHERE labels LIKE '%\"a\"%'")
    )
    assert users(database) == ["b"]
    assert "cannot be read and is left out" in caplog.text


def test_a_storm_leaves_no_large_file(tmp_path: Path, made):
    """What ten thousand alerts took is given back in steps after they are gone."""
    database = opened(tmp_path, made)
    put(database, *MANY)
    database.write(lambda c: c.execute("DELETE FROM alerts"))
    path = tmp_path / FILE
    database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    large = path.stat().st_size
    for _ in range(20):
        database.give_back()
    database._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert path.stat().st_size < large / 4


OLD_SCHEMA = """
CREATE TABLE silences (id TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alerts (
    labels TEXT PRIMARY KEY, annotations TEXT NOT NULL, generator_url TEXT NOT NULL,
    starts_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE told (
    group_key TEXT, receiver TEXT, integration INTEGER,
    at INTEGER NOT NULL, firing TEXT NOT NULL, resolved TEXT NOT NULL,
    PRIMARY KEY (group_key, receiver, integration)
) WITHOUT ROWID;
CREATE TABLE queue (
    id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, integration INTEGER NOT NULL,
    kind TEXT NOT NULL, group_key TEXT NOT NULL, reason TEXT NOT NULL, alerts INTEGER NOT NULL,
    queued_at INTEGER NOT NULL, attempts INTEGER NOT NULL, error TEXT NOT NULL,
    size INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE history (
    id INTEGER PRIMARY KEY, receiver TEXT NOT NULL, kind TEXT NOT NULL, group_key TEXT NOT NULL,
    reason TEXT NOT NULL, alerts INTEGER NOT NULL, queued_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL, attempts INTEGER NOT NULL, outcome TEXT NOT NULL, error TEXT NOT NULL
);
INSERT INTO queue VALUES (1, 'team', 0, 'webhook', '{}', 'first', 1, 5, 0, '', 2, '{}');
INSERT INTO history VALUES (2, 'team', 'webhook', '{}', 'first', 1, 5, 6, 1, 'delivered', '');
"""
"""A file of format 1, with a message that waits and one that does no more."""


@pytest.mark.parametrize("damaged", [False, True], ids=["sound", "damaged"])
def test_an_older_file_is_taken_over(tmp_path: Path, made, *, damaged: bool):
    """After an upgrade no message is lost, be the file sound or not."""
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.executescript(f"{OLD_SCHEMA} PRAGMA user_version=1;")
        connection.execute(f"PRAGMA application_id={0 if damaged else APPLICATION}")
    connection.close()
    for _ in range(2):
        database = opened(tmp_path, made)
        assert database.problem is None
        assert [message.about for message in database.read(read_queue)] == [""]
        assert len(database.read(lambda connection: read_history(connection, 9))) == 1
        database.close()
    assert len(list(tmp_path.glob("*.damaged-*"))) == damaged
