"""Usage by cgroup: systemd units, containers, Slurm jobs, processes with a cgroup to themselves."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .cgroup_files import Allowance
from .cgroup_index import cgroups_by_name
from .cgroup_limits import Limits
from .cgroup_names import cgroup_names, unit_name
from .cgroup_own import OwnCgroups
from .cgroup_reading import Cgroup
from .cgroup_trees import Trees, mounted_trees
from .container import container_id
from .counters import LastingCounters
from .model import Backend, Gap, GapReason, Look, RunningServer, ServerKey, Usage
from .recorded import recorded_number

TIMEOUT_SECONDS = 5.0
INDEX_SECONDS = 5.0
"""The trees are searched for new servers at most this often."""

MOST_DESCRIPTORS = 4096

Identity = tuple[tuple[str, ...], int | None, float | None]
"""The names of a server's cgroup, its pid, when it started: another one is another server."""


@dataclass(frozen=True, slots=True)
class _Watched:
    """A server whose cgroup was found."""

    identity: Identity
    cgroup: Cgroup
    counters: LastingCounters = field(default_factory=LastingCounters)


class CgroupSampler:
    """Reads the cgroups of servers, on the machine whose /proc is *proc*.

    A unit is claimed always, a job where it is found; a container and a process, for which there
    are other backends, where their cgroup can be read.
    """

    backend = Backend.CGROUP

    def __init__(
        self,
        proc: Path = Path("/proc"),
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._proc, self._timeout_seconds, self._clock = proc, timeout_seconds, clock
        self._allowance = Allowance(_descriptors_to_hold())
        self._watched: dict[ServerKey, _Watched] = {}
        self._trees: Trees = mounted_trees(proc)
        self._own = OwnCgroups(proc, self._trees)
        self._index: Mapping[str, str] = {}
        self._searched_at: float | None = None

    def claims(self, server: RunningServer) -> bool:
        """Whether *server* is a unit, or anything else that has a cgroup which we can read."""
        if not self._trees:
            return False
        return self._watch(server) is not None or bool(unit_name(server))

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Read the cgroups of *servers*; those after the time limit are gaps."""
        deadline = self._clock() + self._timeout_seconds
        for key in self._watched.keys() - {server.key for server in servers}:
            self._forget(key)
        limits = Limits(self._trees)
        looks: dict[ServerKey, Look] = {}
        for server in servers:
            if self._clock() >= deadline:
                looks[server.key] = Gap(GapReason.TIMEOUT, "not reached within the time limit")
            else:
                looks[server.key] = self._look(server, limits)
        return looks

    def close(self) -> None:
        """Close all files that are held open."""
        for key in list(self._watched):
            self._forget(key)

    def _look(self, server: RunningServer, limits: Limits) -> Look:
        watched = self._watched.get(server.key)
        if watched is None or watched.identity != _identity(server):
            watched = self._watch(server)
        if watched is None:
            return self._why_not(server)
        look = watched.cgroup.look(limits)
        return watched.counters.carried_on(look) if isinstance(look, Usage) else look

    def _why_not(self, server: RunningServer) -> Gap:
        if not self._trees:
            return Gap(GapReason.UNREACHABLE, "no cgroups are mounted")
        if cgroup_names(server):
            return Gap(GapReason.GONE, "no cgroup has the name of the unit, container or job")
        if recorded_number(server, "pid"):
            return Gap(GapReason.NO_STATE, "the process has no cgroup to itself")
        return Gap(GapReason.NO_STATE)

    def _watch(self, server: RunningServer) -> _Watched | None:
        """Return the cgroup of *server*, found now or before; None where there is none to use."""
        watched, identity = self._watched.get(server.key), _identity(server)
        path = self._path(server, watched if watched and watched.identity == identity else None)
        if watched is not None and (watched.identity, watched.cgroup.path) == (identity, path):
            return watched
        self._forget(server.key)
        if path is None:
            return None
        cgroup = Cgroup(path, self._trees, self._allowance)
        elsewhere = container_id(server) or recorded_number(server, "pid")
        if elsewhere and isinstance(cgroup.look(Limits(self._trees)), Gap):
            cgroup.close()
            return None
        self._watched[server.key] = _Watched(identity, cgroup)
        return self._watched[server.key]

    def _path(self, server: RunningServer, watched: _Watched | None) -> str | None:
        """Return the path of the cgroup of *server*, which is *watched* since an earlier look."""
        names = cgroup_names(server)
        if names:
            return watched.cgroup.path if watched else self._search(names)
        pid = recorded_number(server, "pid")
        path = self._own.of(pid) if pid else None
        if pid is None or path is None or (watched and watched.cgroup.path == path):
            return path
        for key, other in list(self._watched.items()):
            if other.cgroup.path == path and key != server.key:
                self._forget(key)  # it was alone there until now
        return path if self._own.is_forefather(pid, path) else None

    def _search(self, names: Sequence[str]) -> str | None:
        """Return the path of the cgroup with one of *names*, searching again if it is time to."""
        path = self._indexed(names)
        now = self._clock()
        if path is None and (self._searched_at is None or now - self._searched_at >= INDEX_SECONDS):
            self._trees = mounted_trees(self._proc)
            self._index, self._searched_at = cgroups_by_name(self._trees), now
            path = self._indexed(names)
        return path

    def _indexed(self, names: Sequence[str]) -> str | None:
        return next((self._index[name] for name in names if name in self._index), None)

    def _forget(self, key: ServerKey) -> None:
        watched = self._watched.pop(key, None)
        if watched is not None:
            watched.cgroup.close()


def _identity(server: RunningServer) -> Identity:
    return cgroup_names(server), recorded_number(server, "pid"), server.started


def _descriptors_to_hold() -> int:
    """Return how many files may stay open: a part of what the process may have."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else min(MOST_DESCRIPTORS, soft // 4)
