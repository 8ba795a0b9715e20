"""Usage of servers whose spawner recorded a process id: the process and all that descends from it.

What the kernel does not keep of process trees is not known: limits, OOM kills, and the largest
memory there ever was.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from .model import Backend, Gap, GapReason, Look, RunningServer, ServerKey, Usage
from .process_cpu import TreeClock
from .process_orphans import Orphans
from .process_pss import ProportionalMemory
from .process_table import (
    PAGE_BYTES,
    TICKS_PER_SECOND,
    Process,
    ProcessReader,
    ProcessTable,
    boot_time,
    read_process,
)
from .process_tree import Forest, ServerTree
from .recorded import recorded, recorded_number

PID_LIMIT = 1 << 22
"""No Linux gives a larger pid."""

START_SECONDS = 3600.0
"""How far a process's start may be from what the Hub says: slow hooks, a clock that was set.

Beyond it the process is not the server: it was given the pid of one that has ended.
"""

_ANOTHER = Gap(GapReason.GONE, "the recorded pid is another process's by now")


class ProcessSampler:
    """Looks at process trees below *proc*, where `/proc` is mounted.

    *pss_seconds* above 0 makes `memory_bytes` the proportional set size, read for each server that
    often; it is the resident set size until then, and where PSS may not be read.
    """

    backend = Backend.PROCESS

    def __init__(
        self, *, proc: str = "/proc", pss_seconds: float = 0.0, time_limit_seconds: float = 5.0
    ) -> None:
        self._proc, self._time_limit_seconds = proc, time_limit_seconds
        self._reader = ProcessReader(proc)
        self._trees: dict[ServerKey, ServerTree] = {}
        self._orphans = Orphans(proc)
        self._pss = ProportionalMemory(proc, pss_seconds) if pss_seconds > 0 else None

    def claims(self, server: RunningServer) -> bool:
        """Whether a pid of this machine was recorded. SSHSpawner's is of another one."""
        return _pid(server) is not None

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Look at the processes of all *servers*, by one pass over `/proc`."""
        deadline = time.monotonic() + self._time_limit_seconds
        named = {server.key for server in servers}
        self._trees = {key: tree for key, tree in self._trees.items() if key in named}
        try:
            return self._sample(servers, deadline)
        except TimeoutError:
            gap = Gap(GapReason.TIMEOUT, f"no pass over /proc in {self._time_limit_seconds:g} s")
        except FileNotFoundError:
            gap = Gap(GapReason.UNREACHABLE, "no /proc")
        except PermissionError:
            gap = Gap(GapReason.PERMISSION, "/proc may not be listed")
        except OSError as error:
            gap = Gap(GapReason.UNREACHABLE, f"/proc cannot be read: {error.strerror}")
        return dict.fromkeys(named, gap)

    def close(self) -> None:
        """Forget all servers; nothing is held open between two looks."""
        self._trees = {}
        self._reader.forget()

    def _sample(
        self, servers: Sequence[RunningServer], deadline: float
    ) -> Mapping[ServerKey, Look]:
        if not servers:
            self._reader.forget()
            return {}
        table = self._reader.read(deadline)
        looks: dict[ServerKey, Look] = {}
        trees: dict[int, ServerTree] = {}
        for server, found in self._roots(servers, table):
            if isinstance(found, Gap):
                looks[server.key] = found
            elif trees.setdefault(found.root.pid, found) is not found:
                looks[server.key] = _ANOTHER
        forest = Forest(list(trees.values()), table.processes)
        forest.adopt(self._orphans.adopted(forest))
        members = forest.members()
        pss = self._read_pss(members, deadline)
        for tree, processes in members.items():
            looks[tree.key] = _usage(tree, processes, pss.get(tree.key))
        return looks

    def _roots(
        self, servers: Iterable[RunningServer], table: ProcessTable
    ) -> Iterable[tuple[RunningServer, ServerTree | Gap]]:
        """Find the first process of each server; of two with one pid the latest comes first."""
        boot = boot_time(self._proc)
        for server in sorted(servers, key=lambda server: -(server.started or 0.0)):
            pid = _pid(server)
            if pid is None:
                yield server, Gap(GapReason.NO_STATE, "no pid of this machine is recorded")
            elif (process := table.processes.get(pid)) is None:
                yield server, self._missing(pid, table)
            elif process.ended:
                yield server, Gap(GapReason.GONE, "the recorded process has ended")
            else:
                yield server, self._tree(server, process, boot)

    def _tree(
        self, server: RunningServer, process: Process, boot: float | None
    ) -> ServerTree | Gap:
        """Return the tree below *process*, unless that is not the server's, but has its pid."""
        known = self._trees.get(server.key)
        if known is not None and (known.root.pid, known.started) == (process.pid, server.started):
            return known if known.root.started == process.started else _ANOTHER
        if server.started is not None and boot is not None:
            began = boot + process.started / TICKS_PER_SECOND
            if abs(began - server.started) > START_SECONDS:
                return _ANOTHER
        clock = TreeClock(partial(read_process, self._proc))
        tree = self._trees[server.key] = ServerTree(server.key, process, server.started, clock)
        return tree

    def _missing(self, pid: int, table: ProcessTable) -> Gap:
        reason = table.unread.get(pid)
        if reason is None:
            reason = GapReason.PERMISSION if _is_hidden(pid) else GapReason.GONE
        detail = {
            GapReason.PERMISSION: "/proc does not show us the recorded process (hidepid)",
            GapReason.PROTOCOL: "/proc does not read as proc(5) says",
        }.get(reason, "the recorded process is not there")
        return Gap(reason, detail)

    def _read_pss(
        self, members: Mapping[ServerTree, Mapping[int, Process]], deadline: float
    ) -> Mapping[ServerKey, int]:
        if self._pss is None:
            return {}
        return self._pss.look({tree.key: pids for tree, pids in members.items()}, deadline)


def _pid(server: RunningServer) -> int | None:
    pid = recorded_number(server, "pid")
    if pid is None or pid > PID_LIMIT or recorded(server, "remote_ip") is not None:
        return None
    return pid


def _is_hidden(pid: int) -> bool:
    """Whether there is such a process of another user, though `/proc` does not list it."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _usage(tree: ServerTree, processes: Mapping[int, Process], pss: int | None) -> Usage:
    if tree.usage is not None and tree.pss == pss and tree.clock.members == processes:
        return tree.usage  # an idle server: nothing to add up
    pages = living = 0
    for process in processes.values():
        pages += process.resident_pages
        living += not process.ended
    tree.pss = pss
    tree.usage = Usage(
        cpu_seconds=tree.clock.advance(processes) / TICKS_PER_SECOND,
        memory_bytes=float(pages * PAGE_BYTES if pss is None else pss),
        processes=float(living),
    )
    return tree.usage
