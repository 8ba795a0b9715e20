"""What the Hub told is taken in exactly once, whatever happens to files and processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyterhub_monitoring import spool
from jupyterhub_monitoring.activity import spool_reader
from jupyterhub_monitoring.activity.recorder import take_events
from jupyterhub_monitoring.errors import StoreError
from jupyterhub_monitoring.metrics.service_catalogue import ACTIVITY_EVENTS_LOST
from support.spooled import HubLife, Service


def logins(service: Service) -> list[int]:
    """Return the times of the logins that are kept, in order."""
    return [int(login.at) for login in reversed(service.activity.logins(0, 1e9, limit=10_000))]


def lost() -> float:
    return sum(
        sample.value
        for family in ACTIVITY_EVENTS_LOST.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    )


def test_what_is_told_is_kept_once(tmp_path: Path):
    """Read as it comes, in pieces; nothing new is nothing taken."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    assert service.read() == 0
    for at in range(5):
        hub.tell(at, "login", "ann", outcome="success")
        assert service.read() == 1
    assert service.read() == 0
    assert logins(service) == [0, 1, 2, 3, 4]


def test_a_folder_that_is_not_there(tmp_path: Path):
    """Before the Hub has written anything there is nothing to read."""
    assert Service(tmp_path).read() == 0


def test_half_a_line_waits_for_its_end(tmp_path: Path):
    """The Hub may be writing just now."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    hub.tell(1, "login", "ann", outcome="success")
    whole = hub.path.read_bytes()
    hub.path.write_bytes(whole + b'{"n": 2, "at": 2, "ev')
    assert service.read() == 1
    hub.path.write_bytes(whole)
    hub.tell(2, "login", "ann", outcome="success")
    assert service.read() == 1
    assert logins(service) == [1, 2]


def test_files_that_follow_each_other(tmp_path: Path):
    """Each is removed when it was read to its end and another one goes on."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    for at in range(30):
        hub.tell(at, "login", "ann", outcome="success")
        if at % 10 == 9:
            hub.rotate()
        if at % 7 == 0:
            service.read()
    hub.tell(30, "login", "ann", outcome="success")
    service.read()
    assert logins(service) == list(range(31))
    assert [path.name for path in hub.folder.iterdir()] == [hub.file.name]
    with service.database.reading() as connection:
        files = [row[0] for row in connection.execute("SELECT file FROM spool")]
    assert files == [hub.file.name], "what is gone needs no place to go on from"


def test_a_disk_that_was_full(tmp_path: Path):
    """A line that was cut off comes again in the next file, as do those before; all count once."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    before = lost()
    for at in range(3):
        hub.tell(at, "login", "ann", outcome="success")
    hub.path.write_bytes(hub.path.read_bytes()[:-20])
    hub.rotate()
    hub.number = 1
    for at in range(1, 4):
        hub.tell(at, "login", "ann", outcome="success")
    service.read()
    assert logins(service) == [0, 1, 2, 3]
    assert lost() == before


@pytest.mark.parametrize("killed_after", range(5))
def test_a_service_that_is_killed(killed_after: int, tmp_path: Path, monkeypatch):
    """At any transaction: what it had not committed comes again, what it had does not."""
    monkeypatch.setattr(spool_reader, "BATCH_BYTES", 300)
    hub, service = HubLife(tmp_path), Service(tmp_path)
    for at in range(12):
        hub.tell(at, "login", "ann", outcome="success")
        if at == 5:
            hub.rotate()
    commits = 0
    take = service.recorder._take

    def killed(batch, now):
        nonlocal commits
        if commits == killed_after:
            with service.database.transaction() as connection:
                take_events(connection, batch.events)
                raise KeyboardInterrupt  # as good as a kill: it is not committed
        commits += 1
        return take(batch, now)

    service.recorder._take = killed
    with pytest.raises(KeyboardInterrupt):
        service.read()
    service.begin()
    service.read()
    assert logins(service) == list(range(12))


def test_a_file_begun_anew_under_its_name(tmp_path: Path):
    """Somebody emptied the folder while the Hub runs: the numbers tell what is new."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    before = lost()
    for at in range(5):
        hub.tell(at, "login", "ann", outcome="success")
    service.read()
    hub.path.unlink()
    hub.tell(5, "login", "ann", outcome="success")
    assert service.read() == 1
    assert logins(service) == [0, 1, 2, 3, 4, 5]
    assert lost() == before


