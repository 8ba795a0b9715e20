"""The process backend's surroundings for the tests that all samplers share: a tree of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyterhub_monitoring.usage.model import RunningServer, UsageSampler
from jupyterhub_monitoring.usage.process import ProcessSampler

from .fake_proc import FakeProc, FakeProcess, server_of


class ProcessRig:
    """Servers of two processes each."""

    def __init__(self, proc: FakeProc) -> None:
        self._proc = proc
        self.time_limit_seconds = 2.0
        self.sampler: UsageSampler = self._sampler()

    def start(self, username: str) -> RunningServer:
        """Start a server that has used some CPU and memory."""
        root = self._proc.new(user=100, pages=1000)
        self._proc.new(parent=root.pid, user=50, pages=500)
        return server_of(root, username)

    def use(self, server: RunningServer) -> None:
        """Let the first process of *server* use CPU, if it is there."""
        root = self._root(server)
        self._proc.change(root, user=root.user + 100)

    def restart(self, server: RunningServer) -> None:
        """End the children; a server that starts again has another pid, and so another state."""
        self._proc.end(*self._children(server))

    def end(self, server: RunningServer) -> None:
        """End the first process of *server* and its children."""
        self._proc.end(*self._children(server), self._root(server))

    def garble(self) -> None:
        """Make every file nonsense."""
        for file in self._proc.folder.glob("*/*"):
            file.write_bytes(b"\x00nonsense)")

    def hang(self) -> None:
        """Let the time be over when the first file is read."""
        self.time_limit_seconds = 0.0
        self.sampler = self._sampler()

    def _sampler(self) -> ProcessSampler:
        return ProcessSampler(
            proc=str(self._proc), time_limit_seconds=self.time_limit_seconds, pss_seconds=60.0
        )

    def _root(self, server: RunningServer) -> FakeProcess:
        return self._proc.processes[server.state["pid"]]

    def _children(self, server: RunningServer) -> list[FakeProcess]:
        pid = server.state["pid"]
        return [process for process in self._proc.processes.values() if process.parent == pid]


@contextmanager
def process_rig(folder: Path) -> Iterator[ProcessRig]:
    """Make the files in a folder."""
    yield ProcessRig(FakeProc(folder / "proc"))
