"""Spawners that say when they start, and the page's `MonitoredSpawner` and `MetricsSpawner`."""

from __future__ import annotations

import time
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import maybe_future

from ..metrics import catalogue as m
from ..metrics.declare import register_all
from ..metrics.labels import Point, SpawnPhase
from .guard import guarded
from .monitored import mark, original_name
from .spawns import enter_phase, found_alive


class SpawnerMixin:
    """Goes before a Spawner class. It calls the base at once and changes nothing that it returns.

    In a Hub with `setup(c)` it only says which phase a spawn has come to; the whole spawn is
    counted where the user waits for it (`spawns.py`). In one without, it counts `start()` alone.
    """

    def start(self) -> Any:
        """Start the server; see the base class."""
        enter_phase(self.user, self.name, SpawnPhase.START)  # type: ignore[attr-defined]
        started = super().start()  # type: ignore[misc]
        if _has_monitor(self):
            return started
        return _count_alone(self, started)

    def start_polling(self) -> Any:
        """Begin to poll: the Hub calls this when `start()` is over and it waits for an answer."""
        enter_phase(self.user, self.name, SpawnPhase.CONNECT)  # type: ignore[attr-defined]
        return super().start_polling()  # type: ignore[misc]

    def stop(self, *args: Any, **kwargs: Any) -> Any:
        """Stop the server; the Hub calls this only for one whose process is still there."""
        found_alive(self.user, self.name)  # type: ignore[attr-defined]
        return super().stop(*args, **kwargs)  # type: ignore[misc]


def _has_monitor(spawner: Any) -> bool:
    return "monitoring" in getattr(spawner.user, "settings", {})


async def _count_alone(spawner: Any, started: Any) -> Any:
    """Wait for `start()` and count it, as the page does in a Hub without `setup(c)`."""
    began_at = time.perf_counter()
    try:
        result = await maybe_future(started)
    except Exception as error:
        _started(spawner, time.perf_counter() - began_at, error)
        raise
    _started(spawner, time.perf_counter() - began_at, None)
    return result


@guarded(Point.SPAWN)
def _started(spawner: Any, seconds: float, error: Exception | None) -> None:
    register_all()
    spawner_class = original_name(spawner)
    m.NOTEBOOK_LAUNCH_DURATION.labels(spawner.user.name, spawner_class).observe(seconds)
    if error is None:
        m.SPAWN_SUCCESS.labels(spawner_class).inc()
        m.SPAWN_DURATION_SECONDS.labels(spawner_class).observe(seconds)
    else:
        m.SPAWN_FAILURE.labels(spawner_class, type(error).__name__).inc()


class MonitoredSpawner(SpawnerMixin, LocalProcessSpawner):
    """LocalProcessSpawner, watched. For any other class: `monitored(SomeSpawner)`."""

    start = SpawnerMixin.start  # JupyterHub asks that a Spawner class defines it
    stop = SpawnerMixin.stop
    poll = LocalProcessSpawner.poll


mark(MonitoredSpawner, LocalProcessSpawner)

MetricsSpawner = MonitoredSpawner
"""The page's second name for the same: launch times are part of what is counted."""
