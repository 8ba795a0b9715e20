"""What a Hub and its monitoring service expose, as both catalogues say, with people at work.

Every value is a function of the time, so that an hour of history and what is scraped after it are
of one piece. Quiet, nothing is wrong but that the watchdog barks; near the limit, each server uses
more than 90 % of its memory and loses a process to that every few minutes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jupyterhub_monitoring.metrics import alerting_catalogue
from jupyterhub_monitoring.metrics.catalogue import RESOURCE_USAGE
from jupyterhub_monitoring.metrics.declare import CATALOGUE
from jupyterhub_monitoring.metrics.service_catalogue import SERVICE_CATALOGUE
from jupyterhub_monitoring.metrics.spec import Kind, MetricSpec
from jupyterhub_monitoring.metrics.usage_catalogue import USAGE_CATALOGUE

HUB, SERVICE = ("jupyterhub", "hub"), ("jupyterhub-monitoring", "self")
"""Job and instance of the two targets."""

LIMIT = 2.0**31
SECONDS_BETWEEN_KILLS = 240
FREE_LABELS = {
    "method": ("GET", "POST"),
    "handler": tuple(f"jupyterhub.apihandlers.users.Handler{i}" for i in range(4)),
    "code": ("200", "404"),
    "endpoint": tuple(f"/users/{{name}}/{i}" for i in range(4)),
    "status": ("200", "404"),
    "authenticator": ("pam",),
    "spawner_class": ("local",),
    "period": ("24h", "7d", "30d"),
    "check": ("database", "disk", "memory", "proxy", "spawners", "users"),
    "path": ("/srv/jupyterhub", "/home"),
    "rule_group": tuple(f"pack;group-{i}" for i in range(14)),
    "alertmanager": ("http://alertmanager:9093",),
    "receiver": ("notify",),
    "metric": ("user_login_total",),
}
"""Values of labels that the catalogues leave open."""

ABSENT = ("custom_", "server_gpu", "server_cpu_limit", "server_cpu_request", "server_restarts",
             "server_memory_request", "server_cpu_throttled", "server_memory_peak")  # fmt: skip
"""Beginnings of what a Hub with its servers in cgroups, without GPUs, does not have."""

BAD = ("error", "fail", "dropped", "given_up", "refused", "skipped", "missed", "left_out", "oom",
       "waiting", "stuck", "oldest_seconds", "unknown", "over_limit", "stall", "late")  # fmt: skip
"""Parts of names and labels of what stands still while nothing is wrong."""

ONE = ("health_check_status", "monitoring_service_healthy", "_last_reload_successful", "_info")
OF_HUB = (
    ("event_loop_interval_seconds", (0.05, 0.055, 0.06, 0.065, 0.07, 0.075, 0.1, 0.25, 0.5, 0.75,
                                     1, 2.5, 5, 7.5, 10), ""),
    ("server_spawn_duration_seconds", (0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 180, 300, 600),
     "success"),
)  # fmt: skip
"""Histograms of JupyterHub's own that rules read: name, bounds, status."""

REQUEST_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

assert alerting_catalogue.RULE_EVALUATIONS  # importing it declares the metrics of rules and alerts

Labels = dict[str, str]


class Series(NamedTuple):
    """One series without its target's labels; its value is base + rate * t + swing * sin(t)."""

    labels: Labels
    base: float
    rate: float = 0.0  # per second
    swing: float = 0.0
    near_limit: float | None = None  # base while servers are near their limit
    kills: bool = False  # counts processes that were killed then