def test_what_never_came_is_counted(tmp_path: Path):
    """A gap in the numbers is something that the Hub could not write, or had to drop."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    before = lost()
    hub.tell(1, "login", "ann", outcome="success")
    hub.number += 4
    hub.tell(2, "login", "ann", outcome="success")
    service.read()
    assert lost() - before == 4
    other = HubLife(tmp_path, began=2, life="b")
    other.number = 2
    other.tell(3, "login", "ann", outcome="success")
    service.read()
    assert lost() - before == 6, "a life that begins with its third event"


def test_lives_of_the_hub(tmp_path: Path):
    """Each start is a row with its versions, with its end where it was not killed."""
    versions = {"hub_version": "6.1", "version": "0.1.0", "spawner_class": "KubeSpawner"}
    service = Service(tmp_path)
    first = HubLife(tmp_path, began=1, life="a")
    first.tell(10, "hub_start", **versions)
    first.tell(20, "hub_stop")
    second = HubLife(tmp_path, began=2, life="b")
    second.tell(30, "hub_start", **versions)
    third = HubLife(tmp_path, began=3, life="c")
    third.tell(50, "hub_start", **{**versions, "hub_version": "6.2"})
    service.read()
    runs = service.activity.hub_starts(0, 99)
    assert [(run.started, run.stopped) for run in runs] == [(50, None), (30, None), (10, 20)]
    assert [run.hub_version for run in runs] == ["6.2", "6.1", "6.1"]
    assert runs[0].spawner_class == "KubeSpawner"


def test_the_last_file_of_a_life_stays_for_a_while(tmp_path: Path):
    """Its Hub may be ending servers still, while the next one has begun."""
    service, first = Service(tmp_path), HubLife(tmp_path, began=1, life="a")
    first.tell(1, "login", "ann", outcome="success")
    HubLife(tmp_path, began=2, life="b").tell(3, "hub_start")
    os.utime(first.path, (1000, 1000))
    service.read(now=1000 + 60)
    first.tell(2, "login", "ann", outcome="success")
    os.utime(first.path, (1000, 1000))
    service.read(now=1000 + 60)
    assert logins(service) == [1, 2]
    service.read(now=1000 + spool_reader.OPEN_SECONDS + 1)
    assert not first.path.exists()


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param(b"\n\n\n", id="empty lines"),
        pytest.param(b"\x00\xff" * 500 + b"\n", id="bytes"),
        pytest.param(b"x" * 700_000 + b"\n", id="a line that is too long"),
        pytest.param(b'{"n": 99, "at": 1, "event": "made up"}\n', id="an event of later"),
        pytest.param(b'{"n": 98, "at": 1, "event": "spawn", "username": 7}\n', id="odd fields"),
        pytest.param(
            b'{"n": 97, "at": 1, "event": "spawn", "phases": [], "waited_seconds": "x",'
            b' "started": 1e999, "username": null, "message": ["y"]}\n',
            id="odd values",
        ),
    ],
)
def test_junk_in_between(junk: bytes, tmp_path: Path):
    """It stops nothing: what comes before and after is kept."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    hub.tell(1, "login", "ann", outcome="success")
    with hub.path.open("ab") as file:
        file.write(junk)
    hub.number = 100
    hub.tell(2, "login", "ann", outcome="success")
    service.read()
    assert logins(service) == [1, 2]


def test_a_file_that_is_not_ours(tmp_path: Path):
    """It is left alone."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    other = hub.folder / "notes.txt"
    other.write_text("mine")
    hub.tell(1, "login", "ann", outcome="success")
    hub.rotate()
    hub.tell(2, "login", "ann", outcome="success")
    service.read()
    assert other.read_text() == "mine"


def test_a_database_that_takes_no_writes(tmp_path: Path):
    """It is told; nothing is lost or doubled when it does again."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    hub.tell(1, "login", "ann", outcome="success")
    hub.rotate()
    hub.tell(2, "login", "ann", outcome="success")
    service.database._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreError):
        service.read()
    assert len(spool.files(hub.folder)) == 2
    service.database._writer.execute("PRAGMA query_only = OFF")
    service.read()
    assert logins(service) == [1, 2]


def test_a_new_database_begins_where_the_spool_does(tmp_path: Path):
    """After damage, what is still in the spool comes back; what was read before is not lost."""
    hub, service = HubLife(tmp_path), Service(tmp_path)
    before = lost()
    hub.tell(1, "login", "ann", outcome="success")
    hub.rotate()
    hub.tell(2, "login", "ann", outcome="success")
    service.read()
    service.database.begin_anew()
    service.read()
    assert logins(service) == [2]
    assert lost() == before
    assert service.database.set_aside is not None
