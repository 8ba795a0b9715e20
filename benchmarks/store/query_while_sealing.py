"""Queries and scrapes while the store seals, beside the same ones while it is idle.

    python benchmarks/store/query_while_sealing.py [SERIES]

Four blocks lie in the head. Each in turn is sealed in a thread while queries go on in this one and
a scrape is appended every 250 ms; before it the same goes on without sealing.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

BLOCK = 7_200_000
START = 200_000 * BLOCK
STEP = 15_000
BLOCKS = 4
METRICS = 50
IDLE_SECONDS = 4.0
SCRAPE_SECONDS = 0.25
RANGE, INSTANT = "sum by (n) (rate(m1[5m])), 1 h", "max(m2), now"


class Load:
    """Queries, and the scrapes beside them, for as long as something lasts."""

    def __init__(self, store: Store, ids: np.ndarray, clock: list[int]) -> None:
        self._store, self._ids, self._clock = store, ids, clock
        self._engine = Engine(store)
        self._next = START + BLOCKS * BLOCK
        self._values = np.arange(float(len(ids)))

    def run(self, goes_on: Callable[[], bool]) -> dict[str, list[float]]:
        """Return the milliseconds of each query and scrape."""
        took: dict[str, list[float]] = {RANGE: [], INSTANT: [], "scrape": []}
        due = time.perf_counter()
        end = START + BLOCKS * BLOCK - 1
        while goes_on():
            self._timed(
                took[RANGE],
                lambda: self._engine.range(
                    "sum by (n) (rate(m1[5m]))", end - 3_600_000, end, 60_000
                ),
            )
            self._timed(took[INSTANT], lambda: self._engine.instant("max(m2)", end))
            if time.perf_counter() >= due:
                due += SCRAPE_SECONDS
                self._timed(took["scrape"], self._scrape)
        return took

    def _scrape(self) -> None:
        self._values += 1
        self._store.append([Row(self._next, self._ids, self._values)])
        self._next += STEP

    @staticmethod
    def _timed(into: list[float], work: Callable[[], object]) -> None:
        began = time.perf_counter()
        work()
        into.append((time.perf_counter() - began) * 1000)


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        clock = [START]
        settings = StoreSettings(settle_seconds=0)
        store = Store.open(Path(name), settings, now_ms=lambda: clock[0])
        ids = fill(store, count)
        load = Load(store, ids, clock)
        until = time.perf_counter() + 1
        load.run(lambda: time.perf_counter() < until)
        idle: dict[str, list[float]] = {}
        sealing: dict[str, list[float]] = {}
        seconds = []
        for block in range(BLOCKS - 1):
            until = time.perf_counter() + IDLE_SECONDS
            gather(idle, load.run(lambda: time.perf_counter() < until))  # noqa: B023
            clock[0] = START + (block + 1) * BLOCK + settings.seal_after_ms
            thread = threading.Thread(target=store.maintain)
            began = time.perf_counter()
            thread.start()
            gather(sealing, load.run(thread.is_alive))
            seconds.append(time.perf_counter() - began)
        report(idle, sealing)
        print(f"sealing {count * BLOCK // STEP:,} samples: {np.median(seconds):.1f} s")
        store.close()


def fill(store: Store, count: int) -> np.ndarray:
    """Append `BLOCKS` blocks; 70 % gauges, 30 % counters. Return the ids."""
    labels = [
        (("__name__", f"m{n % METRICS}"), ("instance", "a"), ("job", "x"), ("n", str(n // METRICS)))
        for n in range(count)
    ]
    ids = store.series_ids(labels)
    chance = np.random.default_rng(7)
    values = chance.integers(0, 1 << 30, count).astype(np.float64)
    counters = np.arange(count) % METRICS < METRICS * 3 // 10
    for n in range(BLOCKS * BLOCK // STEP):
        steps = chance.integers(-5000, 5000, count)
        values = values + np.where(counters, np.abs(steps) // 1000, steps)
        store.append([Row(START + n * STEP, ids, values)])
        if n % 40 == 0:
            store.maintain()
    return ids


def gather(into: dict[str, list[float]], found: dict[str, list[float]]) -> None:
    for name, took in found.items():
        into.setdefault(name, []).extend(took)


def report(idle: dict[str, list[float]], sealing: dict[str, list[float]]) -> None:
    print(f"{'ms: median / most':32} {'idle':>16} {'sealing':>16}  times, of means")
    for name, took in idle.items():
        beside = sealing[name]
        print(
            f"{name:32} {np.median(took):8.1f}/{max(took):7.1f}"
            f" {np.median(beside):8.1f}/{max(beside):7.1f}"
            f"  {np.median(beside) / np.median(took):.2f} {np.mean(beside) / np.mean(took):8.2f}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
