"""All processes of this machine, by one pass over `/proc`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from .model import GapReason

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

_PIECE = 2048
"""More than a line of `stat`, so that one read is enough."""


class Process(NamedTuple):
    """What `/proc/PID/stat` says of a process; its threads are counted in it.

    *pid* and *started* together are one process: a pid alone is given to another one later.
    """

    pid: int
    parent: int
    group: int
    session: int
    started: int  # clock ticks since the machine's boot
    ended: bool  # a zombie: its parent has not waited for it yet
    own_ticks: int  # CPU of its own
    reaped_ticks: int  # CPU of the children that it waited for, and of theirs
    resident_pages: int


@dataclass(slots=True)
class ProcessTable:
    """The processes that could be read, by pid, and why others could not."""

    processes: dict[int, Process] = field(default_factory=dict)
    unread: dict[int, GapReason] = field(default_factory=dict)


class ProcessReader:
    """Reads all processes again and again; a line that is as before is not parsed again.

    Most users' servers are idle most of the time. No descriptors are held: that would spare a third
    of the time, but cost the kernel 5 KiB a process, and the service its limit of open files.
    """

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._lines: dict[int, bytes] = {}
        self._before = ProcessTable()

    def read(self, deadline: float) -> ProcessTable:
        """Read every process; one that ends meanwhile is left out.

        `OSError` where *proc* cannot be listed or no more files can be opened, `FileNotFoundError`
        where it has no processes; `TimeoutError` after *deadline*, in monotonic seconds.
        """
        folder = os.open(self._proc, os.O_RDONLY | os.O_CLOEXEC)
        try:
            table, lines = self._pass(folder, deadline)
        finally:
            os.close(folder)
        if not table.processes and not table.unread:
            raise FileNotFoundError
        self._lines, self._before = lines, table
        return table

    def forget(self) -> None:
        """Keep nothing; parse every line anew at the next look."""
        self._lines, self._before = {}, ProcessTable()

    def _pass(self, folder: int, deadline: float) -> tuple[ProcessTable, dict[int, bytes]]:
        table, lines = ProcessTable(), {}
        for pid in list_pids(folder):
            if time.monotonic() > deadline:
                raise TimeoutError
            try:
                lines[pid] = line = read_file(f"{pid}/stat", folder)
                if self._lines.get(pid) == line:
                    table.processes[pid] = self._before.processes[pid]
                else:
                    table.processes[pid] = parse_stat(pid, line)
            except (FileNotFoundError, ProcessLookupError):
                continue
            except PermissionError:
                table.unread[pid] = GapReason.PERMISSION
            except (ValueError, IndexError):
                lines.pop(pid, None)
                table.unread[pid] = GapReason.PROTOCOL
        return table, lines


def read_process(proc: str, pid: int) -> Process | None:
    """Read one process; None where it has ended, or cannot be read."""
    try:
        return parse_stat(pid, read_file(f"{proc}/{pid}/stat"))
    except (OSError, ValueError, IndexError):
        return None


def list_pids(folder: int) -> list[int]:
    """Return the pids of all processes below an open `/proc`. `OSError` where it cannot be."""
    return [int(name) for name in os.listdir(folder) if name.isdecimal()]


def boot_time(proc: str) -> float | None:
    """Return when the machine started, seconds since 1970 by today's clock, or None."""
    try:
        return time.time() - float(read_file(f"{proc}/uptime").split()[0])
    except (OSError, ValueError, IndexError):
        return None


def read_file(path: str, folder: int | None = None) -> bytes:
    """Return a whole file of `/proc`. `OSError` where it cannot be read.

    *path* may begin at an open *folder*, which spares the kernel a seventh of the work.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        whole = os.read(descriptor, _PIECE)
        while len(whole) >= _PIECE and (piece := os.read(descriptor, _PIECE)):
            whole += piece
        return whole
    finally:
        os.close(descriptor)


def parse_stat(pid: int, line: bytes) -> Process:
    """Read what `/proc/PID/stat` says (proc(5)). `ValueError` or `IndexError` where it is nonsense.

    The name of the program stands in parentheses, and may itself hold any character.
    """
    fields = line[line.rindex(b")") + 2 :].split(None, 22)
    return Process(
        pid,
        int(fields[1]),
        int(fields[2]),
        int(fields[3]),
        int(fields[19]),
        fields[0] in b"ZX",
        int(fields[11]) + int(fields[12]),
        int(fields[13]) + int(fields[14]),
        int(fields[21]),
    )
