"""The last look as series: made anew at each scrape, so that what is gone ends by itself."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

from prometheus_client import Metric
from prometheus_client.registry import Collector

from ..metrics import usage_catalogue as u
from ..metrics.catalogue import RESOURCE_USAGE
from ..metrics.spec import MetricSpec
from ..metrics.usernames import UsernameMode, Usernames, policy
from .model import Usage
from .snapshot import ServerUsage, UsageSnapshot

MAX_LABEL = 200
"""Characters of a label that comes from outside, as an image's name."""

Row = tuple[tuple[str, ...], float]
"""The values of a series' labels in the order of its metric's, and its value."""

OF_USAGE: dict[str, MetricSpec] = {
    "cpu_seconds": u.SERVER_CPU_SECONDS,
    "cpu_throttled_seconds": u.SERVER_CPU_THROTTLED,
    "cpu_limit_cores": u.SERVER_CPU_LIMIT,
    "cpu_request_cores": u.SERVER_CPU_REQUEST,
    "memory_bytes": u.SERVER_MEMORY,
    "memory_peak_bytes": u.SERVER_MEMORY_PEAK,
    "memory_limit_bytes": u.SERVER_MEMORY_LIMIT,
    "memory_request_bytes": u.SERVER_MEMORY_REQUEST,
    "processes": u.SERVER_PROCESSES,
    "oom_kills": u.SERVER_OOM_KILLS,
    "restarts": u.SERVER_RESTARTS,
    "gpu_utilization_ratio": u.SERVER_GPU_UTILIZATION,
    "gpu_memory_bytes": u.SERVER_GPU_MEMORY,
}
"""The fields of `Usage` that are a metric of their own."""


class UsageExposition(Collector):
    """Shows what *snapshot* returns, None for nothing, under the policy of usernames in force.

    *groups* are those that may be named; *spawner_class* is the Hub's. At most *max_series* series
    of one metric are shown, those of the servers that are there for longest.
    """

    def __init__(
        self,
        snapshot: Callable[[], UsageSnapshot | None],
        *,
        groups: frozenset[str] = frozenset(),
        spawner_class: str = "",
        max_series: int,
    ) -> None:
        self._snapshot, self._groups = snapshot, groups
        self._spawner_class, self._max_series = spawner_class, max_series

    def describe(self) -> Iterable[Metric]:
        """Return the names, so that registering collects nothing."""
        return [_family(spec, ()) for spec in (RESOURCE_USAGE.spec, *u.USAGE_CATALOGUE.values())]

    def collect(self) -> Iterator[Metric]:
        """Yield every metric of which something is known."""
        snapshot = self._snapshot()
        if snapshot is None:
            return
        names, left_out = policy(), 0
        if names.mode is not UsernameMode.NONE:
            for spec, rows in self._named(snapshot, names):
                shown = rows[: self._max_series]
                left_out += len(rows) - len(shown)
                if shown:
                    yield _family(spec, shown)
        yield _family(u.SERIES_LEFT_OUT, [((), left_out)])
        yield from _totals(snapshot)
        yield from _distributions(snapshot)

    def _named(
        self, snapshot: UsageSnapshot, names: Usernames
    ) -> Iterator[tuple[MetricSpec, list[Row]]]:
        """Yield what names servers, users and groups."""
        oldest_first = sorted(snapshot.servers, key=_age)
        labelled = [(_labels(found, names), found) for found in oldest_first]
        yield RESOURCE_USAGE.spec, [*_in_use(labelled), *_disk(snapshot, names)]
        for field, spec in OF_USAGE.items():
            yield spec, _rows(labelled, partial(_of_usage, field))
        yield u.SERVER_STARTED, _rows(labelled, lambda found: found.server.started)
        yield u.SERVER_LAST_ACTIVITY, _rows(labelled, lambda found: found.server.last_activity)
        yield u.SERVER_INFO, [(self._info(labels, found), 1.0) for labels, found in labelled]
        yield u.USER_GROUP_INFO, self._group_rows(oldest_first, names)
        for field, spec in (
            ("bytes", u.HOME_BYTES),
            ("limit_bytes", u.HOME_LIMIT),
            ("entries", u.HOME_ENTRIES),
            ("newest_change", u.HOME_NEWEST_CHANGE),
        ):
            yield spec, _home_rows(snapshot, names, field)

    def _info(self, labels: tuple[str, ...], found: ServerUsage) -> tuple[str, ...]:
        usage = found.usage
        told = (self._spawner_class, found.server.profile, usage.image, usage.node)
        return (*labels, *(text[:MAX_LABEL] for text in told))

    def _group_rows(self, servers: Iterable[ServerUsage], names: Usernames) -> list[Row]:
        """Return one row for each group of each user, once also with several servers."""
        pairs = {
            (names.label(found.server.key.username), group): None
            for found in servers
            for group in found.server.groups
            if group in self._groups
        }
        return [(pair, 1.0) for pair in pairs]


