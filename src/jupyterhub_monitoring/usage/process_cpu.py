"""CPU time of a process tree, which never goes backwards when a process of it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .process_table import Process

Members = Mapping[int, Process]
"""The processes of one server, by pid."""


Reread = Callable[[int], Process | None]
"""Reads one process once more; None where it has ended."""


class TreeClock:
    """Adds up the CPU of one server's processes, look by look.

    The kernel adds a child's time to its parent's when the parent waits for it. Nobody gets it
    where the parent has ended before or ignores SIGCHLD; then what we saw last is kept.
    """

    def __init__(self, reread: Reread) -> None:
        self._reread = reread
        self._before: Members = {}
        self._lost = 0
        self._most = 0

    @property
    def members(self) -> Members:
        """The processes at the last look."""
        return self._before

    def advance(self, members: Members) -> int:
        """Return the CPU ticks of all that ever ran in the tree, as far as anybody knows."""
        if ended := [p for p in self._before.values() if not _lives_on(p, members)]:
            self._lost += self._lost_ticks(ended, members)
        self._before = members
        ticks = self._lost
        for process in members.values():
            ticks += process.own_ticks + process.reaped_ticks
        self._most = max(self._most, ticks)
        return self._most

    def _lost_ticks(self, ended: list[Process], now: Members) -> int:
        """Return the ticks that *ended* had at least, and that no process of *now* was given.

        Whatever an ancestor was given since the last look is taken for theirs, so that no tick is
        counted twice.
        """
        expected: dict[int | None, int] = {}
        for process in ended:
            heir = _heir(process, self._before, now)
            ticks = process.own_ticks + process.reaped_ticks
            expected[heir] = expected.get(heir, 0) + ticks
        lost = expected.pop(None, 0)
        for pid, ticks in expected.items():
            if pid is not None:
                lost += max(0, ticks - self._given(now[pid], ticks))
        return lost

    def _given(self, heir: Process, expected: int) -> int:
        """Return the ticks that *heir* was given since the last look, at most those *expected*.

        It was read earlier than its children, and may have waited for one in between: that shows
        at the next look, and is not lost.
        """
        before = self._before[heir.pid].reaped_ticks
        if heir.reaped_ticks - before >= expected:
            return expected
        later = self._reread(heir.pid)
        if later is None or later.started != heir.started:
            return expected  # it has ended too; what it had is asked of its own heir
        return min(expected, later.reaped_ticks - before)


def _lives_on(process: Process, now: Members) -> bool:
    found = now.get(process.pid)
    return found is not None and found.started == process.started


def _heir(process: Process, before: Members, now: Members) -> int | None:
    """Return the pid of the nearest ancestor that runs still, if it is of the same tree."""
    passed = {process.pid}
    while (parent := before.get(process.parent)) is not None and parent.pid not in passed:
        if _lives_on(parent, now):
            return parent.pid
        passed.add(parent.pid)
        process = parent
    return None
