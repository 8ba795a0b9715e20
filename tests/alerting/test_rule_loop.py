"""Groups in their rhythm: on time, apart from each other, never twice, and ended quickly."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from jupyterhub_monitoring.alerting.rules import rounds as rounds_module
from jupyterhub_monitoring.alerting.rules.rounds import Rounds
from jupyterhub_monitoring.alerting.rules.rule import RuleGroup
from jupyterhub_monitoring.alerting.rules.rule_loop import GroupLoop
from jupyterhub_monitoring.alerting.rules.schedule import OFFSET_MS
from jupyterhub_monitoring.metrics.alerting_catalogue import RULE_ITERATIONS_MISSED
from support.rules_rig import Rig

PATIENCE = 60.0
"""Seconds that a busy machine gets for what takes milliseconds."""


@dataclass
class Evaluation:
    """A group that does *work* when it is evaluated, and remembers when that was."""

    name: str = "g"
    interval_ms: int = 50
    work: Callable[[], object] = lambda: None
    times: list[int] = field(default_factory=list)
    shifts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.group = RuleGroup("rules.yaml", self.name, ())
        self.key = f"loop;{self.name}"
        self.stopped = threading.Event()

    def evaluate(self, at: int) -> None:
        self.times.append(at)
        self.work()

    def clock_was_set(self, by: int) -> None:
        self.shifts.append(by)

    def stop(self) -> None:
        self.stopped.set()


class Clock:
    """The running event loop's clock, which can be set."""

    def __init__(self) -> None:
        self.ahead = 1_700_000_000_000.0

    def __call__(self) -> float:
        return self.ahead + asyncio.get_running_loop().time() * 1000


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(int(PATIENCE / 0.005)):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def missed(evaluation: Evaluation) -> float:
    return RULE_ITERATIONS_MISSED.labels(evaluation.key)._value.get()


async def test_a_group_is_evaluated_at_its_moments():
    """Each time at a whole interval after the one before, in a thread of its own."""
    here = threading.get_ident()
    threads: set[int] = set()
    evaluation = Evaluation(work=lambda: threads.add(threading.get_ident()))
    told: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        loop = GroupLoop(evaluation, Rounds(pool, 2), Clock(), lambda: told.append(1))
        loop.start()
        await until(lambda: len(told) >= 4)
        await loop.stop()
    steps = {b - a for a, b in zip(evaluation.times, evaluation.times[1:], strict=False)}
    assert all(step > 0 and step % evaluation.interval_ms == 0 for step in steps)
    assert here not in threads


async def test_a_slow_group_holds_up_no_other():
    """The other one goes on in its rhythm; of the slow one the missed moments are counted."""
    go_on = threading.Event()
    slow = Evaluation("slow", work=lambda: go_on.wait(PATIENCE))
    fast = Evaluation("fast")
    before = missed(slow)
    with ThreadPoolExecutor(2) as pool:
        rounds = Rounds(pool, 2)
        loops = [GroupLoop(one, rounds, Clock(), lambda: None) for one in (slow, fast)]
        for loop in loops:
            loop.start()
        await until(lambda: len(slow.times) == 1 and len(fast.times) >= 6)
        assert len(slow.times) == 1
        go_on.set()
        await until(lambda: len(slow.times) >= 2)
        for loop in loops:
            await loop.stop()
    assert missed(slow) - before >= 1
    assert slow.times[1] - slow.times[0] > slow.interval_ms


async def test_groups_of_an_interval_are_due_at_the_same_moments():
    """Each at whole intervals of the clock, so that they are evaluated together."""
    groups = [Evaluation(f"group{n}") for n in range(5)]
    with ThreadPoolExecutor(2) as pool:
        rounds = Rounds(pool, 2)
        loops = [GroupLoop(one, rounds, Clock(), lambda: None) for one in groups]
        for loop in loops:
            loop.start()
        await until(lambda: all(len(one.times) >= 3 for one in groups))
        await asyncio.gather(*[loop.stop() for loop in loops])
    assert {(at - OFFSET_MS) % one.interval_ms for one in groups for at in one.times} == {0}


