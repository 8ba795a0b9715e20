"""A Hub's past, made up: the series that pages show, over hours, for as many servers as wanted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jupyterhub_monitoring.store.selection import Labels, Row
from jupyterhub_monitoring.store.store import Store

GIB = 2**30
BUCKETS = ("0.5", "1.0", "2.5", "5.0", "10.0", "15.0", "30.0", "60.0", "120.0", "300.0", "+Inf")
Values = NDArray[np.float64]


@dataclass
class HubHistory:
    """*servers* people with a server each, over *hours*, a sample every *step* seconds.

    In the last half hour of it *failures* spawns fail. Names are u0, u1, ... or *names*. Each
    server has 5 series, or with *every* as many as on a machine with cgroups: 10.
    """

    servers: int = 40
    hours: float = 24
    step: float = 60
    failures: int = 0
    names: tuple[str, ...] = ()
    restarts: bool = True
    every: bool = False
    server_names: tuple[str, ...] = ("",)
    rows: list[tuple[Labels, Values]] = field(default_factory=list)

    def write(self, store: Store, now: float) -> None:
        """Append it to *store*, so that it ends at *now* (Unix seconds)."""
        count = int(self.hours * 3600 / self.step)
        self.times = now - self.step * np.arange(count)[::-1]
        self.random = np.random.default_rng(7)
        self._hub()
        self._spawns()
        self._servers()
        ids = store.series_ids([labels for labels, _ in self.rows])
        table = np.vstack([values for _, values in self.rows])
        for at, column in zip(self.times, table.T, strict=True):
            there = ~np.isnan(column)
            store.append([Row(round(at * 1000), ids[there], column[there].copy())])

    def add(
        self, name: str, values: Values | float, job: str = "jupyterhub", **labels: str
    ) -> None:
        """Keep one series; NaN is no sample."""
        instance = "hub" if job == "jupyterhub" else "self"
        pairs = {"__name__": name, "job": job, "instance": instance, **labels}
        whole = np.broadcast_to(np.asarray(values, dtype=np.float64), self.times.shape)
        self.rows.append((tuple(sorted(pairs.items())), whole))

    def busy(self) -> Values:
        """How busy the day is, 0 to 1: a hill by day, little at night."""
        hour = self.times / 3600 % 24
        return 0.15 + 0.85 * np.exp(-(((hour - 13) / 4.5) ** 2))

    def total(self, per_hour: Values | float) -> Values:
        """A counter that goes up by so many an hour."""
        each = np.broadcast_to(per_hour, self.times.shape) * self.step / 3600
        return np.cumsum(self.random.poisson(np.maximum(each, 0))).astype(float)

    def _hub(self) -> None:
        busy, add = self.busy(), self.add
        running = np.round(self.servers * busy)
        add("up", 1)
        add("up", 1, job="jupyterhub-monitoring")
        add("jupyterhub_running_servers", running)
        add("jupyterhub_pending_servers", self.random.poisson(busy))
        for period, share in (("24h", 1.4), ("7d", 2.6), ("30d", 4.2)):
            add("jupyterhub_active_users", round(self.servers * share), period=period)
        add("jupyterhub_total_users", self.servers * 6)
        start = np.full(self.times.shape, self.times[0] - 86_400)
        if self.restarts:
            start[len(start) // 2 :] = self.times[len(start) // 2]
        add("process_start_time_seconds", start)
        add("jupyterhub_hub_info", 1, version="6.1.1")
        codes = {"200": 9000, "302": 900, "404": 60, "503": 2 if self.failures else 0.02}
        for code, each in codes.items():
            handler = "jupyterhub.apihandlers.users.UserAPIHandler"
            counted = self.total(each * busy)
            add("jupyterhub_request_duration_seconds_count", counted, code=code, handler=handler)
        for bound in ("0.005", "0.05", "0.1", "0.5", "1.0", "5.0", "+Inf"):
            share = 1 - math.exp(-float(bound) / 0.05) if bound != "+Inf" else 1.0
            counted = np.floor(self.total(9000 * busy) * share)
            add("jupyterhub_hub_response_duration_seconds_bucket", counted, le=bound)
        ticks = np.arange(len(self.times)) * 100.0
        add("jupyterhub_event_loop_interval_seconds_count", ticks)
        add("jupyterhub_event_loop_interval_seconds_bucket", ticks - self.total(0.2), le="1.0")
        used = 8 * GIB + running * 0.9 * GIB
        add("jupyterhub_hub_memory_usage_bytes", used)
        add("jupyterhub_hub_memory_total_bytes", 1.25 * (8 + self.servers * 0.9) * GIB)
        add("jupyterhub_hub_cpu_usage_percent", 5 + 70 * busy + self.random.normal(0, 3, len(busy)))
        for path, share in (("/home", 0.62), ("/srv/jupyterhub", 0.31)):
            size = 500 * GIB
            free = size * (1 - share) - np.linspace(0, 5 * GIB, len(busy))
            add("jupyterhub_disk_free_bytes", free, path=path)
            add("jupyterhub_disk_size_bytes", size, path=path)
        for outcome, each in (("success", 20), ("denied", 1), ("error", 0)):
            add("jupyterhub_login_attempts_total", self.total(each * busy), outcome=outcome,
                authenticator="PAMAuthenticator")  # fmt: skip
        for check in ("database", "proxy", "spawners", "disk", "event_loop"):
            add("jupyterhub_health_check_status", 1, check=check)
            add("jupyterhub_health_check_duration_seconds", 0.004, check=check)

    def _spawns(self) -> None:
        started = self.total(self.servers / 8 * self.busy())
        self.add("jupyterhub_spawn_success_total", started, spawner_class="SystemdSpawner")
        for reason in ("timeout", "exited", "http_timeout", "cancelled", "proxy", "hook", "other"):
            failed = np.zeros(self.times.shape)
            if reason == "timeout" and self.failures:
                late = self.times > self.times[-1] - 1800
                failed[late] = np.linspace(1, self.failures, late.sum()).round()
            self.add("jupyterhub_spawn_failure_total", failed, spawner_class="SystemdSpawner",
                     error_type=reason)  # fmt: skip
        for bound in BUCKETS:
            share = 1.0 if bound == "+Inf" else 1 - math.exp(-((float(bound) / 6) ** 1.6))
            self.add("jupyterhub_spawn_duration_seconds_bucket", np.floor(started * share),
                     le=bound, spawner_class="SystemdSpawner")  # fmt: skip
        for phase, seconds in (("prepare", 0.2), ("start", 4.0), ("connect", 1.6), ("route", 0.1)):
            sums = {"phase": phase, "spawner_class": "SystemdSpawner"}
            self.add("jupyterhub_spawn_phase_duration_seconds_sum", started * seconds, **sums)
            self.add("jupyterhub_spawn_phase_duration_seconds_count", started, **sums)
        for cause, each in (("user", 3), ("service", 4), ("died", 0.1), ("admin", 0.1)):
            self.add("jupyterhub_server_exits_total", self.total(each * self.busy()), cause=cause)
        self.add("jupyterhub_spawn_refused_total", 0, reason="throttled")

    def _servers(self) -> None:
        total_cpu, total_memory = np.zeros(len(self.times)), np.zeros(len(self.times))
        for index, name in enumerate(self._names()):
            server = self.server_names[index % len(self.server_names)]
            who = {"username": name, "server_name": server}
            begun = self.random.uniform(0, 0.8)
            there = np.arange(len(self.times)) >= begun * len(self.times)
            cpu = np.abs(np.sin(self.times / 1800 + index)) * self.random.gamma(1, 0.3)
            memory = GIB * (0.3 + 1.5 * np.abs(np.sin(self.times / 20_000 + index * 0.7)))
            total_cpu[there] += cpu[there]
            total_memory[there] += memory[there]
            for metric, values in (
                ("memory_bytes", memory),
                ("memory_limit_bytes", np.full(len(there), 2.0 * GIB)),
                ("cpu_seconds_total", np.cumsum(cpu * self.step)),
                ("cpu_limit_cores", np.full(len(there), 2.0)),
                ("processes", np.full(len(there), 4.0 + index % 9)),
            ):
                shown = np.where(there, values, np.nan)
                self.add(f"jupyterhub_server_{metric}", shown, "jupyterhub-monitoring", **who)
            if self.every:
                self._rest(who, there)
        self.add("jupyterhub_usage_cpu_cores", total_cpu, "jupyterhub-monitoring")
        self.add("jupyterhub_usage_memory_bytes", total_memory, "jupyterhub-monitoring")

    def _rest(self, who: dict[str, str], there: NDArray[np.bool_]) -> None:
        started = self.times[there][0] if there.any() else self.times[0]
        for metric, values, more in (
            ("memory_peak_bytes", 1.9 * GIB, {}),
            ("oom_kills_total", 0, {}),
            ("started_timestamp_seconds", started, {}),
            ("last_activity_timestamp_seconds", self.times // 300 * 300, {}),
            ("info", 1, {"backend": "cgroup", "profile": "large", "node": ""}),
        ):
            shown = np.where(there, values, np.nan)
            self.add(f"jupyterhub_server_{metric}", shown, "jupyterhub-monitoring", **who, **more)

    def _names(self) -> Iterable[str]:
        return (self.names + tuple(f"u{n}" for n in range(self.servers)))[: self.servers]
