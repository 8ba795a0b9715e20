"""The limits of a cgroup: its own, or a tighter one of a cgroup above it."""

from __future__ import annotations

import re
from collections.abc import Callable

from .cgroup_files import read_once
from .cgroup_trees import V2, Tree, Trees

V1_UNLIMITED = 1 << 62
"""v1 has no word for "no limit"; it shows the largest number of whole pages."""

_NUMBERS = re.compile(rb"-?\d{1,20}( \d{1,20})?\n")

LimitOf = Callable[[str], float | None]


class Limits:
    """The limits of all servers in one look at them; each file is read once for it.

    Most limits stand on slices that the servers share.
    """

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._known: dict[tuple[LimitOf, str], float | None] = {}

    def memory_bytes(self, path: str) -> float | None:
        """Return the tightest memory limit of the cgroup at *path*; None where there is none."""
        if "memory" in self._trees:
            return self._tightest(self._trees["memory"], path, _v1_memory)
        return self._tightest(self._trees.get(V2), path, _v2_memory)

    def cpu_cores(self, path: str) -> float | None:
        """Return the tightest CPU quota of the cgroup at *path*; None where there is none."""
        if "cpu" in self._trees:
            return self._tightest(self._trees["cpu"], path, _v1_quota)
        return self._tightest(self._trees.get(V2), path, _v2_quota)

    def _tightest(self, tree: Tree | None, path: str, limit_of: LimitOf) -> float | None:
        tightest: float | None = None
        while tree is not None and (folder := tree.folder(path)) is not None:
            limit = self._limit(limit_of, folder)
            if limit is not None and (tightest is None or limit < tightest):
                tightest = limit
            if not path:
                break
            path = path.rpartition("/")[0]
        return tightest

    def _limit(self, limit_of: LimitOf, folder: str) -> float | None:
        if (limit_of, folder) not in self._known:
            self._known[limit_of, folder] = limit_of(folder)
        return self._known[limit_of, folder]


def _v1_memory(folder: str) -> float | None:
    limit = _numbers(f"{folder}/memory.limit_in_bytes")
    return limit[0] if limit and limit[0] < V1_UNLIMITED else None


def _v2_memory(folder: str) -> float | None:
    limit = _numbers(f"{folder}/memory.max")
    return limit[0] if limit else None


def _v1_quota(folder: str) -> float | None:
    return _cores(_numbers(f"{folder}/cpu.cfs_quota_us") + _numbers(f"{folder}/cpu.cfs_period_us"))


def _v2_quota(folder: str) -> float | None:
    return _cores(_numbers(f"{folder}/cpu.max"))


def _cores(quota_and_period: list[int]) -> float | None:
    if len(quota_and_period) != 2 or min(quota_and_period) <= 0:
        return None
    return quota_and_period[0] / quota_and_period[1]


def _numbers(file: str) -> list[int]:
    """Return the numbers of a line; none where a word (`max`), or nothing, is among them."""
    try:
        line = read_once(file)
    except OSError:
        return []
    return [int(word) for word in line.split()] if _NUMBERS.fullmatch(line) else []
