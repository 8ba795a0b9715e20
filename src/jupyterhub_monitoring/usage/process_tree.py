"""Which process belongs to which server, as far as parents tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .model import ServerKey, Usage
from .process_cpu import TreeClock
from .process_table import Process

Processes = Mapping[int, Process]
"""All processes of the machine, by pid."""


@dataclass(eq=False, slots=True)
class ServerTree:
    """The processes of one server, during one of its lives."""

    key: ServerKey
    root: Process  # as it was when it was seen first
    started: float | None  # what the Hub says, seconds since 1970
    clock: TreeClock
    usage: Usage | None = None  # of the last look
    pss: int | None = None  # that it was made with


class Forest:
    """All processes at one look, and the servers' trees among them.

    *owners* has the server of each pid, None where it belongs to none.
    """

    def __init__(self, trees: Sequence[ServerTree], processes: Processes) -> None:
        self.trees, self.processes = trees, processes
        self.owners = _known_owners(trees, processes)
        self.foreign = self._inherit()

    def adopt(self, found: Mapping[int, ServerTree]) -> None:
        """Give processes that have no owner, and what descends from them, to servers."""
        if not found:
            return
        for process in self.foreign:
            del self.owners[process.pid]
        self.owners.update(found)
        self.foreign = self._inherit()

    def members(self) -> dict[ServerTree, dict[int, Process]]:
        """Return the processes of each server, by pid."""
        members: dict[ServerTree, dict[int, Process]] = {tree: {} for tree in self.trees}
        for pid, process in self.processes.items():
            tree = self.owners[pid]
            if tree is not None:
                members[tree][pid] = process
        return members

    def above(self) -> set[int]:
        """Return the pids above the roots: the Hub, its parents, init and what is outside of it.

        The kernel gives orphans to one of these, or to a process of the server.
        """
        above = {0, 1}
        for tree in self.trees:
            pid = self.processes[tree.root.pid].parent
            while pid not in above:
                above.add(pid)
                process = self.processes.get(pid)
                pid = process.parent if process is not None else 0
        return above

    def _inherit(self) -> list[Process]:
        """Give each process without an owner that of its parent. Returns those that have none."""
        owners, foreign = self.owners, []
        for pid, process in self.processes.items():
            if pid not in owners:
                self._climb(process)
            if owners[pid] is None:
                foreign.append(process)
        return foreign

    def _climb(self, process: Process) -> None:
        path = []
        parent: Process | None = process
        while parent is not None and parent.pid not in self.owners:
            # Parents may be a circle, where pids were reused while they were read.
            self.owners[parent.pid] = None
            path.append(parent.pid)
            process, parent = parent, self.processes.get(parent.parent)
            if parent is not None and parent.started > process.started:
                parent = None  # not the parent: that has ended, and its pid was reused
        owner = self.owners[parent.pid] if parent is not None else None
        self.owners.update(dict.fromkeys(path, owner))


def _known_owners(
    trees: Sequence[ServerTree], processes: Processes
) -> dict[int, ServerTree | None]:
    """Return the owners of roots, and of what belonged to a server before, whoever its parent is.

    A root is never another server's, not even where one runs inside the other.
    """
    owners: dict[int, ServerTree | None] = {}
    for tree in trees:
        for pid, seen in tree.clock.members.items():
            process = processes.get(pid)
            if process is not None and process.started == seen.started:
                owners[pid] = tree
    owners.update({tree.root.pid: tree for tree in trees})
    return owners
