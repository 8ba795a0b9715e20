"""Which built-in checks a Hub gets, and the operator's own from `extra_checks`."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .checks import certificate, disk, public_url
from .checks.event_loop import EventLoopCheck
from .settings import INTERVALS

if TYPE_CHECKING:
    from .checker import HealthChecker

log = logging.getLogger(__name__)


def register_builtin(checker: HealthChecker) -> None:
    """Register every check that has something to look at in this Hub. Call it before `start()`.

    What is registered already under one of the names stays. A check that cannot be made is
    logged and left out.
    """
    makers: dict[str, Callable[[HealthChecker], Callable[[], Any] | None]] = {
        "database": lambda c: c.database_health_check,
        "proxy": lambda c: c.proxy_health_check,
        "spawners": lambda c: c.spawner_health_check,
        "public_url": _public_url,
        "event_loop": _event_loop,
        "disk": _disk,
        "certificate": _certificate,
    }
    for name, function in checker.settings.extra_checks.items():
        makers[name] = functools.partial(_extra, function)
    _name_mistakes(checker, set(makers))
    for name, make in makers.items():
        if name in checker.checks or name in checker.settings.disabled:
            continue
        try:
            func = make(checker)
            if func is not None:
                checker.register_check(name, func, interval=checker.settings.interval(name))
        except Exception:  # Hub first
            log.exception("health check %s is left out", name)


def _public_url(checker: HealthChecker) -> Callable[[], Any] | None:
    url = public_url.address(checker.app, checker.settings)
    if url is None:
        log.info("health check public_url is left out: set c.MonitoringHealth.public_url")
        return None
    return public_url.PublicURLCheck(checker.app, checker.settings, url)


def _event_loop(checker: HealthChecker) -> Callable[[], Any]:
    check = EventLoopCheck(checker.app, checker.settings)
    checker.on_start.append(check.start)
    checker.on_stop.append(check.stop)
    return check


def _disk(checker: HealthChecker) -> Callable[[], Any] | None:
    if not disk.folders(checker.app, checker.settings):
        return None
    return disk.DiskCheck(checker.app, checker.settings)


def _certificate(checker: HealthChecker) -> Callable[[], Any] | None:
    if not certificate.files(checker.app, checker.settings):
        return None
    return certificate.CertificateCheck(checker.app, checker.settings)


def _extra(function: Callable[[Any], Any], checker: HealthChecker) -> Callable[[], Any]:
    app = checker.app
    if inspect.iscoroutinefunction(function):

        async def ask() -> Any:
            return await function(app)

        return ask
    return lambda: function(app)


def _name_mistakes(checker: HealthChecker, known: set[str]) -> None:
    """Log names in the settings that no check has: a typing mistake must not pass silently."""
    known = known | set(INTERVALS) | set(checker.checks)
    for setting in ("intervals", "timeouts", "critical", "disabled"):
        for name in getattr(checker.settings, setting):
            if name not in known:
                log.error(
                    "c.MonitoringHealth.%s names %r, which is no health check; known: %s",
                    setting,
                    name,
                    ", ".join(sorted(known)),
                )
