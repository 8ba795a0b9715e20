"""A store with a few series, and the API on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import STALE, Labels, Row
from jupyterhub_monitoring.store.store import Store
from support.api_server import ApiServer, Context

AT = 1_700_000_000
"""The time of the last sample, in seconds; there are 41, every 15 s."""

SERIES: dict[Labels, Callable[[int], float]] = {
    (("__name__", "up"), ("instance", "hub:80"), ("job", "hub")): lambda _: 1.0,
    (("__name__", "up"), ("instance", "node:91"), ("job", "node")): lambda _: 0.0,
    (("__name__", "requests_total"), ("instance", "hub:80"), ("job", "hub"), ("user", 'é"\\')): (
        lambda i: i * 10.5
    ),
    (("__name__", "gone"), ("instance", "hub:80"), ("job", "hub")): (
        lambda i: float(STALE) if i > 20 else 5.0
    ),
    (("__name__", "my.metric"), ("instance", "hub:80"), ("job", "hub"), ("my.label", "x")): (
        lambda i: i / 3
    ),
}

METADATA = {
    "up": ("gauge", "Whether it answers.", ""),
    "requests": ("counter", "Requests.", ""),
    "build": ("info", "", ""),
}


def fill(store: Any) -> None:
    """Write the series, one scrape after the other."""
    ids = store.series_ids(list(SERIES))
    rows = []
    for i in range(41):
        values = np.array([value(i) for value in SERIES.values()])
        rows.append(Row((AT - 600 + 15 * i) * 1000, ids, values))
    store.append(rows)
    store.describe(METADATA)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store.open(tmp_path_factory.mktemp("store"), now_ms=lambda: AT * 1000)
    fill(made)
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(store: Store) -> Iterator[ApiServer]:
    engine = Engine(store)
    with ApiServer(Context(engine, store), prefix="/services/monitoring") as server:
        yield server
    engine.close()