class Page:
    """What one target exposes: *series* of a job and an instance."""

    def __init__(self, job: str, instance: str, series: list[Series]) -> None:
        self.job, self.instance, self.series = job, instance, series
        self._base, self._rate, self._swing, self._near_limit = np.array(
            [[s.base, s.rate, s.swing, s.near_limit] for s in series], dtype=np.float64
        ).T  # None becomes NaN
        self._kills = np.array([s.kills for s in series], dtype=np.float64)
        self._phase = np.random.default_rng(1).random(len(series)) * 2 * np.pi

    def values(self, seconds: float, near_limit_for: float | None = None) -> NDArray[np.float64]:
        """Return all values *seconds* after the beginning; None: servers are far from limits."""
        base = self._base
        if near_limit_for is not None:
            kills = self._kills * (1 + near_limit_for // SECONDS_BETWEEN_KILLS)
            base = np.where(np.isnan(self._near_limit), base, self._near_limit) + kills
        swing = self._swing * np.sin(seconds / 60 + self._phase)
        return np.asarray(base + self._rate * seconds + swing, dtype=np.float64)

    def labels(self) -> list[Labels]:
        """Return every label set as it is stored."""
        return [{**s.labels, "job": self.job, "instance": self.instance} for s in self.series]


def pages(series: int, started: float) -> tuple[Page, Page]:
    """Return the Hub's and the service's page with about *series* series; *started* is Unix time.

    Counters begin at *started*.
    """
    empty, some = (sum(len(p.series) for p in _pages(users, 0)) for users in (0, 400))
    users = max(4, round((series - empty) / ((some - empty) / 400)))
    return _pages(users, started)


def _pages(users: int, started: float) -> tuple[Page, Page]:
    people = [f"student-{i:05d}" for i in range(users)]
    hub = [s.spec for s in CATALOGUE.values() if s.spec is not RESOURCE_USAGE.spec]
    service = [s.spec for s in SERVICE_CATALOGUE.values()]
    of_people = [RESOURCE_USAGE.spec, *USAGE_CATALOGUE.values()]
    return (
        Page(*HUB, [*_all(hub, people[::4], started), *_stock(started)]),
        Page(*SERVICE, list(_all([*service, *of_people], people, started))),
    )


def _all(specs: list[MetricSpec], people: list[str], started: float) -> Iterator[Series]:
    for spec in specs:
        if not spec.name.startswith(ABSENT):
            for labels in _label_sets(spec, people):
                yield from _of_metric(spec, labels, started)


def _label_sets(spec: MetricSpec, people: list[str]) -> Iterator[Labels]:
    """Yield label sets: every combination of what is known, or one for each of *people*."""
    known = {
        label.name: label.values or FREE_LABELS.get(label.name, ("x",))
        for label in spec.labels
        if label.name != "server_name"  # of a default server it is empty
    }
    if "resource_type" in known:
        known["resource_type"] = ("cpu", "memory", "disk")
    if "group" in known:
        yield from ({"username": who, "group": f"course-{n % 20}"} for n, who in enumerate(people))
    else:
        if "username" in known:
            known["username"] = tuple(people)
        for values in itertools.product(*known.values()):
            yield dict(zip(known, values, strict=True))


def _of_metric(spec: MetricSpec, labels: Labels, started: float) -> Iterator[Series]:
    name = spec.full_name
    still = any(part in f"{spec.name}{labels}" for part in BAD)
    if spec.buckets:
        rate = 0.0 if still or spec.kind is Kind.GAUGE_HISTOGRAM else 0.2
        yield from _histogram(name, labels, spec.buckets, rate, gauge=rate == 0.0)
        return
    labels = {"__name__": name, **labels}
    if spec.kind is Kind.COUNTER:
        yield Series(labels, 0.0, 0.0 if still else 0.1, kills="oom_kills" in name)
    elif name.endswith("timestamp_seconds"):
        yield _time(labels, started)
    elif "server_memory_limit" in name:
        yield Series(labels, LIMIT)
    elif "server_memory" in name:
        yield Series(labels, LIMIT / 2, swing=LIMIT / 100, near_limit=LIMIT * 0.95)
    elif name.endswith(ONE):
        yield Series(labels, 1.0)
    elif still:
        yield Series(labels, 0.0)
    elif name.endswith(("_limit", "_total_bytes", "_limit_bytes", "disk_size_bytes")):
        yield Series(labels, 1e9)
    elif "disk_free" in name:
        yield Series(labels, 5e8, swing=1e6)
    else:
        yield Series(labels, 10.0, swing=3.0)


def _time(labels: Labels, started: float) -> Series:
    """Return a point in time: of what goes on now, of a start, or of an end to come."""
    name = labels["__name__"]
    if "expiry" in name:
        return Series(labels, started + 86400 * 90)
    if "started" in name or "oldest" in name:
        return Series(labels, started)
    return Series(labels, started, 1.0)


def _stock(started: float) -> Iterator[Series]:
    yield Series({"__name__": "process_start_time_seconds"}, started)
    yield Series({"__name__": "jupyterhub_running_servers"}, 10.0, swing=3.0)
    yield Series({"__name__": "jupyterhub_total_users"}, 1000.0)
    for name, bounds, status in OF_HUB:
        labels = {"status": status} if status else {}
        yield from _histogram(f"jupyterhub_{name}", labels, bounds, 0.2)
    for method, number, code in itertools.product(("GET", "POST"), range(8), ("200", "500")):
        labels = {"method": method, "handler": f"jupyterhub.handlers.H{number}", "code": code}
        rate = 0.0 if code == "500" else 0.5
        yield from _histogram("jupyterhub_request_duration_seconds", labels, REQUEST_BOUNDS, rate)


def _histogram(
    name: str, labels: Labels, bounds: Sequence[float], rate: float, *, gauge: bool = False
) -> Iterator[Series]:
    """Yield a histogram whose observations are below the fifth bound."""
    first = 100.0 if gauge else 0.0
    for number, bound in enumerate((*bounds, float("inf"))):
        le = "+Inf" if bound == float("inf") else repr(float(bound))
        share = min(1.0, (number + 1) / 5)
        yield Series(
            {"__name__": f"{name}_bucket", **labels, "le": le}, first * share, rate * share
        )
    yield Series({"__name__": f"{name}_sum", **labels}, first, rate)
    yield Series({"__name__": f"{name}_count", **labels}, first, rate)
