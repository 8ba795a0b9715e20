"""The part of the service that keeps what happened: what it does when something is wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterhub_monitoring.activity import Session
from jupyterhub_monitoring.activity.database import FILE
from jupyterhub_monitoring.activity.recorder import Recorder
from jupyterhub_monitoring.metrics import service_catalogue as m
from jupyterhub_monitoring.service import activity_part, settings
from jupyterhub_monitoring.service.activity_part import ActivityPart
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.context import make_registry
from jupyterhub_monitoring.usage.model import Backend, RunningServer, ServerKey, Usage
from jupyterhub_monitoring.usage.snapshot import ServerUsage, UsageSnapshot
from support.spooled import HubLife

CODE = "MON-ACTIVITY-01"
NOW = float(int(time.time()))
LATER = NOW + 1


class Rig:
    """A part in a host without a port, and the snapshots that it is given."""

    def __init__(self, folder: Path) -> None:
        self.host = Host(folder, settings.read("{}"), make_registry())
        self.snapshot: UsageSnapshot | None = None
        self.part = ActivityPart(self.host, lambda: self.snapshot)

    async def until(self, what: Callable[[], object]) -> None:
        async def wait() -> None:
            while not what():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        await asyncio.wait_for(wait(), 60)

    async def stop(self) -> None:
        """End, as the service does; safe to repeat."""
        tasks, self.host._tasks = self.host._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await self.part.stop()

    def fault(self) -> str:
        """Return what is said to be wrong, '' where nothing is."""
        standing = self.host.context.faults.standing()
        return "".join(fault.message for fault in standing if fault.code.code == CODE)

    @property
    def logins(self) -> list[float]:
        activity = self.host.context.activity
        return [login.at for login in activity.logins(0, 1e12)] if activity else []


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(activity_part, "READ_SECONDS", 0.01)
    monkeypatch.setattr(activity_part, "RETRY_SECONDS", 0.01)
    rig = Rig(tmp_path / "data")
    yield rig
    await rig.stop()


def hub_in(rig: Rig) -> HubLife:
    rig.host.folder.mkdir(exist_ok=True)
    return HubLife(rig.host.folder)


async def test_what_the_hub_tells_can_be_asked_for(rig: Rig):
    """Soon after it happened, without anybody doing anything; the figures say how much there is."""
    hub = hub_in(rig)
    hub.tell(NOW, "login", "ann", outcome="success")
    assert rig.host.context.activity is None
    await rig.part.start()
    await rig.until(lambda: rig.logins == [NOW])
    hub.tell(LATER, "login", "ann", outcome="success")
    await rig.until(lambda: rig.logins == [LATER, NOW])
    assert rig.fault() == ""
    await rig.until(lambda: m.ACTIVITY_BYTES._value.get() > 0)


async def test_what_the_look_at_usage_sees(rig: Rig):
    """A server that runs, and that nobody told of, has a session."""
    runs = RunningServer(ServerKey("ann", ""), started=1000.5)
    await rig.part.start()
    server = ServerUsage(runs, Backend.PROCESS, Usage())
    rig.snapshot = UsageSnapshot(1100.0, 1.0, (server,), listed_at=1100.0)
    await rig.until(lambda: rig.host.context.activity)
    activity = rig.host.context.activity
    assert activity is not None
    await rig.until(lambda: activity.sessions(0, 1e12))
    assert activity.sessions(0, 1e12) == [Session("ann", "", 1000.5)]


async def test_a_folder_that_cannot_be_used(rig: Rig):
    """It is said, and tried again until somebody has mended it."""
    rig.host.folder.write_text("in the way")
    await rig.part.start()
    await rig.until(rig.fault)
    assert rig.host.context.activity is None
    rig.host.folder.unlink()
    hub_in(rig).tell(NOW, "login", "ann", outcome="success")
    await rig.until(lambda: rig.logins == [NOW])
    await rig.until(lambda: not rig.fault())


async def test_a_file_that_gets_damaged(rig: Rig):
    """It is set aside while the service runs, said until it is removed, and what comes is kept."""
    hub = hub_in(rig)
    hub.tell(NOW, "login", "ann", outcome="success")
    await rig.part.start()
    await rig.until(lambda: rig.logins == [NOW])
    rig.part._database.close()
    rig.part._database._closed = False  # as if its pages were gone under our hands
    (rig.host.folder / FILE).write_bytes(b"no database any more" * 1000)
    for suffix in ("-wal", "-shm"):
        (rig.host.folder / (FILE + suffix)).unlink(missing_ok=True)
    rig.part._database._writer = rig.part._database._connect("rw")
    await rig.until(lambda: "damaged" in rig.fault() and "Remove" in rig.fault())
    hub.tell(LATER, "login", "ann", outcome="success")
    await rig.until(lambda: rig.logins and rig.logins[0] == LATER)
    (aside,) = rig.host.folder.glob(f"{FILE}.damaged-*Z")
    aside.unlink()
    await rig.until(lambda: not rig.fault())


async def test_a_fault_of_ours(rig: Rig, monkeypatch: pytest.MonkeyPatch):
    """It ends nothing: the service goes on, says so, and tries again."""
    read, broken = Recorder.read, [True]

    def fails(self: Recorder, now: float) -> int:
        if broken[0]:
            raise KeyError("a bug")
        return read(self, now)

    monkeypatch.setattr(Recorder, "read", fails)
    hub_in(rig).tell(NOW, "login", "ann", outcome="success")
    await rig.part.start()
    await rig.until(lambda: "KeyError" in rig.fault())
    assert not rig.host._stopping.is_set()
    broken[0] = False
    await rig.until(lambda: rig.logins == [NOW])
    await rig.until(lambda: not rig.fault())


async def test_the_end(rig: Rig):
    """Nobody is given a file that is being closed."""
    await rig.part.start()
    await rig.until(lambda: rig.host.context.activity)
    await rig.stop()
    assert rig.host.context.activity is None
