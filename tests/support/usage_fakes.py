"""Servers, looks and a sampler made up for tests of what is done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyterhub_monitoring.usage.model import (
    Backend,
    Gap,
    GapReason,
    Look,
    RunningServer,
    ServerKey,
    Usage,
)
from jupyterhub_monitoring.usage.snapshot import Home, ServerUsage, UsageSnapshot


def server(username: str = "ana", server_name: str = "", **more: Any) -> RunningServer:
    return RunningServer(ServerKey(username, server_name), **{"state": {"pid": 1}, **more})


@dataclass
class FakeSampler:
    """Says of each server what *looks* has for its user; raises where that is an exception."""

    backend: Backend = Backend.PROCESS
    key: str = "pid"  # what a state has that it claims
    looks: dict[str, Look | Exception] = field(default_factory=dict)
    asked: list[tuple[ServerKey, ...]] = field(default_factory=list)
    partial_gaps: tuple[Gap, ...] = ()
    closed: bool = False

    def claims(self, server: RunningServer) -> bool:
        return self.key in server.state

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        self.asked.append(tuple(server.key for server in servers))
        found = {}
        for one in servers:
            look = self.looks.get(one.key.username, Gap(GapReason.GONE))
            if isinstance(look, Exception):
                raise look
            found[one.key] = look
        return found

    def close(self) -> None:
        self.closed = True


@dataclass
class HandClock:
    """A clock that a test sets."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def seen(
    username: str = "ana",
    server_name: str = "",
    look: Look | None = None,
    *,
    cpu_cores: float | None = None,
    backend: Backend | None = Backend.PROCESS,
    **more: Any,
) -> ServerUsage:
    found = look if look is not None else Usage()
    return ServerUsage(server(username, server_name, **more), backend, found, cpu_cores)


def snapshot(*servers: ServerUsage, homes: Mapping[str, Home] | None = None) -> UsageSnapshot:
    return UsageSnapshot(1_700_000_000.0, 15.0, servers, homes or {})
