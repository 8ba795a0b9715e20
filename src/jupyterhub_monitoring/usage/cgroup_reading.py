"""What the files of one cgroup say, in v1, v2, or some of each."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import NamedTuple

from .cgroup_files import Allowance, Folder, field, number, processes_in
from .cgroup_limits import Limits
from .cgroup_trees import V2, Trees
from .model import Gap, GapReason, Look, Usage


class Number(NamedTuple):
    """Where a number stands, and how many of its units make one of ours."""

    controller: str
    file: str
    field: bytes = b""
    per: float = 1


# Each as v1 has it and as v2 has it; the first whose controller is mounted is read.
CPU_SECONDS = (
    Number("cpuacct", "cpuacct.usage", per=1e9),
    Number(V2, "cpu.stat", b"usage_usec", 1e6),
)
THROTTLED_SECONDS = (
    Number("cpu", "cpu.stat", b"throttled_time", 1e9),
    Number(V2, "cpu.stat", b"throttled_usec", 1e6),
)
MEMORY = (
    Number("memory", "memory.usage_in_bytes"),
    Number(V2, "memory.current"),
)
DROPPABLE = (
    Number("memory", "memory.stat", b"total_inactive_file"),
    Number(V2, "memory.stat", b"inactive_file"),
)
MEMORY_PEAK = (
    Number("memory", "memory.max_usage_in_bytes"),
    Number(V2, "memory.peak"),
)
OOM_KILLS = (
    Number("memory", "memory.oom_control", b"oom_kill"),
    Number(V2, "memory.events", b"oom_kill"),
)

CONTROLLERS = ("memory", "cpuacct", "cpu", V2, "name=systemd")
"""Where a cgroup may be; systemd's own hierarchy of v1 has all units, and counts nothing."""

_REASONS = {
    errno.ENOENT: GapReason.GONE,
    errno.ENODEV: GapReason.GONE,  # a file that is held open, of a cgroup that was removed
    errno.EACCES: GapReason.PERMISSION,
    errno.EPERM: GapReason.PERMISSION,
}


class Cgroup:
    """The cgroup at *path*, the same in all hierarchies. `close()` gives its descriptors back."""

    def __init__(self, path: str, trees: Trees, allowance: Allowance) -> None:
        self.path = path
        self._mounted = trees.keys()
        self._folders = {
            controller: Folder(folder, allowance)
            for controller in CONTROLLERS
            if controller in trees and (folder := trees[controller].folder(path)) is not None
        }
        self._texts: dict[tuple[str, str], bytes] = {}

    def look(self, limits: Limits) -> Look:
        """Read now. What no file tells is None; where that is CPU and memory it is a gap."""
        self._texts.clear()
        try:
            there = [folder.path for folder in self._folders.values() if folder.is_there()]
            if not there:
                return Gap(GapReason.GONE, "the cgroup is not there")
            return self._usage(limits, there[0])
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, GapReason.PROTOCOL)
            return Gap(reason, f"the cgroup's files: {os.strerror(error.errno or 0)}")

    def close(self) -> None:
        """Close what is held of all folders."""
        for folder in self._folders.values():
            folder.close()

    def _usage(self, limits: Limits, folder: str) -> Look:
        seconds, memory = self._number(CPU_SECONDS), self._working_set()
        if seconds is None and memory is None:
            return Gap(GapReason.PROTOCOL, "no file of the cgroup tells of CPU or memory")
        return Usage(
            cpu_seconds=seconds,
            cpu_throttled_seconds=self._number(THROTTLED_SECONDS),
            cpu_limit_cores=limits.cpu_cores(self.path),
            memory_bytes=memory,
            memory_peak_bytes=self._number(MEMORY_PEAK),
            memory_limit_bytes=limits.memory_bytes(self.path),
            oom_kills=self._number(OOM_KILLS),
            processes=_process_count(folder),
        )

    def _working_set(self) -> float | None:
        """Return the bytes that the kernel cannot simply drop, as cAdvisor and kubelet count."""
        used, droppable = self._number(MEMORY), self._number(DROPPABLE)
        if used is None or droppable is None:
            return None
        return max(0.0, used - droppable)

    def _number(self, versions: Iterable[Number]) -> float | None:
        wanted = next((each for each in versions if each.controller in self._mounted), None)
        if wanted is None or wanted.controller not in self._folders:
            return None
        text = self._text(wanted.controller, wanted.file)
        found = field(text, wanted.field) if wanted.field else number(text)
        return None if found is None else found / wanted.per

    def _text(self, controller: str, file: str) -> bytes:
        if (controller, file) not in self._texts:
            self._texts[controller, file] = self._folders[controller].read(file)
        return self._texts[controller, file]


def _process_count(folder: str) -> float | None:
    """Return how many processes are in a cgroup: `pids.current` would count threads.

    A v1 hierarchy shows no processes of other pid namespaces: none at all is not known.
    """
    try:
        return float(len(processes_in(folder))) or None
    except OSError:
        return None
