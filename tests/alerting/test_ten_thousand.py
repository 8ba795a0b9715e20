"""A whole building loses its network: one rule fires for ten thousand servers at once.

All of it is the real thing: series on disk, the rules in their rhythm, the notifier with its files.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.alerting.notifying.notifier import Notifier
from jupyterhub_monitoring.alerting.routing.route import Route
from jupyterhub_monitoring.alerting.rules.rule_book import RuleBook
from jupyterhub_monitoring.alerting.rules.schedule import OFFSET_MS
from jupyterhub_monitoring.metrics import alerting_catalogue as m
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.store import Store
from support.notifications import Inbox, names, routing

TOLD, TOO_MANY = 10_000, 500
COURSES = 20
INTERVAL_MS = 15_000  # of a group that says nothing, by default
FILE, GROUP = "network.yaml", "network"
RULES = f"""
groups:
  - name: {GROUP}
    rules:
      - alert: ServerUnreachable
        expr: server_reachable == 0
        labels: {{severity: warning}}
        annotations:
          description: "{{{{ $labels.user }}}} of {{{{ $labels.course }}}}: {{{{ $value }}}}"
"""
MEMORY = 300 << 20
"""What it takes at most beyond what the process had; about 135 MiB where it was measured."""


def clock_before_a_turn() -> Callable[[], float]:
    """A clock that runs as all do, and is a second before the next turn of the group."""
    now = time.time() * 1000
    wanted = OFFSET_MS - 1000
    ahead = (wanted - now) % INTERVAL_MS - INTERVAL_MS
    return lambda: time.time() * 1000 + ahead


class Building:
    """A store with a series for each server, the rule, and two teams who are told."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, clock_before_a_turn()
        self.store = Store.open(folder / "store")
        self.engine = Engine(self.store, threads=1)
        self.writer = ThreadPoolExecutor(1)
        self.team, self.courses = Inbox(), Inbox()
        self.series = self.store.series_ids(
            [
                (("__name__", "server_reachable"), ("course", f"course-{n % COURSES}"),
                 ("instance", "hub"), ("job", "hub"), ("user", f"user-{n}"))
                for n in range(TOLD + TOO_MANY)
            ]
        )  # fmt: skip

    async def set(self, reachable: float) -> None:
        row = Row(int(self.clock()), self.series, np.full(len(self.series), reachable))
        await asyncio.get_running_loop().run_in_executor(self.writer, self.store.append, [row])

    def now_in_store(self, query: str) -> float:
        value = self.engine.instant(query, int(self.clock())).value
        return float(value.values[0, 0])

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[Notifier]:
        """The rule in its rhythm, and the notifier; one route by alert, one by course."""
        root = Route("team", group_by=frozenset({"alertname"}), group_wait=0, group_interval=50)
        course = frozenset({"course"})
        by_course = replace(root, receiver="courses", group_by=course, continues=True, id="a")
        root = replace(root, routes=(by_course, replace(root, id="b")))
        receivers = {"team": [self.team], "courses": [self.courses]}
        notifier = Notifier(self.folder, routing(root), receivers, clock=lambda: int(self.clock()))
        await notifier.start()
        book = RuleBook(
            self.store, self.engine, notifier, texts={FILE: RULES},
            clock=self.clock, poll_seconds=3600,
        )  # fmt: skip
        await book.start()
        try:
            yield notifier
        finally:
            await book.stop()
            await notifier.stop()
            self.writer.shutdown()
            self.engine.close()
            self.store.close()


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Patience:
    """Waits for things, and sees how much memory they take."""

    def __init__(self) -> None:
        self._before = resident_bytes()
        self.most = 0

    async def until(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < end, "not in time"
            self.most = max(self.most, resident_bytes() - self._before)
            await asyncio.sleep(0.01)


async def test_ten_thousand_servers_are_cut_off_at_once_and_come_back(tmp_path: Path):
    """One message by alert and one by course, at the start and at the end; no evaluation is missed.

    Those beyond the limit of one name are counted, and memory is bounded.
    """
    patience, building = Patience(), Building(tmp_path)
    dropped, missed = m.ALERTS_DROPPED, m.RULE_ITERATIONS_MISSED.labels(f"{FILE};{GROUP}")
    dropped_before, missed_before = dropped._value.get(), missed._value.get()
    team, courses = building.team.messages, building.courses.messages
    await building.set(0.0)
    async with building.watched() as notifier:
        await patience.until(lambda: len(team) == 1 and len(courses) == COURSES)
        assert dropped._value.get() - dropped_before == TOO_MANY
        assert building.now_in_store('count(ALERTS{alertstate="firing"})') == TOLD + TOO_MANY
        assert len(notifier.alerts()) == TOLD
        assert len(notifier.groups()) == 1 + COURSES
        await building.set(1.0)
        await patience.until(lambda: len(team) == 2 and len(courses) == 2 * COURSES)
        assert notifier.alerts() == notifier.groups() == []
        await patience.until(lambda: not notifier.queue())
    assert missed._value.get() == missed_before
    assert patience.most < MEMORY
    for told, status in (
        ((team[0], courses[:COURSES]), "firing"),
        ((team[1], courses[COURSES:]), "resolved"),
    ):
        one, by_course = told
        everybody = set(names(one.alerts, "user"))
        assert len(everybody) == len(one.alerts) == TOLD
        in_courses = [user for message in by_course for user in names(message.alerts, "user")]
        assert (len(in_courses), set(in_courses)) == (TOLD, everybody)
        assert {message.status for message in (one, *by_course)} == {status}
