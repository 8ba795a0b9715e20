"""Spawners that say when they start, and the page's `MonitoredSpawner` and `MetricsSpawner`."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner
from jupyterhub.utils import maybe_future

from ..metrics import catalogue as m
from ..metrics.declare import register_all
from ..metrics.labels import ErrorType, Point, SpawnPhase
from .guard import guarded
from .original import mark, original_name
from .spawns import enter_phase, found_alive


class SpawnerMixin:
    """Goes before a Spawner class. It calls the base at once and changes nothing that it returns.

    In a Hub with `setup(c)` it only says which phase a spawn has come to; the whole spawn is
    counted where the user waits for it (`spawns.py`). In one without, it counts `start()` alone.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Watch what the operator's own subclass overrides too: it need not call `super()`."""
        super().__init_subclass__(**kwargs)
        for name, watch in _WATCHES.items():
            own = cls.__dict__.get(name)
            if inspect.isfunction(own) and own is not SpawnerMixin.__dict__[name]:
                setattr(cls, name, _watched(own, watch))

    def start(self) -> Any:
        """Start the server; see the base class."""
        return _start(self, super().start)  # type: ignore[misc]

    def start_polling(self) -> Any:
        """Begin to poll: the Hub calls this when `start()` is over and it waits for an answer."""
        return _start_polling(self, super().start_polling)  # type: ignore[misc]

    def stop(self, *args: Any, **kwargs: Any) -> Any:
        """Stop the server; the Hub calls this only for one whose process is still there."""
        return _stop(self, partial(super().stop, *args, **kwargs))  # type: ignore[misc]


def _start(spawner: Any, start: Callable[[], Any]) -> Any:
    enter_phase(spawner.user, spawner.name, SpawnPhase.START)
    if _has_monitor(spawner) or getattr(spawner, "_start_is_counted", False):
        return start()
    return _count_alone(spawner, start)


def _start_polling(spawner: Any, start_polling: Callable[[], Any]) -> Any:
    enter_phase(spawner.user, spawner.name, SpawnPhase.CONNECT)
    return start_polling()


def _stop(spawner: Any, stop: Callable[[], Any]) -> Any:
    found_alive(spawner.user, spawner.name)
    return stop()


_WATCHES = {"start": _start, "start_polling": _start_polling, "stop": _stop}


def _watched(own: Callable[..., Any], watch: Callable[[Any, Callable[[], Any]], Any]) -> Any:
    @functools.wraps(own)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return watch(self, partial(own, self, *args, **kwargs))

    return method


def _has_monitor(spawner: Any) -> bool:
    return "monitoring" in getattr(spawner.user, "settings", {})


def _count_alone(spawner: Any, start: Callable[[], Any]) -> Any:
    """Call `start()` now, and count it as the page does in a Hub without `setup(c)`."""
    began_at = time.perf_counter()
    spawner._start_is_counted = True  # a `super().start()` inside is the same start
    try:
        started = start()
    except Exception as error:
        _started(spawner, began_at, error)
        raise
    return _count_end(spawner, started, began_at)


async def _count_end(spawner: Any, started: Any, began_at: float) -> Any:
    try:
        result = await maybe_future(started)
    except (Exception, asyncio.CancelledError) as error:
        _started(spawner, began_at, error)
        raise
    _started(spawner, began_at, None)
    return result


@guarded(Point.SPAWN)
def _started(spawner: Any, began_at: float, error: BaseException | None) -> None:
    spawner._start_is_counted = False
    register_all()
    seconds, spawner_class = time.perf_counter() - began_at, original_name(spawner)
    m.NOTEBOOK_LAUNCH_DURATION.labels(spawner.user.name, spawner_class).observe(seconds)
    if error is None:
        m.SPAWN_SUCCESS.labels(spawner_class).inc()
        m.SPAWN_DURATION_SECONDS.labels(spawner_class).observe(seconds)
        return
    # The Hub cancels a start() that takes longer than start_timeout.
    late = isinstance(error, asyncio.CancelledError)
    error_type = ErrorType.TIMEOUT.value if late else type(error).__name__
    m.SPAWN_FAILURE.labels(spawner_class, error_type).inc()


class MonitoredSpawner(SpawnerMixin, LocalProcessSpawner):
    """LocalProcessSpawner, watched. For any other class: `monitored(SomeSpawner)`."""

    start = SpawnerMixin.start  # JupyterHub asks that a Spawner class defines it
    stop = SpawnerMixin.stop
    poll = LocalProcessSpawner.poll


mark(MonitoredSpawner, LocalProcessSpawner)

MetricsSpawner = MonitoredSpawner
"""The page's second name for the same: launch times are part of what is counted."""
