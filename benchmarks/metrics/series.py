"""A registry of a given number of lines, made like a Hub's: counters, gauges and histograms."""

from __future__ import annotations

import random
from typing import Any

import prometheus_client
from prometheus_client import CollectorRegistry

from jupyterhub_monitoring.metrics import instruments
from jupyterhub_monitoring.metrics.spec import Kind, Label, MetricSpec

SEED = 20260
LINES_OF_OURS, LINES_OF_STOCK = (
    15,
    18,
)  # 12 buckets, +Inf, count, sum; stock: 15, count, sum, created
BUCKETS = (0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 180, 300, 600)


class Series:
    """About *lines* lines in *registry*: a quarter each of four kinds of metric."""

    def __init__(self, lines: int, registry: CollectorRegistry) -> None:
        self._random = random.Random(SEED)
        instruments.Limits.max_series = max(10_000, lines)
        quarter = lines // 4
        self._groups = [
            _children(_ours(instruments.Counter, Kind.COUNTER, registry), quarter),
            _children(_ours(instruments.Gauge, Kind.GAUGE, registry), quarter),
            _children(
                _ours(instruments.Histogram, Kind.HISTOGRAM, registry), quarter // LINES_OF_OURS
            ),
            _children(
                prometheus_client.Histogram(
                    "bench_stock_seconds", "Stock.", ["username", "handler"], registry=registry
                ),
                quarter // LINES_OF_STOCK,
            ),
        ]
        self.change(1.0)

    def change(self, share: float) -> None:
        """Record one event in a *share* of the children of each metric."""
        for group in self._groups:
            for child in self._random.sample(group, max(1, int(share * len(group)))):
                value = self._random.expovariate(0.1)
                if hasattr(child, "observe"):
                    child.observe(value)
                elif hasattr(child, "set"):
                    child.set(value)
                else:
                    child.inc()


def _ours(metric: type[Any], kind: Kind, registry: CollectorRegistry) -> Any:
    spec = MetricSpec(
        f"bench_{kind.value}" + "_total" * (kind is Kind.COUNTER),
        kind,
        "A metric of the benchmark.",
        (Label("username", private=True), Label("handler")),
    )
    extra = {"buckets": BUCKETS} if kind is Kind.HISTOGRAM else {}
    made = metric(spec.name, spec.help, ["username", "handler"], registry=None, **extra)
    made.declare(spec)
    registry.register(made)
    return made


def _children(metric: Any, count: int) -> list[Any]:
    return [
        metric.labels(f"student-{i:05}", "jupyterhub.apihandlers.users.UserServerAPIHandler")
        for i in range(count)
    ]
