"""Bytes a sample, and samples encoded and decoded a second and core, per kind of series.

The kinds are what a Prometheus beside a JupyterHub scrapes: every page is 64 series of one kind
over two hours at 15 s. The mix is 70 % resource series of user servers and 30 % histogram buckets.

    python benchmarks/store/page_codec.py [--pages 12]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from jupyterhub_monitoring.store.page import decode, encode
from jupyterhub_monitoring.store.timeline import encode_timeline

ROWS, COLUMNS = 480, 64
INTERVAL_SECONDS = 15


def busy(rng: np.random.Generator) -> np.ndarray:
    """How much of a core each server uses at each scrape: most idle, some with work in spells."""
    often = rng.choice([0.005, 0.02, 0.3], COLUMNS, p=[0.6, 0.2, 0.2])
    working = rng.random((ROWS, COLUMNS)) < often
    spells = np.maximum.accumulate(np.where(working, np.arange(ROWS)[:, None], -99), axis=0)
    active = np.arange(ROWS)[:, None] - spells < rng.integers(1, 12, COLUMNS)
    idle = rng.uniform(0.001, 0.004, COLUMNS)
    return np.where(active, rng.uniform(0.2, 1.0, (ROWS, COLUMNS)), idle)


def used(rng: np.random.Generator) -> np.ndarray:
    """CPU seconds of each server since it started."""
    return np.cumsum(busy(rng) * INTERVAL_SECONDS, axis=0) + rng.uniform(1, 1e4, COLUMNS)


def cpu_seconds(rng: np.random.Generator) -> np.ndarray:
    """CPU seconds as psutil and the process collector count them: hundredths."""
    return np.round(used(rng), 2)


def cpu_micros(rng: np.random.Generator) -> np.ndarray:
    """CPU seconds as a cgroup counts them: microseconds."""
    return np.round(used(rng), 6)


def memory_bytes(rng: np.random.Generator) -> np.ndarray:
    """Resident memory: pages of 4096 bytes; changes when its server works."""
    changes = np.where(busy(rng) > 0.1, rng.normal(0, 800, (ROWS, COLUMNS)).astype(int), 0)
    changes[rng.random((ROWS, COLUMNS)) < 0.1] += 1
    return (np.abs(np.cumsum(changes, axis=0)) + rng.integers(20_000, 500_000, COLUMNS)) * 4096.0


def gauge(rng: np.random.Generator) -> np.ndarray:
    """Small integers that change now and then: threads, open files, kernels."""
    steps = rng.choice([-1, 0, 1], (ROWS, COLUMNS), p=[0.02, 0.96, 0.02])
    return np.abs(np.cumsum(steps, axis=0) + rng.integers(3, 60, COLUMNS)).astype(float)


def up(rng: np.random.Generator) -> np.ndarray:
    """1, seldom 0."""
    return (rng.random((ROWS, COLUMNS)) > 0.0005).astype(float)


def histogram(rng: np.random.Generator) -> np.ndarray:
    """Cumulative buckets of four handlers, from one request a minute to some a second."""
    rates = np.repeat([0.2, 1.0, 6.0, 40.0], 16)
    shares = np.tile(np.minimum(np.cumsum(rng.dirichlet(np.ones(16))), 1.0), 4)
    requests = rng.poisson(rates, (ROWS, COLUMNS)).reshape(ROWS, 4, 16)[:, :, :1].repeat(16, axis=2)
    return np.cumsum(rng.binomial(requests.reshape(ROWS, COLUMNS), shares), axis=0).astype(float)


def average(rng: np.random.Generator) -> np.ndarray:
    """Ratios, which are no decimals: the worst case."""
    return rng.uniform(0, 1, (ROWS, COLUMNS)) / 3


KINDS: dict[str, tuple[Callable[[np.random.Generator], np.ndarray], float]] = {
    "cpu seconds, 2 decimals": (cpu_seconds, 0.2),
    "cpu seconds, 6 decimals": (cpu_micros, 0.0),
    "memory bytes": (memory_bytes, 0.25),
    "small gauge": (gauge, 0.2),
    "up": (up, 0.05),
    "histogram buckets": (histogram, 0.3),
    "ratios": (average, 0.0),
}
"""The share of each kind in the mix."""


def seconds(action: Callable[[], object], repeat: int) -> float:
    """The shortest of *repeat* runs."""
    best = float("inf")
    for _ in range(repeat):
        began = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - began)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pages", type=int, default=12)
    pages = parser.parse_args().pages
    columns = np.arange(COLUMNS, dtype=np.uint8)
    mixed = 0.0
    print(f"{'kind':26}{'bytes/sample':>14}{'encode M/s':>12}{'unpack M/s':>12}{'read M/s':>10}")
    for kind, (make, share) in KINDS.items():
        rng = np.random.default_rng(1)
        made = [make(rng) for _ in range(pages)]
        blobs = [encode(columns, values) for values in made]
        read = [decode(blob) for blob in blobs]
        millions = pages * ROWS * COLUMNS / 1e6
        size = sum(map(len, blobs)) / millions / 1e6
        encoding = seconds(lambda made=made: [encode(columns, v) for v in made], 3)
        unpacking = seconds(lambda blobs=blobs: [decode(b) for b in blobs], 15)
        reading = seconds(lambda read=read: [p.rows(slice(None)) for p in read], 15)
        mixed += share * size
        print(
            f"{kind:26}{size:14.3f}{millions / encoding:12.1f}{millions / unpacking:12.0f}"
            f"{millions / reading:10.0f}"
        )
    jitter = np.random.default_rng(2).integers(0, 4, ROWS)
    timeline = encode_timeline(np.arange(ROWS) * 15_000 + 1_700_000_000_000 + jitter)
    print(f"{'the mix':26}{mixed:14.3f}")
    print(f"{'timestamps':26}{len(timeline) / ROWS:14.3f}  once for all series of a target")


if __name__ == "__main__":
    main()
