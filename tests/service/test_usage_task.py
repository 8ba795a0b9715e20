"""The rhythm in which the service looks at usage, and what becomes of a look that fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from jupyterhub_monitoring.health.codes import USAGE_UNKNOWN
from jupyterhub_monitoring.metrics.usage_catalogue import ROUNDS_SKIPPED
from jupyterhub_monitoring.service import usage_task
from jupyterhub_monitoring.service.faults import Faults
from jupyterhub_monitoring.service.usage_task import UsageTask, unknown
from jupyterhub_monitoring.usage.model import Gap, GapReason
from jupyterhub_monitoring.usage.snapshot import UsageSnapshot
from support.usage_fakes import seen, snapshot

AWAY = UsageSnapshot(0.0, 1.0, problem="no connection to the Hub")
GONE, NO_STATE = Gap(GapReason.GONE), Gap(GapReason.NO_STATE)


@dataclass
class FakeCollector:
    """Looks for *seconds*, then says *answer*, or raises it."""

    answer: UsageSnapshot | Exception = field(default_factory=snapshot)
    seconds: float = 0.0
    looked: list[float] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    closed: threading.Event = field(default_factory=threading.Event)

    def look(self) -> UsageSnapshot:
        self.looked.append(time.time())
        self.threads.add(threading.current_thread().name)
        time.sleep(self.seconds)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed.set()


async def run(
    collector: Any, faults: Faults, until: Callable[[], object], interval: float = 0.1
) -> None:
    """Look until something is so."""
    made = UsageTask(collector, faults, interval_seconds=interval, scraped_at_ms=50)
    task = asyncio.ensure_future(made.run())
    await wait_until(until)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def wait_until(condition: Callable[[], object]) -> None:
    for _ in range(6000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to be")


async def test_looks_come_in_a_steady_rhythm():
    """Always at the same place in the interval, in one thread beside the event loop."""
    collector = FakeCollector()
    await run(collector, Faults(), lambda: len(collector.looked) >= 15, interval=0.2)
    places = sorted((at - 0.05) % 0.2 for at in collector.looked)
    assert places[len(places) // 2] < 0.1
    assert collector.threads == {"usage_0"}
    assert collector.closed.wait(2)


async def test_a_slow_look_leaves_looks_out():
    """It is never doubled, and what was left out is counted."""
    collector, before = FakeCollector(seconds=0.35), ROUNDS_SKIPPED._value.get()
    began = time.monotonic()
    await run(collector, Faults(), lambda: ROUNDS_SKIPPED._value.get() - before >= 4)
    assert len(collector.looked) <= (time.monotonic() - began) / 0.35 + 1


async def test_a_look_that_raises_is_followed_by_the_next(caplog):
    """A fault of ours ends neither the rhythm nor the service."""
    collector = FakeCollector(ZeroDivisionError("bug"))
    await run(collector, Faults(), lambda: len(collector.looked) >= 2)
    assert "Looking at the usage of servers failed" in caplog.text


async def test_what_lasts_is_a_fault(monkeypatch):
    """A Hub that restarts is none; one that stays away is, until it is back."""
    faults, collector = Faults(), FakeCollector(AWAY)
    monkeypatch.setattr(usage_task, "PATIENCE_SECONDS", 3600)
    await run(collector, faults, lambda: len(collector.looked) >= 3)
    assert faults.standing() == []
    monkeypatch.setattr(usage_task, "PATIENCE_SECONDS", 0.3)
    task = asyncio.ensure_future(
        run(collector, faults, lambda: collector.answer is not AWAY and not faults.standing())
    )
    await wait_until(faults.standing)
    (fault,) = faults.standing()
    assert (fault.code, "no connection to the Hub" in fault.message) == (USAGE_UNKNOWN, True)
    collector.answer = snapshot()
    await task


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        (snapshot(), None),
        (snapshot(seen("ana")), None),
        (snapshot(seen("ana"), seen("bob", look=GONE)), None),
        (snapshot(seen("bob", look=GONE, ready=False)), None),
        (snapshot(seen("ana", look=GONE), seen("bob", look=GONE)), "what it uses: gone."),
        (snapshot(seen("ana", look=NO_STATE, backend=None)), "admin:server_state"),
        (AWAY, "which servers run is not known: no connection to the Hub."),
    ],
    ids=["none runs", "seen", "one is seen", "ending", "all gaps", "no state", "no listing"],
)
def test_when_nothing_can_be_seen(shown: UsageSnapshot, why: str | None):
    """One server that is known is enough; a sentence says why there is none, and names nobody."""
    told = unknown(shown)
    assert (told is None) == (why is None)
    if why is not None and told is not None:
        assert why in told
        assert "ana" not in told
