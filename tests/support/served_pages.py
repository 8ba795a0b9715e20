"""A Hub that never was, served as pages: its series, who runs what now, what happened in months.

with made_up(folder, HubHistory(servers=2000, every=True), people=20_000) as hub:
    with PageServer(hub.context, snapshots=lambda: hub.snapshot) as server:
        server.get("users")
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier
from jupyterhub_monitoring.querier.runner import QueryRunner
from jupyterhub_monitoring.store.store import Store
from jupyterhub_monitoring.usage.model import Backend, RunningServer, ServerKey, Usage
from jupyterhub_monitoring.usage.snapshot import Home, ServerUsage, UsageSnapshot
from support.activity_history import DAY, write_activity
from support.hub_history import GIB, HubHistory
from support.page_server import Context
from support.stores import Clock, open_store


@dataclass(frozen=True)
class MadeUp:
    """What pages are made from."""

    context: Context
    store: Store
    snapshot: UsageSnapshot


@contextmanager
def made_up(
    folder: Path, history: HubHistory | None, *, people: int = 0, days: int = 90
) -> Iterator[MadeUp]:
    """Write *history*, which ends now, and what *people* did in *days*, into *folder*, if any."""
    now = time.time()
    with ExitStack() as opened:
        store = open_store(folder, Clock(round(now * 1000)))
        opened.callback(store.close)
        if history is not None:
            history.write(store, now)
        runner = QueryRunner(Limits())
        opened.callback(runner.close)
        parts = SimpleNamespace(engine=Engine(store, Limits()), store=store, unavailable=None)
        context = Context(querier=EmbeddedQuerier(runner, parts))
        if people:
            context.activity = write_activity(folder, people=people, days=days, now=now)
        names = [f"u{n}" for n in range(history.servers if history else 0)]
        yield MadeUp(context, store, snapshot(now, names))


def snapshot(
    now: float, names: Sequence[str], server_names: Sequence[str] = ("",)
) -> UsageSnapshot:
    """Return a look at a server of each of *names*, no two alike; the first has a home."""
    dice = random.Random(3)
    servers = []
    for index, name in enumerate(names):
        server = RunningServer(
            ServerKey(name, server_names[index % len(server_names)]),
            started=now - dice.random() * 9 * DAY,
            last_activity=now - dice.random() * 2 * DAY,
            profile="large" if index % 3 else "",
            groups=("course", "staff")[: index % 3],
        )
        usage = Usage(
            memory_bytes=dice.random() * 2 * GIB,
            memory_limit_bytes=2.0 * GIB,
            cpu_limit_cores=2.0,
            node=f"node-{index % 4}",
        )
        servers.append(ServerUsage(server, Backend.CGROUP, usage, dice.random()))
    homes = {name: Home(5e9, 1000, now, 8e9) for name in names[:1]}
    return UsageSnapshot(now, 15, tuple(servers), homes)
