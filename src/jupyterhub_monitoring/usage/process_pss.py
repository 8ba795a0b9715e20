"""Proportional set size of process trees: a page that n processes share counts 1/n for each.

Reading it makes the kernel walk all page tables of a process, some milliseconds for a JupyterLab,
so that it is done for each server every so many seconds only, and for a few servers at a time.
"""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Callable, Iterable, Mapping

from .model import ServerKey
from .process_table import read_file

log = logging.getLogger(__name__)

_PSS = re.compile(rb"^Pss:\s+(\d+) kB$", re.MULTILINE)


class ProportionalMemory:
    """PSS of servers, each read every *seconds*; at no look many more than that takes."""

    def __init__(
        self, proc: str, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._proc, self._seconds, self._clock = proc, seconds, clock
        self._looked_at: float | None = None
        self._read_at: dict[ServerKey, float] = {}
        self._bytes: dict[ServerKey, int] = {}
        self._told = False

    def look(
        self, servers: Mapping[ServerKey, Iterable[int]], deadline: float
    ) -> Mapping[ServerKey, int]:
        """Return the bytes of those *servers*, given with their pids, of which PSS is known.

        A number is as old as *seconds*, and a look more. Missing are servers that were not read
        yet, and those with a process that we may not read.
        """
        now = self._clock()
        self._read_at = {key: at for key, at in self._read_at.items() if key in servers}
        self._bytes = {key: pss for key, pss in self._bytes.items() if key in servers}
        for key in self._due(servers, now):
            if time.monotonic() > deadline:
                break
            self._read_at[key] = now
            pss = self._sum(servers[key])
            if pss is None:
                self._bytes.pop(key, None)
            else:
                self._bytes[key] = pss
        return self._bytes

    def _due(self, servers: Iterable[ServerKey], now: float) -> list[ServerKey]:
        """Return which to read now: those whose last reading is the oldest, never read ones first.

        As many as bring all of them around in *seconds*.
        """
        keys = list(servers)
        elapsed = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        share = max(1, math.ceil(len(keys) * min(1.0, elapsed / self._seconds)))
        ages = sorted((self._read_at.get(key, -math.inf), key) for key in keys)
        return [key for read_at, key in ages[:share] if now - read_at >= self._seconds]

    def _sum(self, pids: Iterable[int]) -> int | None:
        """Return the bytes of all that run still; None where one may not be read, or none can."""
        sizes = []
        for pid in pids:
            try:
                found = _PSS.search(read_file(f"{self._proc}/{pid}/smaps_rollup"))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has ended, or the kernel is older than 4.14
            except OSError as error:
                self._tell(error)
                return None
            if found is not None:
                sizes.append(int(found[1]) * 1024)
        return sum(sizes) if sizes else None

    def _tell(self, error: OSError) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "PSS cannot be read (%s); the memory of these servers is their RSS. Reading the PSS"
                " of other users' processes takes CAP_SYS_PTRACE",
                error.strerror,
            )