def _age(found: ServerUsage) -> tuple[bool, float, tuple[str, ...]]:
    """Return what sorts servers by their start, the oldest first, the unknown last."""
    started = found.server.started
    return started is None, started or 0.0, tuple(found.server.key)


def _labels(found: ServerUsage, names: Usernames) -> tuple[str, ...]:
    username, server_name = found.server.key
    return names.label(username), names.chosen(server_name)


def _rows(
    labelled: Iterable[tuple[tuple[str, ...], ServerUsage]],
    value: Callable[[ServerUsage], float | None],
) -> list[Row]:
    """Return the rows of those servers of which the value is known."""
    return [(labels, known) for labels, found in labelled if (known := value(found)) is not None]


def _of_usage(field: str, found: ServerUsage) -> float | None:
    value: float | None = getattr(found.usage, field)
    return value


def _in_use(labelled: Sequence[tuple[tuple[str, ...], ServerUsage]]) -> Iterator[Row]:
    for labels, found in labelled:
        usage = found.usage
        for kind, value in (
            ("cpu", found.cpu_cores),
            ("memory", usage.memory_bytes),
            ("gpu_memory", usage.gpu_memory_bytes),
        ):
            if value is not None:
                yield (kind, *labels), value


def _disk(snapshot: UsageSnapshot, names: Usernames) -> Iterator[Row]:
    for labels, size in _home_rows(snapshot, names, "bytes"):
        yield ("disk", *labels, ""), size


def _home_rows(snapshot: UsageSnapshot, names: Usernames, field: str) -> list[Row]:
    return [
        ((names.label(username),), known)
        for username, home in snapshot.homes.items()
        if (known := getattr(home, field)) is not None
    ]


def _totals(snapshot: UsageSnapshot) -> Iterator[Metric]:
    """Yield the sums; of what is known of nobody there is none."""
    by_backend = dict.fromkeys(u.SERVER_SOURCES, 0)
    for found in snapshot.servers:
        by_backend[found.backend.value if found.backend else u.Source.NONE.value] += 1
    yield _family(u.USAGE_SERVERS, [((name,), count) for name, count in by_backend.items()])
    gaps = sum(found.gap is not None for found in snapshot.servers)
    yield _family(u.USAGE_SERVERS_UNKNOWN, [((), gaps)])
    totals = snapshot.totals()
    homes = [home.bytes for home in snapshot.homes.values() if home.bytes is not None]
    for spec, total in (
        (u.USAGE_CPU_CORES, totals.cpu_cores),
        (u.USAGE_MEMORY, totals.memory_bytes),
        (u.USAGE_HOMES, sum(homes) if homes else None),
    ):
        if total is not None:
            yield _family(spec, [((), total)])


def _distributions(snapshot: UsageSnapshot) -> Iterator[Metric]:
    usages: list[Usage] = [found.usage for found in snapshot.servers]
    cores = [f.cpu_cores for f in snapshot.servers if f.cpu_cores is not None]
    memory = [usage.memory_bytes for usage in usages if usage.memory_bytes is not None]
    yield _distribution(u.SERVERS_CPU_CORES, cores)
    yield _distribution(u.SERVERS_MEMORY, memory)


def _distribution(spec: MetricSpec, values: Sequence[float]) -> Metric:
    """Return how many of *values* are at most each bound, how many there are, and their sum."""
    counts = [0] * (len(spec.buckets) + 1)
    for value in values:
        counts[bisect_left(spec.buckets, value)] += 1
    metric = Metric(spec.full_name, spec.help, spec.kind.value)
    for bound, count in zip((*spec.buckets, float("inf")), accumulate(counts), strict=True):
        metric.add_sample(f"{spec.full_name}_bucket", {"le": _bound(bound)}, count)
    metric.add_sample(f"{spec.full_name}_gcount", {}, len(values))
    metric.add_sample(f"{spec.full_name}_gsum", {}, sum(values))
    return metric


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else repr(float(bound))


def _family(spec: MetricSpec, rows: Iterable[Row]) -> Metric:
    names: list[Any] = [label.name for label in spec.labels]
    metric = Metric(spec.full_name.removesuffix("_total"), spec.help, spec.kind.value)
    for labels, value in rows:
        metric.add_sample(spec.full_name, dict(zip(names, labels, strict=True)), value)
    return metric
