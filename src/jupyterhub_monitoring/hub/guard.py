"""Hub first: our code inside the Hub's may fail, and the Hub goes on without noticing.

Every function that the Hub's own flow runs through is decorated with `@guarded(Point.…)`. It
returns None when it fails; the failure is counted in `monitoring_instrumentation_errors_total`
and logged, with a traceback at most once a minute per point so that a fault in every request
does not fill the disk.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from ..metrics.catalogue import INSTRUMENTATION_ERRORS
from ..metrics.labels import Point

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

LOG_EVERY_SECONDS = 60.0

GUARDED: dict[Point, list[Any]] = {}
"""Every guarded function by its point: what the fault tests break, one after the other."""

_last_logged: dict[Point, float] = {}


def guarded(point: Point) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Make a plain function never raise into the Hub."""

    def decorate(function: Callable[P, R]) -> Callable[P, R | None]:
        @functools.wraps(function)
        def safe(*args: P.args, **kwargs: P.kwargs) -> R | None:
            try:
                return body.__wrapped__(*args, **kwargs)  # type: ignore[no-any-return]
            except Exception as error:  # noqa: BLE001 -- that is what this function is for
                report(point, error)
                return None

        body: Any = safe
        GUARDED.setdefault(point, []).append(safe)
        return safe

    return decorate


def report(point: Point, error: BaseException) -> None:
    """Count and log that our code failed at *point*."""
    INSTRUMENTATION_ERRORS.labels(point.value).inc()
    now = time.monotonic()
    if now - _last_logged.get(point, -LOG_EVERY_SECONDS) >= LOG_EVERY_SECONDS:
        _last_logged[point] = now
        log.error(
            "jupyterhub-monitoring failed at %s; the Hub goes on, some numbers may be missing."
            " Please report this with the traceback.",
            point.value,
            exc_info=error,
        )
