"""A tree of files like `/proc`, and servers whose recorded pid is in it."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.usage.model import RunningServer, ServerKey

FIRST = 4_100_000
"""Pids that no real process has: whether one is hidden is asked of the kernel."""

UPTIME = 100_000.0


@dataclass(frozen=True)
class FakeProcess:
    """What the files of one process say. Times are clock ticks; *session* 0 is the parent's."""

    pid: int
    parent: int = 1
    session: int = 1
    group: int = 1
    state: str = "S"
    name: str = "python"
    user: int = 0
    system: int = 0
    waited_user: int = 0
    waited_system: int = 0
    threads: int = 1
    started: int = 1000
    pages: int = 1
    uid: int = 1000
    cgroup: str = "0::/hub.service"
    environ: Mapping[str, str] = field(default_factory=dict)
    pss_kib: int | None = None

    def stat(self) -> str:
        """The line of `/proc/PID/stat`, of a recent kernel's 52 fields."""
        fields: list[Any] = [0] * 53
        fields[1], fields[2], fields[3] = self.pid, f"({self.name})", self.state
        fields[4], fields[5], fields[6] = self.parent, self.group, self.session
        fields[14], fields[15] = self.user, self.system
        fields[16], fields[17] = self.waited_user, self.waited_system
        fields[20], fields[22], fields[23], fields[24] = self.threads, self.started, 1, self.pages
        return " ".join(map(str, fields[1:])) + "\n"


class FakeProc:
    """The tree below *folder*, with an init; give `str(it)` to what reads `/proc`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "uptime").write_text(f"{UPTIME} 1.0\n")
        self._pids = itertools.count(FIRST)
        self.processes: dict[int, FakeProcess] = {}
        self.put(FakeProcess(1, parent=0, started=1, name="init", uid=0, cgroup="0::/init.scope"))

    def __str__(self) -> str:
        return str(self.folder)

    def put(self, process: FakeProcess) -> FakeProcess:
        """Write the files of a process, or write them anew."""
        files = self.folder / str(process.pid)
        files.mkdir(exist_ok=True)
        (files / "stat").write_text(process.stat())
        (files / "status").write_text(f"Name:\tx\nUid:\t{process.uid}\t0\t0\t0\nGid:\t0\n")
        (files / "cgroup").write_text(process.cgroup + "\n")
        environ = "".join(f"{name}={value}\0" for name, value in process.environ.items())
        (files / "environ").write_text(environ)
        if process.pss_kib is not None:
            (files / "smaps_rollup").write_text(
                "00400000-7fff ---p 00000000 00:00 0 [rollup]\nRss: 9 kB\n"
                f"Pss: {process.pss_kib} kB\nPss_Anon: 1 kB\n"
            )
        self.processes[process.pid] = process
        return process

    def new(self, **fields: Any) -> FakeProcess:
        """Add a process with a pid of its own."""
        return self.put(FakeProcess(next(self._pids), **fields))

    def change(self, process: FakeProcess, **fields: Any) -> FakeProcess:
        """Let other things be said of *process*."""
        return self.put(replace(self.processes[process.pid], **fields))

    def end(self, *processes: FakeProcess) -> None:
        """Remove processes; nobody waited for them."""
        for process in processes:
            shutil.rmtree(self.folder / str(process.pid))
            del self.processes[process.pid]


def server_of(process: FakeProcess, name: str = "ann", **fields: Any) -> RunningServer:
    """Return a server whose spawner recorded *process*."""
    return RunningServer(ServerKey(name, ""), {"pid": process.pid}, **fields)
