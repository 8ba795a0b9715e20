"""The periodic collector on real databases: right numbers, off the loop, and it comes back."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from jupyterhub import orm
from jupyterhub.metrics import ACTIVE_USERS, RUNNING_SERVERS, TOTAL_USERS
from sqlalchemy import create_engine, insert, text

from jupyterhub_monitoring.hub import collector as collector_module
from jupyterhub_monitoring.hub.collector import PeriodicMetricsCollector, next_due
from jupyterhub_monitoring.metrics import (
    COLLECT_ERRORS,
    COLLECT_LAST_SUCCESS,
    HUB_CPU_USAGE_PERCENT,
    HUB_MEMORY_TOTAL_BYTES,
)
from support.postgres import Postgres

A_BIT = timedelta(minutes=2)  # a slow machine must not move anybody over a boundary
# (how long ago users were active, or None for never): counted in 24h, 7d, 30d
SEEN = [
    None,
    timedelta(0),
    timedelta(hours=24) - A_BIT,
    timedelta(hours=24) + A_BIT,
    timedelta(days=7) - A_BIT,
    timedelta(days=7) + A_BIT,
    timedelta(days=30) - A_BIT,
    timedelta(days=30) + A_BIT,
]
TRUTH = {"total": 8, "24h": 2, "7d": 4, "30d": 6}


def shown() -> dict[str, float]:
    """Return what the gauges show."""
    active = {period: ACTIVE_USERS.labels(period=period)._value.get() for period in list(TRUTH)[1:]}
    return {"total": TOTAL_USERS._value.get(), **active}


def errors(name: str = "users") -> float:
    return COLLECT_ERRORS.labels(name)._value.get()


def hub_like(url: str, **db_kwargs) -> SimpleNamespace:
    """Return what the collector uses of a Hub, with the Hub's real database on *url*."""
    factory = orm.new_session_factory(url, **db_kwargs)
    return SimpleNamespace(
        db=factory(),
        session_factory=factory,
        db_kwargs=db_kwargs,
        users={},
        concurrent_spawn_limit=100,
        active_server_limit=0,
        tornado_application=SimpleNamespace(settings={}),
    )


def add_users(app: SimpleNamespace, seen=SEEN, start: int = 0) -> None:
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    rows = [
        {
            "name": f"u{start + i}",
            "last_activity": ago if ago is None else now - ago,
            "admin": False,
        }
        for i, ago in enumerate(seen)
    ]
    app.db.execute(insert(orm.User), rows)
    app.db.commit()


@asynccontextmanager
async def responsive(limit: float = 1.0):
    """Assert that the loop was never held longer than *limit* seconds; generous for a busy box."""
    worst = 0.0

    async def watch():
        nonlocal worst
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.005)
            worst = max(worst, time.perf_counter() - began - 0.005)

    task = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        task.cancel()
    assert worst < limit, f"the loop was held for {worst:.2f} s"


@pytest.fixture(autouse=True)
def _fresh_gauges():
    TOTAL_USERS.set(-1)
    for period in list(TRUTH)[1:]:
        ACTIVE_USERS.labels(period=period).set(-1)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    with Postgres(tmp_path_factory.mktemp("pg")) as server:
        yield server


@pytest.fixture
def on_postgres(postgres):
    """Make a Hub's empty database on PostgreSQL, and leave none behind."""
    app = hub_like(postgres.url, reset=True)
    app.db_kwargs = {}
    yield app
    app.db.close()
    app.db.get_bind().dispose()


# --- Right numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize("database", ["file", "memory", "wal"])
async def test_users_on_sqlite(tmp_path, database):
    """Total and active users are what the Hub's own definition gives."""
    url = "sqlite:///:memory:" if database == "memory" else f"sqlite:///{tmp_path}/hub.db"
    app = hub_like(url)
    if database == "wal":
        app.db.execute(text("PRAGMA journal_mode=WAL"))
        app.db.commit()
    add_users(app)
    await PeriodicMetricsCollector(app).collect_user_metrics()
    assert shown() == TRUTH


