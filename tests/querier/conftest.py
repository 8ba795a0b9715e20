"""The same samples in each kind of engine, and who asks them."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier, Endpoint, HttpQuerier, Querier
from jupyterhub_monitoring.querier.runner import QueryRunner
from jupyterhub_monitoring.store.selection import Labels, Row
from jupyterhub_monitoring.store.store import Store
from support.peers import find
from support.prometheus import RealPrometheus
from support.victoria_metrics import RealVictoriaMetrics

AT = 1_700_000_040
SCRAPES = [AT - 1200 + 15 * number + 0.217 for number in range(80)]
"""Every 15 s for 20 minutes, off any grid: windows closed and open on the left mean the same."""

HUB = {"instance": "hub:80", "job": "jupyterhub"}
NOBODY = float("nan")


def samples() -> dict[Labels, list[float]]:
    """Return the values of each series at the scrapes, `NOBODY` where it has none."""
    series: dict[Labels, list[float]] = {}

    def add(name: str, values: Callable[[int], float], **labels: str) -> None:
        key = tuple(sorted({"__name__": name, **HUB, **labels}.items()))
        series[key] = [values(number) for number in range(len(SCRAPES))]

    add("up", lambda _: 1.0)
    add("up", lambda _: 0.0, instance="node:91", job="node")
    for code, by in (("200", 30), ("404", 3), ("500", 0)):
        add("requests_total", lambda i, by=by: 1000.0 + by * i, code=code)
    for le, by in (("0.1", 6), ("1", 12), ("+Inf", 15)):
        add("duration_seconds_bucket", lambda i, by=by: float(by * i), le=le)
    add("memory_bytes", lambda i: 1e9 + 1e6 * (i % 7), user="ann", server="")
    add("memory_bytes", lambda i: 2e9 + 1e5 * i, user='é"\\', server="<b>&'")
    add("memory_bytes", lambda i: 5e8 if 20 <= i < 40 else NOBODY, user="bob", server="")
    return {tuple(pair for pair in key if pair[1]): values for key, values in series.items()}


SAMPLES = samples()


def exposition(scale: int, digits: int) -> str:
    """Return the samples as text, with times in seconds times *scale*."""
    lines = []
    for labels, values in SAMPLES.items():
        pairs = ",".join(f'{k}="{_escaped(v)}"' for k, v in labels if k != "__name__")
        for at, value in zip(SCRAPES, values, strict=True):
            if value == value:  # noqa: PLR0124 -- not NOBODY
                name = dict(labels)["__name__"]
                lines.append(f"{name}{{{pairs}}} {value!r} {at * scale:.{digits}f}")
    return "\n".join([*lines, ""])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


@dataclass
class Parts:
    """A service whose store is open."""

    engine: Any
    store: Any
    unavailable: str | None = None


@contextmanager
def ours(folder: Path) -> Iterator[Parts]:
    """A store of ours with the samples."""
    store = Store.open(folder, now_ms=lambda: AT * 1000)
    ids = store.series_ids(list(SAMPLES))
    table = np.array(list(SAMPLES.values())).T
    rows = []
    for at, row in zip(SCRAPES, table, strict=True):
        there = ~np.isnan(row)
        rows.append(Row(round(at * 1000), ids[there], row[there]))
    store.append(rows)
    engine = Engine(store)
    yield Parts(engine, store)
    engine.close()
    store.close()


@contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """A real Prometheus with the samples, by its URL."""
    file = folder / "samples.om"
    file.write_text(exposition(1, 3) + "# EOF\n")
    command = [find("promtool"), "tsdb", "create-blocks-from", "openmetrics"]
    subprocess.run([*command, file, folder / "data"], check=True, capture_output=True)
    flags = ("--query.max-samples=5000", "--query.timeout=2m")
    with RealPrometheus(str(find("prometheus")), folder, {}, "x", flags=flags) as running:
        yield f"http://127.0.0.1:{running.port}"


@contextmanager
def victoria_metrics(folder: Path) -> Iterator[str]:
    """A real VictoriaMetrics with the samples, by its URL."""
    flags = ("-search.maxSamplesPerQuery=5000", "-search.latencyOffset=0s")
    with RealVictoriaMetrics(folder, flags) as running:
        running.take(exposition(1000, 0))
        yield running.url


ENGINES: dict[str, Callable[[Path], Any]] = {
    "embedded": ours,
    "prometheus": prometheus,
    "victoria-metrics": victoria_metrics,
}
PEERS = {"prometheus": ("prometheus", "promtool"), "victoria-metrics": ("victoria-metrics",)}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.peer(peer) for peer in PEERS.get(name, ())])
        for name in ENGINES
    ],
)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Any]]:
    """Each kind of engine in turn: its name, and our store or its URL."""
    with ENGINES[request.param](tmp_path_factory.mktemp("engine")) as made:
        yield request.param, made


@pytest.fixture
async def querier(engine: tuple[str, Any]) -> AsyncIterator[Querier]:
    """What asks it."""
    _, place = engine
    if isinstance(place, Parts):
        runner = QueryRunner(Limits(max_samples=5_000))
        yield EmbeddedQuerier(runner, place)
        runner.close()
    else:
        asking = HttpQuerier(Endpoint(place, timeout_seconds=60))
        yield asking
        asking.close()
