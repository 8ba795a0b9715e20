"""One event recorded on our instruments against prometheus_client's, labels and buckets the same.

python benchmarks/metrics/bench_record.py [--quick]
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

from jupyterhub_monitoring.metrics.catalogue import (
    API_REQUEST_DURATION_SECONDS,
    REQUEST_COUNT,
    SPAWN_DURATION_SECONDS,
    SPAWN_LIMIT,
)
from jupyterhub_monitoring.metrics.instruments import Bounded

SPAWNERS = ("SimpleLocalProcessSpawner", "KubeSpawner", "DockerSpawner")
SECONDS = (0.004, 0.3, 2.2, 7.0, 40.0, 900.0)
CALLS = 2_000


def stock(metric: Bounded) -> Any:
    """Return prometheus_client's own metric of the same labels and buckets."""
    kind = next(c for c in type(metric).__mro__ if c.__module__ == "prometheus_client.metrics")
    extra = {"buckets": metric.spec.buckets} if metric.spec.buckets else {}
    return kind(metric.spec.name, "Peer.", metric._labelnames, registry=None, **extra)


def events(metric: Any, act: Callable[[Any, int], None]) -> float:
    """Return the nanoseconds that one event takes."""
    start = time.perf_counter_ns()
    for i in range(CALLS):
        act(metric, i)
    return (time.perf_counter_ns() - start) / CALLS


def spawn(metric: Any, i: int) -> None:
    metric.labels(SPAWNERS[i % 3]).observe(SECONDS[i % 6])


def spawn_named(metric: Any, i: int) -> None:
    metric.labels(spawner_class=SPAWNERS[i % 3]).observe(SECONDS[i % 6])


def api_request(metric: Any, i: int) -> None:
    metric.labels("GET", "/api/users/:name", "200").observe(SECONDS[i % 6])


def request(metric: Any, i: int) -> None:
    metric.labels("GET", "jupyterhub.handlers.pages.HomeHandler", 200 + i % 3).inc()


def limit(metric: Any, i: int) -> None:
    metric.set(i)


def idle(metric: Any, i: int) -> None:  # noqa: ARG001 -- what the loop and the call cost
    return


CASES = {
    "histogram, 1 label": (SPAWN_DURATION_SECONDS, spawn),
    "histogram, 1 label by name": (SPAWN_DURATION_SECONDS, spawn_named),
    "histogram, 3 labels": (API_REQUEST_DURATION_SECONDS, api_request),
    "counter, 3 labels": (REQUEST_COUNT, request),
    "gauge, no label": (SPAWN_LIMIT, limit),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 15 if parser.parse_args().quick else 101
    print("| one event | ours | stock | stock again (control) | ours / stock | control / stock |")
    print("|" + " --- |" * 6)
    for name, (metric, act) in CASES.items():
        peers = {"ours": metric, "stock": stock(metric), "control": stock(metric)}
        took: dict[str, list[float]] = {peer: [] for peer in peers}
        turns = itertools.cycle(itertools.permutations(peers))
        for order in itertools.islice(turns, rounds):
            for peer in order:
                took[peer].append(events(peers[peer], act) - events(None, idle))
        ours, theirs, control = (statistics.median(took[peer]) for peer in peers)
        print(
            f"| {name} | {ours:.0f} ns | {theirs:.0f} ns | {control:.0f} ns |"
            f" {ours / theirs:.2f} | {control / theirs:.2f} |"
        )


if __name__ == "__main__":
    main()