@pytest.mark.peer("postgresql")
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati"])
async def test_users_on_postgresql(postgres, on_postgres, zone):
    """The numbers are the same on PostgreSQL, whatever time zone its sessions have."""
    postgres.query(f"ALTER DATABASE hub SET timezone = '{zone}'")
    add_users(on_postgres)
    await PeriodicMetricsCollector(on_postgres).collect_user_metrics()
    assert shown() == TRUTH


async def test_twenty_thousand_users(tmp_path):
    """Many users are counted right, and the loop is free meanwhile."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    add_users(app, SEEN * 2500)
    collector = PeriodicMetricsCollector(app)
    async with responsive():
        await collector.collect_user_metrics()
    assert shown() == {name: 2500 * count for name, count in TRUTH.items()}


async def test_db_kwargs_of_the_hub_are_ours(tmp_path):
    """What the operator says in `db_kwargs` about the connection and pool keeps us from nothing."""
    app = hub_like(
        f"sqlite:///{tmp_path}/hub.db",
        pool_size=3,
        pool_recycle=60,
        max_overflow=1,
        connect_args={"check_same_thread": False, "cached_statements": 10},
    )
    add_users(app)
    await PeriodicMetricsCollector(app).collect_user_metrics()
    assert shown() == TRUTH


@pytest.mark.peer("postgresql")
async def test_nothing_stays_open_at_the_server(postgres, on_postgres):
    """Between collections no connection of ours is kept, and none is taken from the Hub's pool."""
    pool = on_postgres.db.get_bind().pool
    before = pool.checkedout()
    await PeriodicMetricsCollector(on_postgres).collect_user_metrics()
    assert pool.checkedout() == before
    assert shown()["total"] == 0
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname='hub' AND pid<>pg_backend_pid()"
    await until(lambda: int(postgres.query(count)) <= 1, 5)  # the Hub's own; a backend's exit lags


async def test_the_hubs_transaction_in_memory_is_left_alone():
    """On an in-memory database the Hub's unfinished work is neither saved nor taken back."""
    app = hub_like("sqlite:///:memory:")
    add_users(app)
    app.db.add(orm.User(name="unfinished"))
    assert app.db.in_transaction()
    await PeriodicMetricsCollector(app).collect_user_metrics()
    assert shown()["total"] == TRUTH["total"]
    app.db.rollback()
    assert app.db.query(orm.User).count() == TRUTH["total"]


async def test_in_memory_leaves_no_transaction_open():
    """Where the Hub had no transaction, none of ours stays open."""
    app = hub_like("sqlite:///:memory:")
    await PeriodicMetricsCollector(app).collect_user_metrics()
    assert not app.db.in_transaction()


# --- The Hub adds users meanwhile --------------------------------------------------------------


@pytest.mark.parametrize("when", ["before the answer", "after the answer"])
async def test_a_user_added_during_the_query_is_counted_once(tmp_path, when):
    """A user who comes while we count is neither lost nor counted twice."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    add_users(app)
    TOTAL_USERS.set(TRUTH["total"])
    collector = PeriodicMetricsCollector(app)
    ask, asked = collector._database.one, []

    async def one(query):
        if not asked and when == "before the answer":
            as_the_hub_adds(app)
        row = await ask(query)
        if not asked and when == "after the answer":
            as_the_hub_adds(app)
        asked.append(row)
        return row

    collector._database.one = one
    await collector.collect_user_metrics()
    assert len(asked) == 2
    assert shown()["total"] == TRUTH["total"] + 1


async def test_users_who_come_all_the_time_leave_the_hubs_own_number(tmp_path):
    """Where no count is ever quiet, the Hub's own number stays, and the collection ends."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    add_users(app)
    TOTAL_USERS.set(TRUTH["total"])
    collector = PeriodicMetricsCollector(app)
    ask, asked = collector._database.one, []

    async def one(query):
        row = await ask(query)
        as_the_hub_adds(app, f"late{len(asked)}")
        asked.append(row)
        return row

    collector._database.one = one
    await collector.collect_user_metrics()
    assert len(asked) == collector_module.ATTEMPTS
    assert shown() == {**TRUTH, "total": TRUTH["total"] + len(asked)}


