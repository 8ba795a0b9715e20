"""How long one collection holds the Hub's event loop: ours, the Hub's own, and an idle loop.

    python benchmarks/hub/bench_collector.py [--quick] [--no-postgres]

The databases are real (SQLite in a file, PostgreSQL as a child on a free port) with the Hub's own
schema; the peer is `jupyterhub.metrics.PeriodicMetricsCollector.update_active_users`, which runs
in the loop once an hour. Ours counts more (total users, servers, memory and CPU), once a minute. A
watcher sleeps half a millisecond again and again; the longest that it overslept is the stall. The
contenders take turns, round after round, so that a busy machine disturbs all alike; the control
(`idle`) shows what the machine does to a loop where nothing runs. `writing` rows: the Hub commits
all the time meanwhile; a commit on SQLite waits for readers, so the control commits too.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from jupyterhub import metrics as hubs
from jupyterhub import orm
from jupyterhub.spawner import SimpleLocalProcessSpawner
from sqlalchemy import insert

from jupyterhub_monitoring.hub.collector import PeriodicMetricsCollector
from support.postgres import Postgres

TICK = 0.0005
GOAL_MS = 5.0
SEED = 20261123
USERS = (1_000, 20_000, 100_000)
SERVERS = (1_000, 10_000)
BATCH = 10_000

Contender = Callable[[], Awaitable[None]]


class Stall:
    """The longest time, in seconds, for which the loop did not come back to us."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def watch(self) -> None:
        """Watch until cancelled."""
        last = time.perf_counter()
        while True:
            await asyncio.sleep(TICK)
            now = time.perf_counter()
            self.longest = max(self.longest, now - last - TICK)
            last = now


def make_hub(url: str, users: int, servers: int) -> SimpleNamespace:
    """Return what the collectors use of a Hub: a full database, and spawners in memory."""
    rng, now = random.Random(SEED), datetime.now(timezone.utc).replace(tzinfo=None)
    factory = orm.new_session_factory(url, reset=True)
    db = factory()
    for first in range(0, users, BATCH):
        rows = [
            {
                "name": f"user-{i}",
                "admin": False,
                "last_activity": now - timedelta(days=60 * rng.random())
                if rng.random() > 0.1
                else None,
            }
            for i in range(first, min(users, first + BATCH))
        ]
        db.execute(insert(orm.User), rows)
    db.commit()
    spawners = [SimpleLocalProcessSpawner() for _ in range(servers)]
    for spawner in spawners:
        spawner._server = object()
    return SimpleNamespace(
        db=db,
        db_kwargs={},
        users={i: SimpleNamespace(spawners={"": s}) for i, s in enumerate(spawners)},
        concurrent_spawn_limit=100,
        active_server_limit=0,
        tornado_application=SimpleNamespace(settings={}),
    )


def contenders(app: SimpleNamespace) -> dict[str, Contender]:
    """Return who takes part. Each is called once per round."""
    ours, stock = PeriodicMetricsCollector(app), hubs.PeriodicMetricsCollector(db=app.db)

    took = 0.0

    async def idle() -> None:
        await asyncio.sleep(took)

    async def all_of_ours() -> None:
        nonlocal took
        began = time.perf_counter()
        await ours.collect_metrics()
        took = time.perf_counter() - began  # the control watches for as long

    async def peer() -> None:
        stock.update_active_users()
        app.db.commit()

    return {"idle": idle, "ours": all_of_ours, "stock": peer}


async def one_round(contender: Contender, write: Callable[[], None] | None) -> tuple[float, float]:
    """Return the longest stall and how long the contender took, in milliseconds."""
    gc.collect()
    stall = Stall()
    tasks = [asyncio.ensure_future(stall.watch())]
    if write is not None:
        tasks.append(asyncio.ensure_future(_write_on(write)))
    await asyncio.sleep(0.02)
    stall.longest = 0.0
    began = time.perf_counter()
    await contender()
    took = time.perf_counter() - began
    await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    return 1000 * stall.longest, 1000 * took


async def _write_on(write: Callable[[], None]) -> None:
    while True:
        write()
        await asyncio.sleep(0.002)


def writer(app: SimpleNamespace) -> Callable[[], None]:
    """Return what the Hub does all day: one user's last activity, committed."""
    user = app.db.query(orm.User).first()

    def write() -> None:
        user.last_activity = datetime.now(timezone.utc).replace(tzinfo=None)
        app.db.commit()

    return write


async def measure(app: SimpleNamespace, rounds: int, *, writing: bool) -> dict[str, list[Any]]:
    """Let the contenders take turns."""
    all_of_them, write = contenders(app), writer(app) if writing else None
    seen: dict[str, list[Any]] = {name: [] for name in all_of_them}
    for contender in all_of_them.values():
        await one_round(contender, write)  # warm up: statements compiled, pages cached
    for number in range(rounds):
        names = list(all_of_them)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            seen[name].append(await one_round(all_of_them[name], write))
    return seen


def report(label: str, seen: dict[str, list[Any]]) -> bool:
    """Print one row; tell whether the goal is met."""
    cells = []
    for rounds in seen.values():
        stalls = [stall for stall, _ in rounds]
        cells.append(f"{statistics.median(stalls):8.2f} {max(stalls):8.2f}")
    took = statistics.median(took for _, took in seen["ours"])
    print(f"{label:40s} |" + " |".join(cells) + f" | {took:8.1f}", flush=True)
    return statistics.median(stall for stall, _ in seen["ours"]) <= GOAL_MS


@contextmanager
def databases(folder: Path, *, postgres: bool) -> Iterator[dict[str, str]]:
    """Run the databases; yield their URLs."""
    with ExitStack() as running:
        urls = {"sqlite": f"sqlite:///{folder}/hub.db"}
        if postgres:
            urls["postgresql"] = running.enter_context(Postgres(folder / "pg")).url
        yield urls


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, small sizes")
    parser.add_argument("--no-postgres", action="store_true")
    args = parser.parse_args()
    rounds, users = (5, USERS[:2]) if args.quick else (30, USERS)
    servers = SERVERS[:1] if args.quick else SERVERS
    shapes = [(count, 0) for count in users] + [(users[0], count) for count in servers]
    met = True
    print("longest stall of the loop in ms: median and worst of", rounds, "rounds each")
    print(f"{'':40s} |{'idle':^17s} |{'ours':^17s} |{'stock':^17s} | ours took")
    with (
        tempfile.TemporaryDirectory() as folder,
        databases(Path(folder), postgres=not args.no_postgres) as urls,
    ):
        for database, url in urls.items():
            for user_count, server_count in shapes:
                app = make_hub(url, user_count, server_count)
                label = f"{database} {user_count} users {server_count} servers"
                met &= report(label, asyncio.run(measure(app, rounds, writing=False)))
                if not server_count:
                    report(f"{label}, writing", asyncio.run(measure(app, rounds, writing=True)))
                app.db.close()
                app.db.get_bind().dispose()
    print(
        f"goal: ours <= {GOAL_MS:g} ms in the median (rows without writing):",
        "met" if met else "MISSED",
    )
    return 0 if met else 1


if __name__ == "__main__":
    logging.disable(logging.INFO)
    sys.exit(main())
