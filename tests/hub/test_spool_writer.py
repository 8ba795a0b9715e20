"""The Hub writes down what happens for the service, and never waits for the disk."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_monitoring import spool
from jupyterhub_monitoring.hub import spool_writer
from jupyterhub_monitoring.hub.events import EventLog
from jupyterhub_monitoring.hub.monitor import HubMonitor
from jupyterhub_monitoring.hub.settings import Monitoring
from jupyterhub_monitoring.hub.spool_writer import SpoolWriter
from jupyterhub_monitoring.metrics import usernames
from jupyterhub_monitoring.metrics.catalogue import EVENTS_DROPPED
from jupyterhub_monitoring.metrics.labels import SpoolDrop
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from support.eventually import eventually


def numbers(folder: Path) -> list[int]:
    """Return the numbers of all whole lines, in the order of the files."""
    folder /= spool.FOLDER
    lines = [
        line
        for file in spool.files(folder)
        for line in (folder / file.name).read_bytes().splitlines()
    ]
    events = [spool.event_of(line, "") for line in lines]
    return [event.number for event in events if event is not None]


def dropped(reason: SpoolDrop) -> float:
    return sum(
        sample.value
        for family in EVENTS_DROPPED.collect()
        for sample in family.samples
        if sample.labels["reason"] == reason.value and sample.name.endswith("_total")
    )


def test_what_is_put_in_is_there(tmp_path: Path):
    """In order, numbered from 1, in a folder and files of the Hub's user only."""
    writer = SpoolWriter(tmp_path / "new")
    for n in range(1200):
        writer.put("login", {"username": f"u{n}"})
    assert writer.flush(60)
    assert numbers(tmp_path / "new") == list(range(1, 1201))
    (file,) = (tmp_path / "new" / spool.FOLDER).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    first = json.loads(file.read_bytes().splitlines()[0])
    assert (first["event"], first["username"]) == ("login", "u0")


def test_each_life_has_its_files(tmp_path: Path):
    """The next process of the Hub adds to nobody's file, and its files come behind."""
    for life in range(3):
        writer = SpoolWriter(tmp_path)
        writer._file = spool.SpoolFile(1000 + life, writer._file.life, 1)
        writer.put("hub_start", {})
        assert writer.flush(60)
    files = spool.files(tmp_path / spool.FOLDER)
    assert [file.began_ms for file in files] == [1000, 1001, 1002]
    assert len({file.life for file in files}) == 3


def test_a_long_file_is_followed_by_another(tmp_path: Path):
    """And beyond the limit of all of them the oldest go, counted."""
    before = dropped(SpoolDrop.LIMIT)
    writer = SpoolWriter(tmp_path, file_bytes=1000, most_bytes=5000)
    for _ in range(400):
        writer.put("login", {"username": "x" * 50})
        assert writer.flush(60)
    left = numbers(tmp_path)
    assert left == list(range(left[0], 401)), "the latest, without a gap"
    assert sum(f.stat().st_size for f in (tmp_path / spool.FOLDER).iterdir()) <= 5000
    assert dropped(SpoolDrop.LIMIT) - before == 400 - len(left)


def test_a_file_is_not_written_to_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """On a quiet Hub another one is begun after an hour: the service can remove the first."""
    writer = SpoolWriter(tmp_path)
    for _ in range(3):
        writer.put("login", {})
        assert writer.flush(60)
    monkeypatch.setattr(spool_writer, "FILE_SECONDS", 0.0)
    for _ in range(3):
        writer.put("login", {})
        assert writer.flush(60)
    assert [file.number for file in spool.files(tmp_path / spool.FOLDER)] == [1, 2, 3]
    assert numbers(tmp_path) == [1, 2, 3, 4, 5, 6]


