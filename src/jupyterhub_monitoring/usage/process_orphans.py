"""Whose an orphan is: a process whose parents have ended, so that no parent leads to its server.

Double forks, `setsid`, `nohup`, `tmux` make such. What still tells the server, best first: a
session or process group that was made in the server's tree; a cgroup that only the server has; the
environment that the spawner gave to the server and that its children inherit.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .process_table import Process, read_file
from .process_tree import Forest, ServerTree

Identity = tuple[int, int]
"""A pid and when it started."""

_TELLING = (b"JUPYTERHUB_API_TOKEN=", b"JUPYTERHUB_SERVER_NAME=", b"JUPYTERHUB_USER=")


@dataclass(frozen=True, slots=True)
class Clues:
    """What a server's processes have in common. None: not known."""

    users: frozenset[int]
    cgroup: bytes | None
    environment: bytes | None


class Orphans:
    """Finds the servers of orphans; what belongs to none is looked at once only."""

    def __init__(self, proc: str) -> None:
        self._proc = proc
        self._strangers: set[Identity] = set()
        self._clues: dict[ServerTree, Clues] = {}
        self._secret = os.urandom(32)

    def adopted(self, forest: Forest) -> dict[int, ServerTree]:
        """Return which processes without an owner belong to which server, after all."""
        above = forest.above()
        orphans = [p for p in forest.foreign if p.parent in above and p.pid not in above]
        oldest = min((tree.root.started for tree in forest.trees), default=0)
        new = [
            p for p in orphans if p.started >= oldest and (p.pid, p.started) not in self._strangers
        ]
        found = self._judged(new, forest, above) if new else {}
        self._strangers = {(p.pid, p.started) for p in orphans if p.pid not in found}
        named = set(forest.trees)
        self._clues = {tree: clues for tree, clues in self._clues.items() if tree in named}
        return found

    def _judged(
        self, orphans: list[Process], forest: Forest, above: set[int]
    ) -> dict[int, ServerTree]:
        sessions = own_sessions(forest, above)
        found: dict[int, ServerTree] = {}
        for orphan in orphans:
            tree = sessions.get(orphan.session) or sessions.get(orphan.group)
            if tree is not None:
                found[orphan.pid] = tree
        left = [p for p in orphans if p.pid not in found]
        return {**found, **self._by_clues(left, forest, above)} if left else found

    def _by_clues(
        self, orphans: list[Process], forest: Forest, above: set[int]
    ) -> dict[int, ServerTree]:
        self._gather_clues(forest)
        clues = {tree: self._clues[tree] for tree in forest.trees}
        users = frozenset[int]().union(*(clue.users for clue in clues.values()))
        outside = {self._cgroup(pid) for pid in above} | {self._cgroup("self"), None}
        cgroups = _unshared({tree: clue.cgroup for tree, clue in clues.items()}, outside)
        environments = _unshared({tree: clue.environment for tree, clue in clues.items()}, {None})
        found = {}
        for orphan in orphans:
            user = self._user(orphan.pid)
            if user not in users:
                continue  # nothing of it is read
            for tree in (
                cgroups.get(self._cgroup(orphan.pid)),
                environments.get(self._environment(orphan.pid)),
            ):
                if tree and user in clues[tree].users and orphan.started >= tree.root.started:
                    found[orphan.pid] = tree
                    break
        return found

    def _gather_clues(self, forest: Forest) -> None:
        """Read them, once in a server's life. Below a `sudo` it is the child that has the user."""
        families = {tree.root.pid: [tree.root.pid] for tree in forest.trees}
        for process in forest.processes.values():
            if process.parent in families:
                families[process.parent].append(process.pid)
        for tree in forest.trees:
            if tree not in self._clues:
                root = tree.root.pid
                users = {self._user(pid) for pid in families[root]}
                self._clues[tree] = Clues(
                    frozenset(user for user in users if user is not None),
                    self._cgroup(root),
                    self._environment(root),
                )

    def _user(self, pid: int) -> int | None:
        """Return the real user id of a process."""
        for line in (self._read(pid, "status") or b"").splitlines():
            if line.startswith(b"Uid:"):
                return int(line.split()[1])
        return None

    def _cgroup(self, pid: int | str) -> bytes | None:
        return self._read(pid, "cgroup")

    def _environment(self, pid: int) -> bytes | None:
        """Return a keyed digest of what the spawner told the process; nothing else is kept."""
        environment = self._read(pid, "environ") or b""
        telling = sorted({v for v in environment.split(b"\0") if v.startswith(_TELLING)})
        if not any(value.startswith(b"JUPYTERHUB_USER=") for value in telling):
            return None
        return hashlib.blake2b(b"\0".join(telling), key=self._secret).digest()

    def _read(self, pid: int | str, name: str) -> bytes | None:
        try:
            return read_file(f"{self._proc}/{pid}/{name}")
        except OSError:
            return None


def own_sessions(forest: Forest, above: set[int]) -> dict[int, ServerTree]:
    """Return the sessions and process groups that were made in a server's tree.

    A process has these from its parent or makes them new, so each that a member has was made in
    the tree, unless the root came with it. Those of the last look count too: the shell that made a
    session may have ended since.
    """
    shared = {0}
    for process in map(forest.processes.get, above):
        if process is not None:
            shared |= {process.session, process.group}
    own: dict[int, ServerTree] = {}
    for tree, member in _now_and_before(forest):
        came_with = {tree.root.session, tree.root.group} - {tree.root.pid}
        for number in {member.session, member.group} - came_with - shared:
            # While a session is in use, the pid that made it is given to no other process.
            if number not in forest.processes or forest.owners[number] is tree:
                own[number] = tree
    return own


def _now_and_before(forest: Forest) -> Iterator[tuple[ServerTree, Process]]:
    for tree in forest.trees:
        for member in tree.clock.members.values():
            yield tree, member
    for pid, owner in forest.owners.items():
        if owner is not None:
            yield owner, forest.processes[pid]


def _unshared(
    values: Mapping[ServerTree, bytes | None], outside: set[bytes | None]
) -> dict[bytes | None, ServerTree]:
    """Return the tree of each value that no other tree has, and that is not *outside*."""
    count = Counter(values.values())
    return {
        value: tree for tree, value in values.items() if count[value] == 1 and value not in outside
    }
