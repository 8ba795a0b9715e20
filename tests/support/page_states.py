"""States that a Hub and its service can be in, each as what the pages get of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.errors import QueryTimedOut, StoreError, StoreNotOpen
from jupyterhub_monitoring.usage.model import Gap, GapReason, RunningServer, ServerKey
from jupyterhub_monitoring.usage.snapshot import ServerUsage, UsageSnapshot
from jupyterhub_monitoring.usage.viewer import Viewer
from support.activities import activity_of
from support.hub_history import HubHistory
from support.page_server import EVERYTHING, Context, PageServer
from support.served_pages import made_up, snapshot

OPENING = "the store is being opened"
PEOPLE = 12
NASTY = (
    """<script>alert(1)</script>""",
    """"><img src=x onerror=alert(1)>""",
    """o'neil "quoted" \\ back""",
    "../../etc/passwd",
    "?a=b&c=d#e%41%",
    "{{ 7 * 7 }} ${7*7}",
    "=1+1",
    "\N{ELEPHANT}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{VARIATION SELECTOR-16}",
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "two\nlines\ttab\N{LINE SEPARATOR}end",
    "l" + "o" * 198 + "g",
    "constructor",
    "None of them",
)
"""What somebody may be called, or call a server."""


class Asked:
    """A querier whose every answer is what *answer* does."""

    def __init__(self, answer: Callable[[], Any]) -> None:
        self._answer = answer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def ask(*_args: Any, **_kwargs: Any) -> Any:
            found = self._answer()
            return await found if asyncio.iscoroutine(found) else found

        return ask


def raising(error: Exception) -> Asked:
    """Return a querier that always fails."""

    def fail() -> None:
        raise error

    return Asked(fail)


class Held:
    """A querier that answers as *querier* does, but not before it is let go."""

    def __init__(self, querier: Any) -> None:
        self._querier, self._goes_on = querier, asyncio.Event()
        self.asked = 0

    def let_go(self, server: PageServer) -> None:
        """Let it answer to *server*, now and later."""
        server.loop.call_soon_threadsafe(self._goes_on.set)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def ask(*question: Any) -> Any:
            self.asked += 1
            await self._goes_on.wait()
            return await getattr(self._querier, name)(*question)

        return ask


class Damaged:
    """An `Activity` whose file cannot be read, nor the `history` in it."""

    @property
    def history(self) -> Damaged:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*_args: Any, **_kwargs: Any) -> None:
            raise StoreError("activity.sqlite is damaged: database disk image is malformed")

        return fail


@dataclass
class State:
    """What pages are made of in one of the states."""

    context: Context
    more: dict[str, Any]

    def serve(self, viewer: Viewer = EVERYTHING) -> PageServer:
        """Return the pages of it, for *viewer*."""
        return PageServer(self.context, viewer, **self.more)


@contextmanager
def state(name: str, folder: Path) -> Iterator[State]:
    """Make the state called *name*, one of `STATES`, in *folder*."""
    history = HubHistory(servers=PEOPLE, hours=2, failures=2, every=True)
    with made_up(folder, history, people=PEOPLE, days=10) as hub:
        found = State(hub.context, {"snapshots": lambda: hub.snapshot})
        found.more["store_stats"] = hub.store.stats
        STATES[name](found)
        yield found


@contextmanager
def new_hub(folder: Path) -> Iterator[State]:
    """Make the first seconds of a Hub: no sample, no server, nothing that happened."""
    with made_up(folder, None) as hub:
        hub.context.activity = activity_of(folder)
        empty = UsageSnapshot(time.time(), 15)
        yield State(hub.context, {"snapshots": lambda: empty, "store_stats": hub.store.stats})


@contextmanager
def nasty_names(folder: Path) -> Iterator[State]:
    """Make a Hub of people and servers with such names."""
    count = len(NASTY)
    history = HubHistory(servers=count, hours=1, names=NASTY, server_names=NASTY, every=True)
    with made_up(folder, history, people=count, days=3) as hub:
        shown = snapshot(time.time(), NASTY, NASTY)
        yield State(hub.context, {"snapshots": lambda: shown})


def _not_open(found: State) -> None:
    found.context.unavailable = OPENING
    found.context.querier = raising(StoreNotOpen(OPENING))
    found.context.activity = None
    found.more["store_stats"] = lambda: None


def _timing_out(found: State) -> None:
    found.context.querier = raising(QueryTimedOut(60.0))


def _failing(found: State) -> None:
    found.context.querier = raising(StoreError("segment 12 is damaged: wrong checksum"))


def _hanging(found: State) -> None:
    found.context.querier = Asked(lambda: asyncio.sleep(3600))


def _without_activity(found: State) -> None:
    found.context.activity = None


def _damaged_activity(found: State) -> None:
    found.context.activity = Damaged()


def _not_sampled(found: State) -> None:
    del found.more["snapshots"]


def _not_looked_at(found: State) -> None:
    found.more["snapshots"] = lambda: None


def _not_seen(found: State) -> None:
    gap = Gap(GapReason.PERMISSION, "may not read /proc")
    server = RunningServer(ServerKey("u0", ""), ready=False)
    old = UsageSnapshot(
        time.time() - 900, 15, (ServerUsage(server, None, gap),), {}, "the Hub does not answer"
    )
    found.more["snapshots"] = lambda: old


def _well(_found: State) -> None:
    pass


STATES: dict[str, Callable[[State], None]] = {
    "well": _well,
    "store not open": _not_open,
    "queries time out": _timing_out,
    "queries fail": _failing,
    "queries hang": _hanging,
    "no activity": _without_activity,
    "activity damaged": _damaged_activity,
    "usage not sampled": _not_sampled,
    "usage not yet looked at": _not_looked_at,
    "usage not seen": _not_seen,
}
