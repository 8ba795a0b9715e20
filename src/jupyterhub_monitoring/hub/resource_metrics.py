"""The page's `update_resource_metrics`: what one server uses, on the Hub's own `/hub/metrics`.

Looking may mean reading all of `/proc` or asking Kubernetes, and this is called in the Hub's event
loop: so a thread looks, at all servers that were asked for since it last began, and the series
follow a moment later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timezone
from types import SimpleNamespace
from typing import Any

from .. import configuration
from ..metrics import usernames
from ..metrics.catalogue import RESOURCE_USAGE
from ..metrics.labels import Point
from ..usage.backends import make_sampling
from ..usage.model import RunningServer, ServerKey
from ..usage.sampling import Sampling
from ..usage.settings import MonitoringUsage
from ..usage.snapshot import ServerUsage
from .guard import guarded, report

KINDS = ("cpu", "memory", "gpu_memory")


def update_resource_metrics(user: Any, server_name: str = "") -> None:
    """Bring `RESOURCE_USAGE` of a server of *user*, the Hub's object, up to date.

    Returns at once and never raises; the numbers follow when they are there. `cpu`, in cores, is
    the mean since the call before: it is a gap after the first one. So is whatever cannot be seen,
    and everything of a server that does not run.
    """
    _update(user, server_name)


class ResourceMetrics:
    """The servers that were asked for, and the thread that looks at them."""

    def __init__(self, make: Callable[[], Sampling]) -> None:
        self._make = make
        self._sampling: Sampling | None = None
        self._servers: dict[ServerKey, RunningServer] = {}
        self._lock = threading.Lock()
        self._waiting: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="resource-usage")

    def update(self, server: RunningServer) -> Future[None]:
        """Look at *server*, and at all others again, once for all calls until the look begins."""
        with self._lock:
            self._servers[server.key] = server
            if self._waiting is None:
                self._waiting = self._thread.submit(self._look)
            return self._waiting

    def forget(self, key: ServerKey) -> None:
        """Take the series of a server away."""
        with self._lock:
            if self._servers.pop(key, None) is not None:
                names = usernames.policy()
                for kind in KINDS:
                    RESOURCE_USAGE.remove(kind, names.label(key[0]), names.chosen(key[1]))

    def _look(self) -> None:
        with self._lock:
            self._waiting, servers = None, tuple(self._servers.values())
        try:
            if self._sampling is None:
                self._sampling = self._make()
            for found in self._sampling.look(servers):
                self._show(found)
        except Exception as error:  # noqa: BLE001 -- nobody awaits this
            report(Point.RESOURCE_USAGE, error)

    def _show(self, found: ServerUsage) -> None:
        usage, key = found.usage, found.server.key
        values = (found.cpu_cores, usage.memory_bytes, usage.gpu_memory_bytes)
        with self._lock:
            if key not in self._servers:  # it has ended meanwhile
                return
            for kind, value in zip(KINDS, values, strict=True):
                series = RESOURCE_USAGE.labels(kind, *key)
                if value is None:
                    series.unknown()
                else:
                    series.set(value)


# One per process, as there is one RESOURCE_USAGE; made when it is first asked for.
_metrics: ResourceMetrics | None = None


@guarded(Point.RESOURCE_USAGE)
def _update(user: Any, server_name: str) -> None:
    global _metrics  # noqa: PLW0603 -- see above
    if _metrics is None:
        app = SimpleNamespace(config=user.settings.get("config", {}))
        options = configuration.load(MonitoringUsage, app)[0].options()
        _metrics = ResourceMetrics(lambda: make_sampling(options))
    server = _running(user, server_name)
    if server is None:
        _metrics.forget(ServerKey(user.name, server_name))
    else:
        _metrics.update(server)


@guarded(Point.RESOURCE_USAGE)
def forget_server(username: str, server_name: str) -> None:
    """Take away the series of a server that has ended."""
    if _metrics is not None:
        _metrics.forget(ServerKey(username, server_name))


def _running(user: Any, server_name: str) -> RunningServer | None:
    """Return the server as the REST API would tell of it, None where it does not run."""
    if server_name not in user.spawners:  # asking for one would make it
        return None
    spawner = user.spawners[server_name]
    if not spawner.active:
        return None
    started = spawner.orm_spawner.started
    return RunningServer(
        ServerKey(user.name, server_name),
        spawner.get_state(),
        ready=spawner.ready,
        started=started.replace(tzinfo=timezone.utc).timestamp() if started else None,
    )
