"""The periodic collector: what must be asked of the database and the machine, once a minute.

Nothing here holds the Hub's loop: the database and the files of the cgroup are read in threads,
and the servers are counted in short slices.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

from jupyterhub import orm
from jupyterhub.metrics import ACTIVE_USERS, RUNNING_SERVERS, TOTAL_USERS
from sqlalchemy import case, func, select

from ..health.offload import Worker
from ..metrics import catalogue as m
from ..metrics import register_all
from ..metrics.labels import Collector
from .database import SideReader
from .machine import Machine
from .server_count import ServerCount

log = logging.getLogger(__name__)

PERIODS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}

ATTEMPTS = 3
"""How often users are counted anew because one came or went meanwhile."""


class PeriodicMetricsCollector:
    """Collects every *interval* seconds from `start()` to `stop()`; may be started again.

    A collection that fails or takes longer than *timeout* seconds is counted in
    `monitoring_collect_errors_total`; its numbers stay as they were, and the others go on.
    """

    def __init__(self, app: Any, interval: float = 60, timeout: float = 30) -> None:
        self.app = app
        self.interval, self.timeout = interval, timeout
        self.running = False
        self._woken = asyncio.Event()
        self._database = SideReader(app, timeout)
        self._machine = Machine()
        self._machine_worker = Worker("collector-machine")
        self._servers: ServerCount | None = None
        self._collecting: dict[Collector, asyncio.Task[None]] = {}
        self._failing: set[Collector] = set()

    async def start(self) -> None:
        """Collect now and then at each *interval*, until `stop()`. A second start does nothing."""
        if self.running:
            return
        self.running, self._woken = True, (stopped := asyncio.Event())
        register_all()
        due = time.monotonic()
        try:
            while not stopped.is_set():
                await self.collect_metrics()
                due = next_due(due, self.interval, time.monotonic())
                await _wait(stopped, due - time.monotonic())
        finally:
            if self._woken is stopped:  # else it was stopped, and started again
                self.running = False

    def stop(self) -> None:
        """End the rhythm and what is being collected."""
        self.running = False
        self._woken.set()
        for task in self._collecting.values():
            task.cancel()

    async def collect_metrics(self) -> None:
        """Collect all. Never raises; an error is counted.

        One after the other, for two threads at once would hold up the loop twice as long; and
        the database, which may take its time, comes last.
        """
        await self.collect_server_metrics()
        await self.collect_hub_metrics()
        await self.collect_user_metrics()

    async def collect_user_metrics(self) -> None:
        """Count the users, and those who were active, in the database."""
        await self._collect(Collector.USERS, self._users)

    async def collect_server_metrics(self) -> None:
        """Count the servers by state, as each scrape does."""
        await self._collect(Collector.SERVERS, self._count_servers)

    async def collect_hub_metrics(self) -> None:
        """Read the memory and CPU of what bounds the Hub."""
        await self._collect(Collector.HUB, self._hub)

    async def _collect(self, collector: Collector, gather: Callable[[], Awaitable[None]]) -> None:
        """Run *gather* unless it runs already: then wait for that one, whose numbers are ours."""
        task = self._collecting.get(collector)
        if task is None or task.done():
            task = asyncio.ensure_future(self._watched(collector, gather))
            self._collecting[collector] = task
        await asyncio.wait([task])

    async def _watched(self, collector: Collector, gather: Callable[[], Awaitable[None]]) -> None:
        began = time.perf_counter()
        try:
            await asyncio.wait_for(gather(), self.timeout)
        except Exception as error:  # noqa: BLE001 -- the other collectors and the Hub go on
            m.COLLECT_ERRORS.labels(collector.value).inc()
            self._tell_failure(collector, error)
        else:
            m.COLLECT_LAST_SUCCESS.labels(collector.value).set(time.time())
            self._tell_recovery(collector)
        finally:
            seconds = time.perf_counter() - began
            m.COLLECT_DURATION_SECONDS.labels(collector.value).observe(seconds)

    def _tell_failure(self, collector: Collector, error: Exception) -> None:
        """Log the first failure of a row: the counter tells the others."""
        if collector not in self._failing:
            self._failing.add(collector)
            reason = str(error) or f"no answer within {self.timeout:g} s"
            log.warning(
                "Collecting %s failed, its metrics stay as they were: %s: %s",
                collector.value,
                type(error).__name__,
                " ".join(reason.split())[:300],
            )

    def _tell_recovery(self, collector: Collector) -> None:
        if collector in self._failing:
            self._failing.discard(collector)
            log.info("Collecting %s works again", collector.value)

    async def _users(self) -> None:
        """Count until nobody came or went meanwhile, but not forever.

        The Hub itself adds to and takes from `total_users`. Whether the database's answer has such
        a user in it cannot be known, so it is asked again; on a Hub where users come all the time
        the Hub's own number is as good, and stays.
        """
        for _ in range(ATTEMPTS):
            before = TOTAL_USERS._value.get()
            row = await self._database.one(users_query(datetime.now(timezone.utc)))
            if TOTAL_USERS._value.get() == before:
                TOTAL_USERS.set(row.total)
                break
        for period in PERIODS:
            ACTIVE_USERS.labels(period=period).set(getattr(row, f"active_{period}"))

    async def _count_servers(self) -> None:
        monitoring = getattr(self.app, "monitoring", None)
        if monitoring is not None:
            await monitoring.servers.count()
            return
        if self._servers is None:  # a collector on its own, in a Hub without `setup(c)`
            self._servers = ServerCount(self.app)
        await self._servers.count()
        RUNNING_SERVERS.set(self._servers.ready)

    async def _hub(self) -> None:
        usage = await self._machine_worker(self._machine.usage)
        for metric, value in (
            (m.HUB_MEMORY_USAGE_BYTES, usage.memory_used),
            (m.HUB_MEMORY_TOTAL_BYTES, usage.memory_total),
            (m.HUB_CPU_USAGE_PERCENT, usage.cpu_percent),
        ):
            if value is None:
                metric.unknown()
            else:
                metric.set(value)


def users_query(now: datetime) -> Any:
    """Return the query for one row: `total`, and `active_24h` … by the Hub's own definition.

    The column is in UTC without a time zone; so is what we compare it with, for PostgreSQL would
    shift one with a time zone by that of its session.
    """
    naive = now.astimezone(timezone.utc).replace(tzinfo=None)
    seen = orm.User.last_activity
    active = [
        func.count(case((seen >= naive - period, 1))).label(f"active_{name}")
        for name, period in PERIODS.items()
    ]
    return select(func.count().label("total"), *active).select_from(orm.User)


def next_due(due: float, interval: float, now: float) -> float:
    """Return the next beat of the rhythm after *now*: a missed one is not made up for."""
    missed = max(0, int((now - due) // interval))
    return due + interval * (missed + 1)


async def _wait(stopped: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopped.wait(), seconds)
    except asyncio.TimeoutError:
        return
