"""Failed spawns are counted over restarts, of a Hub that ends itself because of them too."""

from __future__ import annotations

import json
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterhub_monitoring.hub import kept_failures
from jupyterhub_monitoring.hub.kept_failures import FILE, KeptFailures, read, write
from jupyterhub_monitoring.hub.service import kept_folder
from jupyterhub_monitoring.metrics.catalogue import SPAWN_FAILURE
from support.eventually import eventually
from support.real_hub import RealHub

CONFIG = """
from jupyterhub.spawner import SimpleLocalProcessSpawner

class OutOfRoom(Exception):
    pass

class Spawner(SimpleLocalProcessSpawner):
    async def start(self):
        raise OutOfRoom("no node has room")

c.JupyterHub.spawner_class = Spawner
c.Spawner.consecutive_failure_limit = 3
"""


def counted(spawner_class: str) -> dict[str, float]:
    return {
        sample.labels["error_type"]: sample.value
        for family in SPAWN_FAILURE.collect()
        for sample in family.samples
        if sample.labels["spawner_class"] == spawner_class and sample.value
    }


def test_a_hub_that_ends_itself_over_failures(make_hub: Callable[..., RealHub]):
    """Three in a row within a moment, and nobody looked: its next process still tells of them."""
    hub = make_hub(config=CONFIG).start()
    for name in ("one", "two", "three"):
        hub.post(f"hub/api/users/{name}")
        hub.post(f"hub/api/users/{name}/server")
    assert hub.process.wait(120) != 0
    hub.start()
    assert hub.metric("spawn_failure_total", spawner_class="Spawner", error_type="OutOfRoom") == 3
    assert hub.metric("spawn_failure_total", spawner_class="Spawner", error_type="timeout") == 0


def test_what_is_written_is_read(tmp_path: Path):
    """In a folder that is made for its user only; a second time in place of the first."""
    folder = tmp_path / "new" / "data"
    write(folder, [("A", "timeout", 2.0)])
    write(folder, [("A", "timeout", 3.0), ("A", "OutOfRoom", 1.0)])
    assert read(folder / FILE) == [("A", "timeout", 3.0), ("A", "OutOfRoom", 1.0)]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_the_counter_goes_on(tmp_path: Path):
    """From what the process before counted; what fails then is added, and kept."""
    write(tmp_path, [("GoesOn", "timeout", 2.0), ("GoesOn", "OutOfRoom", 5.0)])
    kept = KeptFailures(tmp_path)
    assert kept.restore() == ["timeout", "OutOfRoom"]
    SPAWN_FAILURE.labels("GoesOn", "timeout").inc()
    assert counted("GoesOn") == {"timeout": 3, "OutOfRoom": 5}
    kept.keep()
    eventually(lambda: ("GoesOn", "timeout", 3.0) in read(tmp_path / FILE))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('[["A", "timeout", 2', id="cut off"),
        pytest.param('{"A": 2}', id="no list"),
        pytest.param('[["A", "timeout"]]', id="no number"),
        pytest.param('[["A", "timeout", "2"]]', id="a number as text"),
        pytest.param('[["A", "timeout", -1]]', id="less than nothing"),
        pytest.param('[["A", "timeout", NaN]]', id="not a number"),
        pytest.param('[["A", "timeout", Infinity]]', id="infinite"),
        pytest.param('[["A", 7, 2]]', id="a label that is none"),
        pytest.param(json.dumps([["A", "x" * 201, 2]]), id="a label that is too long"),
        pytest.param(json.dumps([["A", str(n), 1] for n in range(1001)]), id="too many"),
    ],
)
def test_a_file_that_is_not_ours(text: str, tmp_path: Path):
    """Counting begins at 0, as without a file; nothing of it becomes a label."""
    (tmp_path / FILE).write_text(text)
    assert read(tmp_path / FILE) == []
    assert read(tmp_path / "not there") == []


def test_a_folder_that_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """It is logged once, with what to do; the Hub goes on."""
    (tmp_path / "file").write_text("")
    kept = KeptFailures(tmp_path / "file" / "data")
    assert kept.restore() == []
    for _ in range(3):
        kept.keep()
        eventually(lambda: not kept._writing)
    told = [r.getMessage() for r in caplog.records if "cannot be kept" in r.getMessage()]
    assert len(told) == 1
    assert "c.Monitoring.data_dir" in told[0]


def test_a_disk_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nobody waits for it, one thread hangs; when it is back the last numbers are written."""
    hanging, written, threads = threading.Event(), [], set()

    def slow(folder: Path, counts: list[kept_failures.Count]) -> None:
        threads.add(threading.get_ident())
        hanging.wait(60)
        written.append({row[:2]: row[2] for row in counts}["Hangs", "timeout"])

    monkeypatch.setattr(kept_failures, "write", slow)
    kept = KeptFailures(tmp_path)
    for _ in range(5):
        SPAWN_FAILURE.labels("Hangs", "timeout").inc()
        kept.keep()
    hanging.set()
    eventually(lambda: not kept._writing)
    assert written[-1] == 5
    assert len(written) <= 2
    assert len(threads) == 1


@pytest.mark.parametrize(
    ("data_dir", "db_url", "folder"),
    [
        pytest.param("", "sqlite:////srv/hub/hub.sqlite", "/srv/hub", id="beside the database"),
        pytest.param("/var/lib/mon", "sqlite:///:memory:", "/var/lib", id="as the operator says"),
        pytest.param("", "sqlite:///:memory:", None, id="a Hub that keeps nothing"),
        pytest.param("", "sqlite://", None, id="the same, shorter"),
    ],
)
def test_where_they_are_kept(data_dir: str, db_url: str, folder: str | None):
    """Where the service keeps its data, so that there is one place to look after."""
    found = kept_folder(data_dir, db_url)
    assert (found and str(found.parent)) == folder
