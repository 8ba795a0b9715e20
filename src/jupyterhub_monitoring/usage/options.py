"""How usage is looked at, as plain values: the settings without traitlets."""

from __future__ import annotations

from dataclasses import dataclass

from ..metrics.instruments import DEFAULT_MAX_SERIES


@dataclass(frozen=True, slots=True)
class UsageOptions:
    """What `c.MonitoringUsage` says, by the same names; see there."""

    interval_seconds: float = 15.0
    backend: str = "auto"
    page_size: int = 50  # takes the Hub less than 50 ms of CPU: benchmarks/usage/listing.py
    pss_seconds: float = 0.0
    homes: str = ""
    homes_operations_per_second: float = 200.0
    homes_interval_seconds: float = 3600.0
    groups: frozenset[str] = frozenset()
    max_series: int = DEFAULT_MAX_SERIES
    docker_socket: str = "/var/run/docker.sock"
    kubernetes_namespace: str = ""
