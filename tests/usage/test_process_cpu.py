"""CPU of a process tree over several looks, while processes come and go."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from jupyterhub_monitoring.usage.process_cpu import TreeClock
from jupyterhub_monitoring.usage.process_table import Process


class P(NamedTuple):
    """A process: its pid, its parent's, its ticks, those of children it waited for, its start."""

    pid: int
    parent: int
    own: int
    reaped: int = 0
    started: int = 1


# Each row: looks in order, and the ticks that the server has used at each.
HISTORIES: dict[str, list[tuple[list[P], int]]] = {
    "a server works": [([P(1, 0, 5)], 5), ([P(1, 0, 9)], 9)],
    "its own time and its children's are both counted": [([P(1, 0, 5, reaped=7), P(2, 1, 3)], 15)],
    "a child that was waited for moves into its parent": [
        ([P(1, 0, 5), P(2, 1, 30)], 35),
        ([P(1, 0, 5, reaped=30)], 35),
    ],
    "what a child used after we saw it last is counted by its parent": [
        ([P(1, 0, 5), P(2, 1, 30)], 35),
        ([P(1, 0, 5, reaped=42)], 47),
    ],
    "a child that lived between two looks only is counted by its parent": [
        ([P(1, 0, 5)], 5),
        ([P(1, 0, 5, reaped=8)], 13),
    ],
    "a child nobody waited for keeps what it had (SIGCHLD ignored)": [
        ([P(1, 0, 5), P(2, 1, 30)], 35),
        ([P(1, 0, 6)], 36),
        ([P(1, 0, 7)], 37),
    ],
    "of two children one was waited for": [
        ([P(1, 0, 0), P(2, 1, 30), P(3, 1, 10)], 40),
        ([P(1, 0, 0, reaped=30)], 40),
    ],
    "a zombie is counted once, before and after its parent waits": [
        ([P(1, 0, 0), P(2, 1, 30)], 30),
        ([P(1, 0, 0), P(2, 1, 31)], 31),
        ([P(1, 0, 0, reaped=31)], 31),
    ],
    "child and grandchild end, one after the other, and are waited for": [
        ([P(1, 0, 1), P(2, 1, 10), P(3, 2, 20)], 31),
        ([P(1, 0, 1, reaped=30)], 31),
    ],
    "the grandchild went to init and ended there": [
        ([P(1, 0, 1), P(2, 1, 10), P(3, 2, 20)], 31),
        ([P(1, 0, 1, reaped=10)], 31),
    ],
    "a daemon lives on under init, then ends": [
        ([P(1, 0, 1), P(2, 1, 10), P(3, 2, 20)], 31),
        ([P(1, 0, 1, reaped=10), P(3, 99, 25)], 36),
        ([P(1, 0, 1, reaped=10)], 36),
        ([P(1, 0, 2, reaped=10)], 37),
    ],
    "what the daemon had waited for stays too": [
        ([P(1, 0, 1), P(3, 99, 25, reaped=4)], 30),
        ([P(1, 0, 1)], 30),
    ],
    "the whole tree but the server is killed, and waited for by init": [
        ([P(1, 0, 1), P(2, 1, 10), P(3, 2, 20), P(4, 3, 30)], 61),
        ([P(1, 0, 1)], 61),
    ],
    "a pid is used again by another child": [
        ([P(1, 0, 0), P(2, 1, 30)], 30),
        ([P(1, 0, 0, reaped=30), P(2, 1, 4, started=2)], 34),
    ],
    "a pid is used again, and nobody waited for the first": [
        ([P(1, 0, 0), P(2, 1, 30)], 30),
        ([P(1, 0, 0), P(2, 1, 4, started=2)], 34),
    ],
    "twenty children end one by one": [
        ([P(1, 0, 0, reaped=3 * n), *(P(9 + k, 1, 3) for k in range(n, 20))], 60) for n in range(21)
    ],
    "a kernel that counts backwards is not followed": [
        ([P(1, 0, 9)], 9),
        ([P(1, 0, 8)], 9),
        ([P(1, 0, 10)], 10),
    ],
    "parents in a circle, read while pids were reused, do not hang us": [
        ([P(1, 0, 1), P(2, 3, 10), P(3, 2, 20)], 31),
        ([P(1, 0, 1)], 31),
    ],
}


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_the_sum_is_what_the_tree_used(history: list[tuple[list[P], int]]) -> None:
    """No tick is counted twice, none is lost that anybody saw, and the sum never falls."""
    now: dict[int, Process] = {}
    clock = TreeClock(now.get)
    sums = []
    for look, _ in history:
        now.clear()
        now.update({p.pid: process(p) for p in look})
        sums.append(clock.advance(dict(now)))
    assert sums == [expected for _, expected in history]
    assert sums == sorted(sums)


# Between the reading of the server and that of its child, the server waited for the child:
# what reading the server once more says, and the sum at the look after.
RACES: dict[str, tuple[P | None, list[P], int]] = {
    "it was given the child's time": (P(1, 0, 5, reaped=31), [P(1, 0, 6, reaped=31)], 37),
    "it was given nothing": (P(1, 0, 5), [P(1, 0, 6)], 36),
    "its pid is another process's": (P(1, 0, 0, started=9), [P(1, 0, 6, reaped=31)], 37),
    "it ended": (None, [P(1, 0, 6, reaped=31)], 37),
}


@pytest.mark.parametrize(("later", "after", "expected"), RACES.values(), ids=RACES)
def test_a_child_that_ends_while_we_read_is_counted_once(
    later: P | None, after: list[P], expected: int
) -> None:
    """No pass over many processes is one moment; what falls in between is not counted twice."""
    clock = TreeClock(lambda _: later and process(later))
    looks = [[P(1, 0, 5), P(2, 1, 30)], [P(1, 0, 5)], after]
    sums = [clock.advance({p.pid: process(p) for p in look}) for look in looks]
    assert sums == [35, 35, expected]


def process(p: P) -> Process:
    return Process(p.pid, p.parent, 0, 0, p.started, False, p.own, p.reaped, 0)
