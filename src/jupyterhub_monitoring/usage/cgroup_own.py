"""Whether a process has a cgroup to itself: then the cgroup's numbers are the server's.

The servers of LocalProcessSpawner share the Hub's cgroup, those of one login its session's. Only a
cgroup in which the server's process is the forefather of all others is its own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from .cgroup_files import processes_in, read_once
from .cgroup_trees import V2, Trees

_SESSION = re.compile(r"session-.*\.scope|init\.scope|user@\d+\.service")


class OwnCgroups:
    """Finds the cgroups of processes in *trees*, on the machine whose /proc is *proc*."""

    def __init__(self, proc: Path, trees: Trees) -> None:
        self._proc = str(proc)
        self._wanted = [name for name in ("memory", "cpuacct") if name in trees] or [V2]
        self._tree = trees.get(self._wanted[0])
        self._ours = self._paths("self")

    def of(self, pid: int) -> str | None:
        """Return the path of the cgroup of *pid*; None where others than it must be in it."""
        paths = self._paths(str(pid))
        path = paths.pop() if len(paths) == 1 else ""
        if not path.startswith("/") or path == "/" or ".." in path.split("/"):
            return None
        if any(f"{our}/".startswith(f"{path}/") for our in self._ours) or not self._ours:
            return None
        return None if _SESSION.fullmatch(path.rpartition("/")[2]) else path

    def is_forefather(self, pid: int, path: str) -> bool:
        """Return whether all processes of the cgroup at *path* descend from *pid*."""
        folder = self._tree.folder(path) if self._tree else None
        if folder is None:
            return False
        try:
            members = set(processes_in(folder))
        except OSError:
            return False
        parents = [self._parent(member) for member in members - {pid}]
        return pid in members and all(parent is None or parent in members for parent in parents)

    def _paths(self, process: str) -> set[str]:
        """Return where a process is in the hierarchies that count memory and CPU."""
        try:
            text = os.fsdecode(read_once(f"{self._proc}/{process}/cgroup"))
        except OSError:
            return set()
        fields = [line.split(":", 2) for line in text.splitlines() if line.count(":") > 1]
        return {
            path for _, names, path in fields if not set(self._wanted).isdisjoint(names.split(","))
        }

    def _parent(self, pid: int) -> int | None:
        """Return the parent of a process; None where the process has ended."""
        try:
            stat = read_once(f"{self._proc}/{pid}/stat")
        except OSError:
            return None
        return int(stat.rpartition(b")")[2].split()[1])
