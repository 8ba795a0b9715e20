"""Usage by the Docker Engine API (Docker, Podman): where cgroups are not ours to read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from .container import container_id
from .counters import LastingCounters
from .docker_connection import LATE, EngineConnection, EngineConnections, EngineFailure
from .docker_stats import ContainerDetails, details_of, has_stopped, usage_of, was_stopped
from .model import Backend, Gap, GapReason, Look, RunningServer, ServerKey

TIMEOUT_SECONDS = 10.0
DETAILS_SECONDS = 60.0
"""How old limits, image and OOM kills may be; they cost another question."""

MOST_CONNECTIONS = 8

NEWEST_API = (1, 44)
"""The newest version of the API whose answers we were tried with."""

STOPPED = Gap(GapReason.GONE, "the container does not run")

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})")

Identity = tuple[str, float | None]
"""The container, and when the server started."""


@dataclass(slots=True)
class _Container:
    """What is kept of a container between looks. Times are the monotonic clock's."""

    identity: Identity
    counters: LastingCounters = field(default_factory=LastingCounters)
    details: ContainerDetails = field(default_factory=ContainerDetails)
    details_at: float | None = None


class DockerSampler:
    """Asks the engine at *socket_path* for the statistics of each container, some at a time."""

    backend = Backend.DOCKER

    def __init__(
        self,
        socket_path: str,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._timeout_seconds, self._clock = timeout_seconds, clock
        self._connections = EngineConnections(socket_path)
        self._containers: dict[ServerKey, _Container] = {}
        self._first = 0

    def claims(self, server: RunningServer) -> bool:
        """Whether the spawner recorded a container; that of a Swarm service it does not."""
        return bool(container_id(server))

    def sample(self, servers: Sequence[RunningServer]) -> Mapping[ServerKey, Look]:
        """Ask for all *servers*; where time is too short, the next look begins with the others."""
        deadline = time.monotonic() + self._timeout_seconds
        looks: dict[ServerKey, Look] = {
            server.key: Gap(GapReason.NO_STATE) for server in servers if not self.claims(server)
        }
        asked = [server for server in servers if self.claims(server)]
        containers = {server.key: self._container(server) for server in asked}
        self._containers = containers
        if not asked:
            self.close()
            return looks
        first = self._first % len(asked)
        found = self._ask(asked[first:] + asked[:first], deadline)
        late = sum(look is LATE for look in found.values())
        # One that hangs must not be waited for by all others, look after look.
        self._first = first + max(len(asked) - late, MOST_CONNECTIONS) if late else 0
        return looks | found

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def _container(self, server: RunningServer) -> _Container:
        kept, identity = self._containers.get(server.key), (container_id(server), server.started)
        return kept if kept is not None and kept.identity == identity else _Container(identity)

    def _ask(self, servers: Sequence[RunningServer], deadline: float) -> dict[ServerKey, Look]:
        """Return a look at each of *servers* before *deadline*."""
        workers = ThreadPoolExecutor(MOST_CONNECTIONS, thread_name_prefix="docker")
        try:
            version = workers.submit(self._version, deadline)
            wait([version], timeout=deadline - time.monotonic())
            api = version.result() if version.done() else LATE
            if isinstance(api, Gap):
                return dict.fromkeys((server.key for server in servers), api)
            asked = {
                server.key: workers.submit(self._look, api, self._containers[server.key], deadline)
                for server in servers
            }
            wait(asked.values(), timeout=deadline - time.monotonic())
            return {
                key: future.result() if future.done() else LATE for key, future in asked.items()
            }
        finally:
            self._connections.abort()
            workers.shutdown(cancel_futures=True)

    def _version(self, deadline: float) -> str | Gap:
        """Return the beginning of all paths: the API's version that both sides know."""
        try:
            with self._connections.lent() as connection:
                told = connection.get("/version", deadline)
        except EngineFailure as failure:
            gap = failure.gap
            return Gap(GapReason.PROTOCOL, gap.detail) if gap.reason is GapReason.GONE else gap
        newest, oldest = _version_in(told, "ApiVersion"), _version_in(told, "MinAPIVersion")
        if newest is None:
            return Gap(GapReason.PROTOCOL, "the engine does not tell the version of its API")
        major, minor = max(oldest or NEWEST_API, min(NEWEST_API, newest))
        return f"/v{major}.{minor}"

    def _look(self, api: str, container: _Container, deadline: float) -> Look:
        path = f"{api}/containers/{container.identity[0]}"
        try:
            with self._connections.lent() as connection:
                stats = connection.get(f"{path}/stats?stream=false&one-shot=true", deadline)
                if has_stopped(stats):
                    return STOPPED
                self._refresh_details(connection, path, container, deadline)
        except EngineFailure as failure:
            return self._why(failure.gap, path, deadline)
        usage = usage_of(stats, container.details)
        if usage is None:
            return Gap(GapReason.PROTOCOL, "the engine tells of neither CPU nor memory")
        return container.counters.carried_on(usage)

    def _why(self, gap: Gap, path: str, deadline: float) -> Gap:
        """Return *gap*, or that the container is gone: Podman fails where one does not run."""
        if gap.reason is GapReason.PROTOCOL:
            with suppress(EngineFailure), self._connections.lent() as connection:
                if was_stopped(connection.get(f"{path}/json", deadline)):
                    return STOPPED
        return gap

    def _refresh_details(
        self, connection: EngineConnection, path: str, container: _Container, deadline: float
    ) -> None:
        """Ask for what changes seldom; where that fails, what was known goes on."""
        known_at = container.details_at
        if known_at is not None and self._clock() - known_at < DETAILS_SECONDS:
            return
        with suppress(EngineFailure):
            container.details = details_of(connection.get(f"{path}/json", deadline))
            container.details_at = self._clock()


def _version_in(told: Any, name: str) -> tuple[int, int] | None:
    text = told.get(name) if isinstance(told, Mapping) else None
    found = _VERSION.fullmatch(text) if isinstance(text, str) else None
    return (int(found[1]), int(found[2])) if found else None
