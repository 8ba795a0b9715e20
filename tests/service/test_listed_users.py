"""Whom the Hub lists to a token: asked seldom, kept for a while, bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from tornado.web import HTTPError

from jupyterhub_monitoring.errors import ListingError
from jupyterhub_monitoring.service import listed_users
from jupyterhub_monitoring.service.listed_users import ListedUsers


class Hub:
    """Lists two users to every token, says how often it was asked, and has a clock."""

    def __init__(self, reason: str = "", takes_seconds: float = 0) -> None:
        self.asked: list[str] = []
        self.now = 1000.0
        self.reason, self.takes_seconds = reason, takes_seconds
        self.goes_on = threading.Event()
        self.goes_on.set()

    def __call__(self, token: str) -> frozenset[str]:
        self.asked.append(token)
        assert self.goes_on.wait(60)
        self.now += self.takes_seconds
        if self.reason:
            raise ListingError(self.reason, "no list")
        return frozenset({"ben", f"of {token}"})


def both(hub: Hub, work: Callable[[ListedUsers], object]) -> None:
    async def run() -> None:
        await work(ListedUsers(hub, lambda: hub.now))  # type: ignore[misc]

    asyncio.run(run())


def test_each_token_has_its_own_list():
    """One viewer never gets what the Hub lists to another."""
    hub = Hub()

    async def work(listed: ListedUsers) -> None:
        assert await listed.to("a") == {"ben", "of a"}
        assert await listed.to("b") == {"ben", "of b"}

    both(hub, work)


@pytest.mark.parametrize(
    ("takes", "later", "asked"),
    [(0, 59, 1), (0, 61, 2), (2, 190, 1), (2, 210, 2)],
    ids=["within a minute", "after it", "a slow list is kept longer", "not for ever"],
)
def test_kept_for_a_while(takes: float, later: float, asked: int):
    """At most a hundredth of the Hub's time goes into the lists of one viewer."""
    hub = Hub(takes_seconds=takes)

    async def work(listed: ListedUsers) -> None:
        await listed.to("a")
        hub.now += later
        await listed.to("a")
        assert len(hub.asked) == asked

    both(hub, work)


def test_a_page_with_many_parts_asks_once():
    """Requests at the same time share one look, also when the first of them is given up."""
    hub = Hub()

    async def work(listed: ListedUsers) -> None:
        hub.goes_on.clear()
        first, *others = (asyncio.ensure_future(listed.to("a")) for _ in range(10))
        await asyncio.sleep(0)
        first.cancel()
        hub.goes_on.set()
        assert [len(await other) for other in others] == [2] * 9
        assert hub.asked == ["a"]

    both(hub, work)


def test_a_token_that_may_not_list():
    """The Hub's no is an answer: the viewer sees the own, and the Hub is not asked again soon."""
    hub = Hub("permission")

    async def work(listed: ListedUsers) -> None:
        assert [await listed.to("a"), await listed.to("a")] == [frozenset()] * 2
        assert hub.asked == ["a"]

    both(hub, work)


def test_a_hub_that_does_not_answer():
    """That is an error, not an empty group; the next request asks again."""
    hub = Hub("timeout")

    async def work(listed: ListedUsers) -> None:
        for _ in range(2):
            with pytest.raises(HTTPError) as raised:
                await listed.to("a")
            assert raised.value.status_code == 503
        hub.reason = ""
        assert await listed.to("a")

    both(hub, work)


def test_bounded(monkeypatch: pytest.MonkeyPatch):
    """However many viewers there are, so many names are kept, the newest ones."""
    monkeypatch.setattr(listed_users, "KEPT_NAMES", 3 * 102)
    hub = Hub()

    async def work(listed: ListedUsers) -> None:
        for token in "abcde":
            await listed.to(token)
        for token in "edc":
            await listed.to(token)
        assert hub.asked == [*"abcde"]
        await listed.to("a")
        assert hub.asked == [*"abcdea"]

    both(hub, work)