def as_the_hub_adds(app: SimpleNamespace, name: str = "late") -> None:
    """Do what `BaseHandler.user_from_username` does."""
    app.db.add(orm.User(name=name))
    TOTAL_USERS.inc()
    app.db.commit()


# --- Faults ------------------------------------------------------------------------------------

HOLD_LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def said():
    """What the collector logs. Not `caplog`: a new Hub database sets logging up anew (alembic)."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    log, level = collector_module.log, collector_module.log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield lines
    log.removeHandler(handler)
    log.setLevel(level)


async def test_a_database_locked_by_another_process(tmp_path, said):
    """A locked SQLite file is an error after the timeout, not a pause of the Hub; it recovers."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    add_users(app)
    collector, before = PeriodicMetricsCollector(app, timeout=1.5), errors()
    locker = subprocess.Popen(  # noqa: ASYNC220 -- it is there before the loop matters
        [sys.executable, "-c", HOLD_LOCK, str(tmp_path / "hub.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert locker.stdout.readline() == b"locked\n"
        async with responsive():
            await collector.collect_user_metrics()
        assert errors() == before + 1
        assert shown()["total"] == -1, "the number stays as it was"
        await collector.collect_user_metrics()
        assert len(said) == 1, "a fault that goes on is told once"
        assert "Collecting users failed" in said[0]
    finally:
        locker.communicate()
    await recovers(collector)
    assert said[1:] == ["Collecting users works again"]
    assert shown() == TRUTH


async def recovers(collector: PeriodicMetricsCollector, seconds: float = 60) -> None:
    """Collect until it works."""
    deadline = time.monotonic() + seconds
    while True:
        before = errors()
        await collector.collect_user_metrics()
        if errors() == before:
            return
        assert time.monotonic() < deadline, "it did not recover"
        await asyncio.sleep(0.1)


@pytest.mark.peer("postgresql")
async def test_a_query_that_hangs(on_postgres):
    """A table locked by another session: timed out, counted, nothing piles up, and it recovers."""
    add_users(on_postgres)
    collector, before = PeriodicMetricsCollector(on_postgres, timeout=1.5), errors()
    other = create_engine(on_postgres.db.get_bind().url)
    with other.connect() as locker:
        locker.execute(text("LOCK TABLE users IN ACCESS EXCLUSIVE MODE"))
        async with responsive():
            for _ in range(3):
                await collector.collect_user_metrics()
                assert threads_reading() <= 1
        assert errors() == before + 3
        assert shown()["total"] == -1
        waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        await until(lambda: locker.execute(waiting).scalar() == 0, 30)  # the server has ended it
    other.dispose()
    await recovers(collector)
    assert shown() == TRUTH


def threads_reading() -> int:
    return sum("collector-database" in thread.name for thread in threading.enumerate())


async def test_a_read_that_never_returns_is_skipped_not_piled_up(tmp_path):
    """While a read hangs, later ones fail at once; when it ends, the next one works."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    add_users(app)
    collector, before = PeriodicMetricsCollector(app, timeout=0.2), errors()
    go_on, begun, read = threading.Event(), [], collector._database._one

    def hang(query):
        begun.append(query)
        go_on.wait(30)
        return read(query)

    collector._database._one = hang
    await collector.collect_user_metrics()
    began = time.monotonic()
    for _ in range(50):
        await collector.collect_user_metrics()
    assert time.monotonic() - began < 5, "no further one waits"
    assert errors() == before + 51
    assert len(begun) == 1
    go_on.set()
    await recovers(collector)
    assert shown() == TRUTH


@pytest.mark.peer("postgresql")
async def test_a_server_that_stops_and_starts_again(postgres, on_postgres):
    """A stopped server is an error, quickly, and the numbers stay; it recovers by itself."""
    add_users(on_postgres)
    collector = PeriodicMetricsCollector(on_postgres, timeout=5)
    await collector.collect_user_metrics()
    before = errors()
    postgres.stop("fast")  # "immediate" would lose rows: fsync is off
    try:
        async with responsive():
            await collector.collect_user_metrics()
            await collector.collect_user_metrics()
        assert errors() == before + 2
        assert shown() == TRUTH, "the numbers stay as they were"
    finally:
        postgres.start()
    add_users(on_postgres_again(on_postgres), [None], start=100)
    await recovers(collector)
    assert shown() == {**TRUTH, "total": TRUTH["total"] + 1}


def on_postgres_again(app: SimpleNamespace) -> SimpleNamespace:
    app.db.rollback()
    app.db.get_bind().dispose()
    return app


async def test_one_that_fails_leaves_the_others(tmp_path, monkeypatch):
    """Without a database the machine and the servers are collected all the same."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    app.db.execute(text("DROP TABLE users"))
    app.db.commit()
    collector = PeriodicMetricsCollector(app)
    before = {name: errors(name) for name in ("users", "servers", "hub")}
    began = time.time()
    await collector.collect_metrics()
    assert {name: errors(name) - n for name, n in before.items()} == {
        "users": 1,
        "servers": 0,
        "hub": 0,
    }
    for name in ("servers", "hub"):
        assert COLLECT_LAST_SUCCESS.labels(name)._value.get() >= began
    assert HUB_MEMORY_TOTAL_BYTES._value.get() > 0


async def test_two_collections_at_once_are_one(tmp_path):
    """Who asks while a collection runs gets its numbers, without a second query."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    add_users(app)
    collector, before = PeriodicMetricsCollector(app), errors()
    ask, asked = collector._database.one, []

    async def one(query):
        asked.append(query)
        await asyncio.sleep(0.05)
        return await ask(query)

    collector._database.one = one
    await asyncio.gather(*[collector.collect_metrics() for _ in range(5)])
    assert (len(asked), errors(), shown()) == (1, before, TRUTH)


# --- Servers and machine -----------------------------------------------------------------------


def spawner(state: str) -> SimpleNamespace:
    pending = {"spawning": "spawn", "stopping": "stop"}.get(state)
    return SimpleNamespace(pending=pending, ready=state == "ready", active=bool(state))


async def test_servers_without_setup(tmp_path):
    """A collector on its own, as on the page, sets the servers too."""
    app = hub_like("sqlite:///:memory:")
    states = ["ready", "ready", "spawning", "stopping", ""]
    app.users = {
        i: SimpleNamespace(spawners={"": spawner(state)}) for i, state in enumerate(states)
    }
    RUNNING_SERVERS.set(-1)
    await PeriodicMetricsCollector(app).collect_server_metrics()
    assert RUNNING_SERVERS._value.get() == 2
    assert collector_module.m.PENDING_SERVERS._value.get() == 2


async def test_cpu_appears_with_the_second_collection():
    """CPU is a gap at first, for it is since the last collection, and a share after that."""
    collector = PeriodicMetricsCollector(hub_like("sqlite:///:memory:"))
    await collector.collect_hub_metrics()
    assert HUB_CPU_USAGE_PERCENT.collect()[0].samples == []
    await asyncio.sleep(0.2)
    await collector.collect_hub_metrics()
    assert 0 <= HUB_CPU_USAGE_PERCENT.collect()[0].samples[0].value <= 101


# --- Rhythm ------------------------------------------------------------------------------------


async def test_starts_at_once_stops_and_starts_again(tmp_path):
    """`start` collects at once and goes on until `stop`; after that it may be started again."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    collector = PeriodicMetricsCollector(app, interval=0.2)
    for round_ in range(2):
        add_users(app, SEEN, start=100 * round_)
        task = asyncio.ensure_future(collector.start())
        await until(lambda total=8 * (round_ + 1): shown()["total"] == total, 60)
        add_users(app, [None], start=100 * round_ + 50)
        await until(lambda total=8 * (round_ + 1) + 1: shown()["total"] == total, 60)
        collector.stop()
        await asyncio.wait_for(task, 20)
        assert not collector.running
        app.db.execute(text("DELETE FROM users WHERE name = :n"), {"n": f"u{100 * round_ + 50}"})
        app.db.commit()
        TOTAL_USERS.set(-1)
        await asyncio.sleep(0.5)
        assert shown()["total"] == -1, "nothing is collected after stop()"


async def test_stop_does_not_wait_for_a_query_that_hangs(tmp_path):
    """The Hub's shutdown waits for no query; nor does the end of its process."""
    app = hub_like(f"sqlite:///{tmp_path}/hub.db")
    collector = PeriodicMetricsCollector(app, timeout=60)
    go_on = threading.Event()
    collector._database._one = lambda query: go_on.wait(30)
    task = asyncio.ensure_future(collector.start())
    await until(lambda: threads_reading() == 1, 60)
    assert all(t.daemon for t in threading.enumerate() if "collector" in t.name)
    collector.stop()
    await asyncio.wait_for(task, 20)
    go_on.set()


async def test_a_second_start_does_nothing(tmp_path):
    """Two rhythms never run beside each other."""
    collector = PeriodicMetricsCollector(hub_like(f"sqlite:///{tmp_path}/hub.db"))
    task = asyncio.ensure_future(collector.start())
    await asyncio.sleep(0)
    await asyncio.wait_for(collector.start(), 20)
    assert not task.done()
    collector.stop()
    await asyncio.wait_for(task, 20)


async def until(what, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("now", "expected"),
    [(100, 160), (101, 160), (159.9, 160), (160, 220), (301, 340)],
    ids=["at-once", "soon", "late", "just-missed", "missed-three"],
)
def test_rhythm(now, expected):
    """Beats stay where they are, however long a collection takes; missed ones are not made up."""
    assert next_due(100, 60, now) == expected


# --- A real Hub --------------------------------------------------------------------------------

OFTEN = "c.Monitoring.collect_interval_seconds = 1"


def test_a_real_hub(make_hub):
    """In a real Hub the numbers are there at start, and follow users who come and go."""
    hub = make_hub(config=OFTEN).start()
    wait_for(hub, "total_users", 1, "the admin")
    for name in ("ann", "ben", "cid"):
        assert hub.post(f"hub/api/users/{name}").status == 201
    wait_for(hub, "total_users", 4, "three more")
    hub.login("ann")
    wait_for(hub, "active_users", 1, "one was active", period="24h")
    assert hub.delete("hub/api/users/ben").status == 204
    wait_for(hub, "total_users", 3, "one was deleted")
    assert hub.metric("hub_memory_total_bytes") > 0
    assert hub.metric("hub_cpu_usage_percent") is not None
    for name in ("users", "servers", "hub"):
        success = hub.metric("monitoring_collect_last_success_timestamp_seconds", collector=name)
        assert success == pytest.approx(time.time(), abs=60)
        assert hub.metric("monitoring_collect_errors_total", collector=name) == 0
    hub.stop()
    hub.start()
    wait_for(hub, "total_users", 3, "after a restart")


def wait_for(hub, name: str, value: float, why: str, **labels: str) -> None:
    deadline = time.monotonic() + 90
    while (got := hub.metric(name, **labels)) != value:
        assert time.monotonic() < deadline, f"{why}: {name} is {got}, not {value}\n{hub.log}"
        time.sleep(0.2)
