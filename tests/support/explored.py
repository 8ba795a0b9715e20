"""A small store to be asked in PromQL: two targets, many series, and names that are not nice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier
from jupyterhub_monitoring.querier.runner import QueryRunner
from jupyterhub_monitoring.store.selection import Labels
from support.page_server import Context
from support.stores import START, STEP, Clock, open_store, put

EVIL = "<img src=x onerror=alert(1)>"
END = START // 1000 + 600
MANY = 700
LIMITS = Limits(max_samples=100_000)


def labelled(name: str, **labels: str) -> Labels:
    return tuple(sorted({"__name__": name, **labels}.items()))


SERIES = {
    labelled("up", job="hub"): 1.0,
    labelled("up", job="self"): 0.0,
    labelled("evil", who=EVIL, quote='"\\'): 0.1234567890123,
    labelled("formula", cell="=1+1"): 2.0,
    labelled("my.metric", job="hub"): 3.0,
    **{labelled("many", n=f"{n:03}"): float(n) for n in range(MANY)},
}
METADATA = {"up": ("gauge", f"Whether it answers. {EVIL}", "")}


@contextmanager
def explored(folder: Path, end: int = END, minutes: int = 10) -> Iterator[Context]:
    """What pages need of a store whose samples are a minute apart, up to *end* (Unix seconds)."""
    clock = Clock(end * 1000 + STEP)
    store = open_store(folder, clock)
    for minute in range(minutes, -1, -1):
        put(store, end * 1000 - minute * STEP, list(SERIES), list(SERIES.values()))
    store.describe(METADATA)
    runner = QueryRunner(LIMITS)
    parts = SimpleNamespace(engine=Engine(store, LIMITS), store=store, unavailable=None)
    yield Context(querier=EmbeddedQuerier(runner, parts))
    runner.close()
    store.close()
