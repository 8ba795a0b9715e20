"""Range queries of the engine alone: decoded samples in memory, no store and no HTTP.

Run: python benchmarks/promql/engine_in_memory.py [--shape 2k|20k|2k-churn] [--runs 5] [--profile N]
Prints the median milliseconds of each query, which is what a profile is held against; how it
compares with other engines is measured over HTTP (benchmarks/query).
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import ABSENT, Selection
from support.memory_store import MemoryStore, Target

SHAPES = {"2k": (2_000, 24), "20k": (20_000, 6), "2k-churn": (2_000, 24)}
"""Series and hours, at a sample each 15 s; with churn, half of the servers come and go."""

START_MS = 1_700_000_000_000
QUERIES = {
    "sum by rate": "sum by (handler) (rate(request_seconds_bucket[5m]))",
    "sum by user rate": "sum by (user) (rate(server_cpu_seconds_total[5m]))",
    "histogram_quantile": "histogram_quantile(0.95, sum by (le, handler) "
    "(rate(request_seconds_bucket[5m])))",
    "topk": "topk(10, server_memory_bytes)",
    "avg_over_time": "avg by (node) (avg_over_time(server_memory_bytes[10m]))",
    "max_over_time": "max by (node) (max_over_time(server_memory_bytes[1h]))",
    "count up": "count by (node) (server_up == 1)",
    "ratio": "sum(rate(request_seconds_bucket{le='+Inf'}[5m])) / "
    "sum(rate(request_seconds_bucket{le='1'}[5m]))",
    "quantile of ratio": "quantile(0.9, server_memory_bytes / server_memory_limit_bytes)",
    "one user's rate": "rate(server_cpu_seconds_total{user='user-7'}[5m])",
    "churning sum by rate": "sum by (node) (rate(server_cpu_seconds_total[5m]))",
}
RESOURCES = ("server_cpu_seconds_total", "server_memory_bytes", "server_memory_limit_bytes")


class Prepared(MemoryStore):
    """Cuts its tiles once for each selection, as a store whose pages are decoded would."""

    def __init__(self, targets: list[Target]) -> None:
        super().__init__(targets)
        self._known: dict[tuple[object, ...], Selection] = {}

    def select(self, matchers, start_ms, end_ms):
        """Return the same tiles for the same question."""
        key = (tuple(matchers), start_ms, end_ms)
        if key not in self._known:
            self._known[key] = super().select(matchers, start_ms, end_ms)
        return self._known[key]


def histogram(random, series, times):
    """Buckets of a few handlers: counters that grow together, without a reset."""
    labels, columns = [], []
    bounds = ["0.1", "0.5", "1", "5", "+Inf"]
    for number in range(series // len(bounds)):
        grown = random.poisson(1.0, (len(times), len(bounds))).cumsum(axis=1).cumsum(axis=0)
        columns.append(grown)
        for le in bounds:
            handler = f"handler-{number % 20}"
            labels.append(
                {
                    "__name__": "request_seconds_bucket",
                    "handler": handler,
                    "le": le,
                    "code": str(number),
                }
            )
    return Target(labels, times, np.concatenate(columns, axis=1).astype(np.float64))


def resources(random, series, times, churn):
    """Gauges and counters of user servers, some of which live for a part of the time."""
    labels, columns = [], []
    names = (*RESOURCES, "server_up")
    for name in names:
        for number in range(series // len(names)):
            user = {"user": f"user-{number}", "node": f"node-{number % 10}"}
            labels.append({"__name__": name, **user})
        shape = (len(times), series // len(names))
        if name == "server_cpu_seconds_total":
            columns.append(random.uniform(0, 15, shape).cumsum(axis=0).round(2))
        elif name == "server_up":
            columns.append((random.uniform(size=shape) < 0.98).astype(float))
        else:
            columns.append(random.integers(1 << 20, 1 << 30, shape).astype(float))
        if churn:
            begin = random.integers(0, len(times), shape[1])
            end = begin + random.integers(0, len(times), shape[1])
            at = np.arange(len(times))[:, None]
            gone = ((at < begin) | (at >= end)) & (np.arange(shape[1]) % 2 == 0)
            columns[-1] = np.where(gone, ABSENT, columns[-1])
    return Target(labels, times, np.concatenate(columns, axis=1))


def build(shape):
    random = np.random.default_rng(3)
    series, hours = SHAPES[shape]
    times = START_MS + 4_321 + 15_000 * np.arange(hours * 240, dtype=np.int64)
    return (
        Prepared(
            [
                histogram(random, series * 3 // 10, times),
                resources(random, series * 7 // 10, times, "churn" in shape),
            ]
        ),
        START_MS,
        START_MS + hours * 3_600_000,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", choices=SHAPES, default="2k")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", metavar="QUERY", choices=QUERIES)
    asked = parser.parse_args()
    store, start, end = build(asked.shape)
    engine = Engine(store, threads=1 if asked.profile else None)
    for name, query in QUERIES.items():
        if asked.profile not in {None, name}:
            continue
        took = []
        engine.range(query, start, end, 60_000)
        with cProfile.Profile() as profile:
            if not asked.profile:
                profile.disable()
            for _ in range(asked.runs):
                began = time.perf_counter()
                engine.range(query, start, end, 60_000)
                took.append(1000 * (time.perf_counter() - began))
        print(f"{name:24} {statistics.median(took):8.1f} ms")
        if asked.profile:
            pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
