"""What a Prometheus beside a JupyterHub holds: per-server resource series and Hub histograms.

70 % of the series are resources of servers (CPU, memory, disk, …), 30 % are a histogram of the
Hub's requests. `steady`: every series lasts the whole time. `churn`: servers come and go, as people
do in a course, and the Hub restarts twice, so that its counters begin again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INTERVAL_MS = 15_000
OFF_GRID_MS = 3_217
"""Scrapes are not on the grid of steps: windows closed and open on the left then mean the same."""

STALE_BITS = 0x7FF0000000000002
STALE = np.array(STALE_BITS, dtype=np.int64).view(np.float64)
MISSING_BITS = 0x7FF0000000000003
MISSING = np.array(MISSING_BITS, dtype=np.int64).view(np.float64)

BUCKETS = ("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0",
           "30.0", "+Inf")  # fmt: skip
RESOURCES = (
    "jupyterhub_server_up",
    "jupyterhub_server_cpu_seconds_total",
    "jupyterhub_server_memory_bytes",
    "jupyterhub_server_memory_limit_bytes",
    "jupyterhub_server_disk_bytes",
    "jupyterhub_server_network_receive_bytes_total",
    "jupyterhub_server_processes",
)
HISTOGRAM = "jupyterhub_request_duration_seconds"
PER_HISTOGRAM = len(BUCKETS) + 2

Labels = dict[str, str]


@dataclass(frozen=True)
class Dataset:
    """*values* (T, N): one row per scrape, one column per series; `MISSING` where there is none."""

    name: str
    labels: list[Labels]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]

    @property
    def samples(self) -> int:
        """How many cells hold a sample, staleness markers included."""
        return int((self.values.view(np.int64) != MISSING_BITS).sum())

    @property
    def start(self) -> int:
        """The first whole step of 60 s at which five minutes of data lie behind."""
        return int(-(-(self.timestamps[0] + 300_000) // 60_000) * 60_000)

    @property
    def end(self) -> int:
        """The last whole step of 60 s."""
        return int(self.timestamps[-1] // 60_000 * 60_000)

    def scrapes(self) -> Iterator[tuple[int, NDArray[np.intp], NDArray[np.float64]]]:
        """Yield (timestamp, which series, their values) of each scrape."""
        for timestamp, row in zip(self.timestamps.tolist(), self.values, strict=True):
            there = np.flatnonzero(row.view(np.int64) != MISSING_BITS)
            yield timestamp, there, row[there]


def make(series: int, hours: float, end_ms: int, *, churn: bool, seed: int = 1) -> Dataset:
    """Return *series* series over *hours* hours that end at about *end_ms*."""
    rng = np.random.default_rng(seed)
    steps = int(hours * 3_600_000 / INTERVAL_MS)
    last = end_ms // 60_000 * 60_000 + OFF_GRID_MS
    timestamps = last - INTERVAL_MS * np.arange(steps, dtype=np.int64)[::-1]
    servers = round(series * 0.7) // len(RESOURCES)
    histograms = (series - servers * len(RESOURCES)) // PER_HISTOGRAM
    labels = [*_resource_labels(servers), *_histogram_labels(histograms)]
    values = np.concatenate(
        [_resources(rng, servers, steps), _histograms(rng, histograms, steps)], axis=1
    )
    if churn:
        _restart_hub(values[:, servers * len(RESOURCES) :], steps)
        _come_and_go(rng, values[:, : servers * len(RESOURCES)], servers)
    name = f"{series:,} x {hours:g} h, {'churn' if churn else 'steady'}"
    return Dataset(name, labels, timestamps, np.ascontiguousarray(values))


def _resource_labels(servers: int) -> Iterator[Labels]:
    for metric in RESOURCES:
        for i in range(servers):
            yield {
                "__name__": metric,
                "job": "jupyterhub-servers",
                "instance": "monitoring:8888",
                "user": f"student-{i:05d}",
                "server": "",
                "profile": ("small", "medium", "large", "gpu")[i % 4],
                "node": f"node-{i % 23:02d}",
            }


def _histogram_labels(count: int) -> Iterator[Labels]:
    common = {"job": "jupyterhub", "instance": "hub:8081"}
    for i in range(count):
        one = {
            **common,
            "method": ("GET", "POST", "PUT", "DELETE")[i % 4],
            "code": ("200", "201", "302", "404", "500")[i % 5],
            "handler": f"jupyterhub.apihandlers.Handler{i // 4:03d}",
        }
        for le in BUCKETS:
            yield {"__name__": f"{HISTOGRAM}_bucket", **one, "le": le}
        yield {"__name__": f"{HISTOGRAM}_sum", **one}
        yield {"__name__": f"{HISTOGRAM}_count", **one}


def _resources(rng: np.random.Generator, servers: int, steps: int) -> NDArray[np.float64]:
    shape = (steps, servers)
    busy = rng.random(servers) * 0.6
    # The kernel counts CPU in ticks of 10 ms.
    ticks = np.cumsum(np.where(rng.random(shape) < busy, rng.integers(1, 1400, shape), 1), axis=0)
    pages = 40_000 + np.cumsum(
        np.where(rng.random(shape) < 0.5, 0, rng.integers(-900, 905, shape)), axis=0
    )
    disk = np.cumsum(np.where(rng.random(shape) < 0.02, rng.integers(0, 5000, shape), 0), axis=0)
    network = np.cumsum(
        np.where(rng.random(shape) < 0.7, rng.integers(60, 90_000, shape), 0), axis=0
    )
    processes = 5 + np.cumsum(rng.choice([-1, 0, 1], shape, p=[0.01, 0.98, 0.01]), axis=0)
    limit = rng.choice([1, 2, 4, 8], servers) * float(1 << 30)
    return np.concatenate(
        [
            np.ones(shape),
            ticks / 100.0,
            np.abs(pages) * 4096.0,
            np.broadcast_to(limit, shape),
            1e9 + disk * 4096.0,
            network.astype(float),
            np.abs(processes).astype(float),
        ],
        axis=1,
    )


def _histograms(rng: np.random.Generator, count: int, steps: int) -> NDArray[np.float64]:
    parts = []
    rates = rng.lognormal(-1.5, 1.8, count)
    for rate in rates:
        requests = rng.poisson(rate, steps)
        shares = rng.dirichlet(np.linspace(3, 0.2, len(BUCKETS)))
        in_bucket = rng.multinomial(requests, shares)
        cumulative = np.cumsum(np.cumsum(in_bucket, axis=1), axis=0).astype(float)
        seconds = np.cumsum(requests * rng.lognormal(-4, 1, steps))
        parts += [cumulative, seconds[:, None], cumulative[:, -1:]]
    return np.concatenate(parts, axis=1)


def _restart_hub(values: NDArray[np.float64], steps: int) -> None:
    """The Hub restarts after a third and after two thirds; it is away for two scrapes."""
    for at in (steps // 3, steps * 2 // 3):
        values[at:] -= values[at - 1]
        np.maximum(values, 0, out=values)
        values[at : at + 2] = MISSING
        values[at] = STALE  # the failed scrape's marker


def _come_and_go(rng: np.random.Generator, values: NDArray[np.float64], servers: int) -> None:
    """Each server runs for one to four sessions, and starts from nothing each time."""
    steps = len(values)
    for server in range(servers):
        columns = values[:, server::servers]
        edges = np.sort(rng.choice(np.arange(1, steps - 1), 2 * int(rng.integers(1, 5)), False))
        running = np.zeros(steps, dtype=bool)
        if rng.random() < 0.6:  # runs still
            edges[-1] = steps
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            running[begin:end] = True
            for counter in (1, 5):  # CPU and network
                columns[begin:, counter] -= columns[begin, counter]
        np.maximum(columns, 0, out=columns)
        ended = np.zeros(steps, dtype=bool)
        ended[edges[1::2][edges[1::2] < steps]] = True
        columns[ended] = STALE
        columns[~running & ~ended] = MISSING
