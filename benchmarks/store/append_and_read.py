"""The store with 20,000 live series: appending, reading, opening, sealing, memory.

    python benchmarks/store/append_and_read.py [SERIES]

Two hours at 15 s, with the maintenance that a service does each minute: 70 % gauges, 30 % counters.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.store.matcher import Matcher, MatchType
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

START = 200_000 * 7_200_000
STEP = 15_000
ROUNDS = 480
METRICS = 50


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def resident_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def read_all(store: Store, now: int) -> int:
    tiles = store.select([], 0, now).tiles
    return sum(tile.rows(slice(None)).size for tile in tiles)


def main(count: int) -> None:
    clock = [START]
    settings = StoreSettings(settle_seconds=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = Store.open(folder, settings, now_ms=lambda: clock[0])
        labels = [
            tuple(
                sorted(
                    {
                        "__name__": f"metric_{n % METRICS}",
                        "instance": "hub:8081",
                        "job": "hub",
                        "user": f"user{n // METRICS}",
                    }.items()
                )
            )
            for n in range(count)
        ]
        before = resident_mib()
        print(f"{count} new series       {timed(lambda: store.series_ids(labels)):8.1f} ms")
        ids = store.series_ids(labels)
        append(store, clock, ids)
        print(f"resident, above empty  {resident_mib() - before:8.0f} MiB")
        report_reading(store, clock[0], "head")
        store.close()
        opened: list[Store] = []
        took = timed(lambda: opened.append(Store.open(folder, settings, now_ms=lambda: clock[0])))
        print(f"open, {ROUNDS} rows         {took:8.1f} ms")
        (store,) = opened
        clock[0] += 7_200_000
        print(f"seal {count * ROUNDS:,}     {timed(store.maintain):8.1f} ms")
        report_reading(store, clock[0], "pages")
        stats = store.stats()
        print(f"bytes a sample         {stats.page_bytes / stats.samples:8.3f}")
        print(f"file                   {stats.bytes / 2**20:8.1f} MiB")
        store.close()
    print(
        f"most resident          {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f}"
    )


def append(store: Store, clock: list[int], ids: np.ndarray) -> None:
    chance = np.random.default_rng(7)
    values = chance.integers(0, 1 << 30, len(ids)).astype(np.float64)
    counters = np.arange(len(ids)) % METRICS < METRICS * 3 // 10
    spent: list[float] = []
    for n in range(ROUNDS):
        steps = chance.integers(-5000, 5000, len(ids))
        values = values + np.where(counters, np.abs(steps) // 1000, steps)
        began = time.thread_time()
        store.append([Row(clock[0], ids, values)])
        spent.append((time.thread_time() - began) * 1000)
        clock[0] += STEP
        if n % 4 == 3:
            store.maintain()
    print(f"append, CPU median     {np.median(spent):8.2f} ms, most {max(spent):.1f}")


def report_reading(store: Store, now: int, where: str) -> None:
    tenth = [Matcher("user", MatchType.REGEX, "user[0-9]{1,2}")]
    cold = timed(lambda: read_all(store, now))
    warm = min(timed(lambda: read_all(store, now)) for _ in range(3))
    rate = read_all(store, now) / warm / 1000
    print(f"all samples, {where:6}    {cold:8.1f} ms, again {warm:.1f} ms ({rate:.0f} M/s)")
    store.select(tenth, 0, now)
    found = len(store.select(tenth, 0, now).labels)
    warm = min(timed(lambda: store.select(tenth, 0, now)) for _ in range(20))
    print(f"select of {found} series  {warm:8.2f} ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
