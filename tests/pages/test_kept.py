"""Answers that take a while are asked for once, waited for only so long, and not lost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from jupyterhub_monitoring.errors import QueryTimedOut
from jupyterhub_monitoring.pages.kept import LONGEST_SECONDS, MOST, REST, Kept, NotYet

HASTE = 0.001


@dataclass
class Slow:
    """Something that answers when a test says so; *clock* is the time of who keeps it."""

    now: float = 0.0
    asked: int = 0
    cancelled: int = 0
    waiting: list[asyncio.Future[str]] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def ask(self) -> str:
        self.asked += 1
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        try:
            return await answer
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def answer(self, text: str, after: float) -> None:
        self.now += after
        self.waiting.pop(0).set_result(text)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def kept(slow: Slow) -> Kept:
    return Kept(HASTE, slow.clock)


async def test_who_looks_again_gets_what_took_long(slow: Slow, kept: Kept):
    """The first one goes without it; it is asked for once, however many look meanwhile."""
    for _ in range(3):
        with pytest.raises(NotYet):
            await kept.get("key", slow.ask)
    await slow.answer("42", after=3.0)
    slow.now += 15
    assert await kept.get("key", slow.ask) == "42"
    assert slow.asked == 1


async def test_who_looks_at_the_same_moment_asks_once(slow: Slow):
    """Two pages that are made at once wait for the same answer."""
    kept = Kept(60.0, slow.clock)
    both = asyncio.gather(kept.get("key", slow.ask), kept.get("key", slow.ask))
    await asyncio.sleep(0.01)
    await slow.answer("42", after=0.1)
    assert await both == ["42", "42"]
    assert slow.asked == 1


@pytest.mark.parametrize(
    ("took", "good_for"), [(0.01, 0.01 * REST), (1.0, REST), (30.0, LONGEST_SECONDS)]
)
async def test_the_longer_it_took_the_longer_it_is_good(
    slow: Slow, kept: Kept, took: float, good_for: float
):
    """What is quick is always new; what is slow is not asked for all the time."""
    with pytest.raises(NotYet):
        await kept.get("key", slow.ask)
    await slow.answer("old", after=took)
    slow.now += good_for * 0.9
    assert await kept.get("key", slow.ask) == "old"
    assert slow.asked == 1
    slow.now += good_for * 0.2
    await kept.get("key", slow.ask)
    assert slow.asked == 2


async def test_the_answer_before_stands_until_there_is_a_new_one(slow: Slow, kept: Kept):
    """A number does not vanish from the page whenever it is asked for anew."""
    with pytest.raises(NotYet):
        await kept.get("key", slow.ask)
    await slow.answer("old", after=3.0)
    slow.now += 100
    assert await kept.get("key", slow.ask) == "old"
    await slow.answer("new", after=3.0)
    assert await kept.get("key", slow.ask) == "new"


async def test_who_leaves_takes_the_answer_from_nobody(slow: Slow):
    """A page whose reader went away does not end what others wait for."""
    kept = Kept(60.0, slow.clock)
    leaves = asyncio.ensure_future(kept.get("key", slow.ask))
    stays = asyncio.ensure_future(kept.get("key", slow.ask))
    await asyncio.sleep(0.01)
    leaves.cancel()
    await slow.answer("42", after=0.1)
    assert await stays == "42"


async def test_a_failure_is_told_and_not_kept_for_long(kept: Kept):
    """Whoever asks is told why; a moment later it is tried again."""
    tries = 0

    async def fail() -> str:
        nonlocal tries
        tries += 1
        raise QueryTimedOut(60.0)

    for _ in range(2):
        with pytest.raises(QueryTimedOut):
            await kept.get("key", fail)
    assert tries == 2


async def test_there_are_never_more_than_so_many(slow: Slow, kept: Kept):
    """Somebody who asks for other times all the time ends what was asked for long ago."""
    for key in range(MOST + 3):
        with pytest.raises(NotYet):
            await kept.get(key, slow.ask)
    await asyncio.sleep(0)
    assert slow.cancelled == 3