async def test_a_group_whose_turn_comes_when_a_round_ends_has_it():
    """None is forgotten, whenever it comes."""
    done = 0
    with ThreadPoolExecutor(1) as pool:
        rounds = Rounds(pool, 1)
        for pause in (0.0, 0.0005, 0.001, 0.002) * 25:
            await asyncio.gather(rounds.evaluate(lambda: None), rounds.evaluate(lambda: None))
            waiting = rounds.evaluate(lambda: None)
            await asyncio.sleep(pause)
            await asyncio.wait_for(rounds.evaluate(lambda: None), PATIENCE)
            await asyncio.wait_for(waiting, PATIENCE)
            done += 4
    assert done == 400


@pytest.mark.parametrize(
    ("patience", "expected"), [(PATIENCE, 1), (0.001, 2)], ids=["quick groups", "slow groups"]
)
async def test_groups_at_once(monkeypatch: pytest.MonkeyPatch, patience: float, expected: int):
    """Groups that are due have one thread; where they are slow, all that there are, and no more."""
    monkeypatch.setattr(rounds_module, "PATIENCE_SECONDS", patience)
    at_once, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.01)
        with lock:
            at_once -= 1

    groups = [Evaluation(f"group{n}", work=work) for n in range(20)]
    with ThreadPoolExecutor(2) as pool:
        rounds = Rounds(pool, 2)
        loops = [GroupLoop(one, rounds, Clock(), lambda: None) for one in groups]
        for loop in loops:
            loop.start()
        await until(lambda: all(len(one.times) >= 2 for one in groups))
        await asyncio.gather(*[loop.stop() for loop in loops])
    assert most == expected


async def test_an_evaluation_that_fails_is_followed_by_the_next():
    """A fault of ours ends no group."""

    def fail() -> None:
        raise RuntimeError("a fault")

    evaluation = Evaluation(work=fail)
    with ThreadPoolExecutor(1) as pool:
        loop = GroupLoop(evaluation, Rounds(pool, 2), Clock(), lambda: None)
        loop.start()
        await until(lambda: len(evaluation.times) >= 3)
        await loop.stop()


async def test_a_clock_that_is_set_back_repeats_nothing():
    """The group goes on, at times that it never had, and its alerts wait on."""
    evaluation, clock = Evaluation(interval_ms=40), Clock()
    with ThreadPoolExecutor(1) as pool:
        loop = GroupLoop(evaluation, Rounds(pool, 2), clock, lambda: None)
        loop.start()
        await until(lambda: len(evaluation.times) >= 5)
        clock.ahead -= 160
        seen = len(evaluation.times)
        await until(lambda: len(evaluation.times) >= seen + 10)
        await loop.stop()
    assert len(set(evaluation.times)) == len(evaluation.times)
    assert all(by < 0 for by in evaluation.shifts)


async def test_a_group_that_is_asking_ends_at_once():
    """The query is cancelled; nothing is evaluated afterwards."""
    rig = Rig()
    for at in range(0, 4_000_000, 10_000):
        rig.series.put(at, **{f'a{{i="{i}"}}': at for i in range(2)})
    inner = "a"
    for _ in range(8):
        inner = f"max_over_time({inner}[4000s:1s])"
    group = rig.group(f"- record: r\n  expr: {inner}", head="interval: 20ms")
    clock = Clock()
    clock.ahead = 4_000_000 - asyncio.get_running_loop().time() * 1000
    with ThreadPoolExecutor(1) as pool:
        loop = GroupLoop(group, Rounds(pool, 2), clock, lambda: None)
        loop.start()
        await until(lambda: group._queries._running is not None)
        await asyncio.wait_for(loop.stop(), PATIENCE)
    assert "canceled" in group.runs[0].status.last_error
