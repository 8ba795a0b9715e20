"""Whose a process on a GPU is: the server that it descends from, or whose cgroup it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .cgroup_names import cgroup_names
from .gpu import GpuSampler
from .model import Look, RunningServer, ServerKey
from .recorded import recorded_number

MAX_DEPTH = 64
"""Processes between a kernel and its server; a tree deeper than this is nobody's."""


class Owners:
    """Answers for the servers that it was last told of. Reads two small files per ancestor."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._by_pid: dict[int, ServerKey] = {}
        self._by_cgroup: dict[str, ServerKey] = {}

    def know(self, servers: Sequence[RunningServer]) -> None:
        """Take *servers* as all that there are."""
        self._by_pid = {pid: s.key for s in servers if (pid := recorded_number(s, "pid"))}
        self._by_cgroup = {name: s.key for s in servers for name in cgroup_names(s)}

    def of(self, pid: int) -> ServerKey | None:
        """Return whose process *pid* is, None where that is not known."""
        owner = self._in_cgroup(pid)
        for _ in range(MAX_DEPTH):
            if owner is not None or pid <= 1:
                break
            owner, pid = self._by_pid.get(pid), self._parent(pid)
        return owner

    def _in_cgroup(self, pid: int) -> ServerKey | None:
        """Look for a name in the path of the process's cgroup: it may be in one below."""
        if not self._by_cgroup:
            return None
        try:
            text = (self._proc / str(pid) / "cgroup").read_text(errors="surrogateescape")
        except OSError:
            return None
        parts = (part for line in text.splitlines() for part in line.split("/"))
        return next((self._by_cgroup[part] for part in parts if part in self._by_cgroup), None)

    def _parent(self, pid: int) -> int:
        """Return the parent's pid, 0 where there is none or it cannot be read."""
        try:
            stat = (self._proc / str(pid) / "stat").read_bytes()
            return int(stat[stat.rindex(b")") :].split()[2])
        except (OSError, ValueError, IndexError):
            return 0


class ServersGpus(GpuSampler):
    """NVML's numbers, for the servers that are asked about."""

    def __init__(self) -> None:
        self._owners = Owners()
        super().__init__(self._owners.of)

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Look at all GPUs; see `GpuSampler`."""
        self._owners.know(servers)
        return super().sample(servers)