def test_a_disk_that_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """Nobody notices but the log, once; when there is room again all is written, in order."""
    write = os.write

    def full(file: int, text: bytes) -> int:
        write(file, text[: len(text) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    writer = SpoolWriter(tmp_path)
    monkeypatch.setattr(spool_writer.os, "write", full)
    for _ in range(5):
        writer.put("login", {"username": "ann"})
        assert not writer.flush(60)
    monkeypatch.undo()
    writer.put("login", {"username": "bob"})
    assert writer.flush(60)
    assert list(dict.fromkeys(numbers(tmp_path))) == [1, 2, 3, 4, 5, 6]
    told = [r.getMessage() for r in caplog.records if "cannot be written" in r.getMessage()]
    assert len(told) == 1
    assert "No space left" in told[0]


def test_a_folder_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What waits is bounded, the latest are kept, and what is dropped is counted."""
    monkeypatch.setattr(spool_writer, "MOST_WAITING", 10)
    before = dropped(SpoolDrop.DISK)
    (tmp_path / "file").write_text("in the way")
    writer = SpoolWriter(tmp_path / "file")
    for _ in range(25):
        writer.put("login", {})
        writer.flush(60)
    assert dropped(SpoolDrop.DISK) - before == 15
    (tmp_path / "file").unlink()
    writer.put("login", {})
    assert writer.flush(60)
    assert numbers(tmp_path / "file")[-1] == 26


def test_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody waits for it: one thread hangs, and what came meanwhile is written after."""
    hanging, threads = threading.Event(), set()
    append = SpoolWriter._append

    def slow(self: SpoolWriter, path: Path, text: bytes) -> int:
        threads.add(threading.get_ident())
        hanging.wait(60)
        return append(self, path, text)

    monkeypatch.setattr(SpoolWriter, "_append", slow)
    writer = SpoolWriter(tmp_path)
    for _ in range(50):
        writer.put("login", {})
    assert not writer.flush(0.05)
    hanging.set()
    assert writer.flush(60)
    assert (numbers(tmp_path), len(threads)) == (list(range(1, 51)), 1)


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        pytest.param({"x": "y" * spool.LINE_BYTES}, ValueError, id="too long"),
        pytest.param({"x": object()}, TypeError, id="no JSON"),
    ],
)
def test_an_event_that_cannot_be_a_line(
    fields: dict[str, Any], error: type[Exception], tmp_path: Path
):
    """It is a gap in the numbers, which the service counts; the next one is written."""
    writer = SpoolWriter(tmp_path)
    with pytest.raises(error):
        writer.put("login", fields)
    writer.put("login", {})
    assert writer.flush(60)
    assert numbers(tmp_path) == [2]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"n": 1, "at": 2, "event": "login"', id="cut off"),
        pytest.param(b"[1]", id="no object"),
        pytest.param(b'{"at": 2, "event": "login"}', id="no number"),
        pytest.param(b'{"n": "1", "at": 2, "event": "login"}', id="a number as text"),
        pytest.param(b'{"n": 1, "at": null, "event": "login"}', id="no time"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_a_line_that_is_not_ours(line: bytes):
    """It is none, and hurts nobody."""
    assert spool.event_of(line, "life") is None


@pytest.mark.parametrize(
    ("mode", "username", "server", "message"),
    [
        pytest.param(UsernameMode.NAME, "ann", "gpu", "no room for ann", id="names"),
        pytest.param(UsernameMode.HASH, None, None, None, id="hashes"),
        pytest.param(UsernameMode.NONE, "", "", None, id="no names"),
    ],
)
def test_names_are_shown_as_the_operator_wants(
    mode: UsernameMode,
    username: str | None,
    server: str | None,
    message: str | None,
    tmp_path: Path,
):
    """No name is in the file where labels have none, not in a text of the spawner's either."""
    before = usernames.policy()
    usernames.use(policy := Usernames(mode, b"key"))
    try:
        events = EventLog()
        events.spool = SpoolWriter(tmp_path)
        events.emit(
            "spawn", "ann", servername="gpu", message="no room for ann", by="eve", none=None
        )
        assert events.spool.flush(60)
    finally:
        usernames.use(before)
    (file,) = (tmp_path / spool.FOLDER).iterdir()
    found = json.loads(file.read_text())
    assert found["username"] == (policy.label("ann") if username is None else username)
    assert found["servername"] == (policy.label("gpu") if server is None else server)
    assert found["by"] == policy.label("eve")
    assert found.get("message") == message
    assert "none" not in found


@pytest.mark.parametrize(
    ("settings", "db_url", "written"),
    [
        pytest.param({}, "sqlite:///jupyterhub.sqlite", True, id="a Hub"),
        pytest.param({"service": False}, "sqlite:///jupyterhub.sqlite", False, id="no service"),
        pytest.param({}, "sqlite:///:memory:", False, id="a Hub in memory"),
        pytest.param({"data_dir": "kept"}, "sqlite://", True, id="in memory, with a folder"),
        pytest.param({}, "postgresql://hub@db/hub", True, id="a database server"),
    ],
)
def test_who_is_told(
    settings: dict[str, Any],
    db_url: str,
    written: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    """Without somebody to read, or a place that lasts, nothing is written."""
    monkeypatch.chdir(tmp_path)
    monitor = SimpleNamespace(
        settings=Monitoring(**settings), events=EventLog(), _app=SimpleNamespace(db_url=db_url)
    )
    HubMonitor.hand_over_events(monitor)
    monitor.events.emit("login", "ann", outcome="success")
    eventually(lambda: not monitor.events.is_writing())
    assert bool([*tmp_path.rglob("*.jsonl")]) is written
