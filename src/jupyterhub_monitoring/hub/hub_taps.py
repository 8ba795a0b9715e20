"""The taps on JupyterHub's classes: what each tells to whom. Put on once per process.

They find the Hub's monitor through the handler's or user's settings, so that a Hub without one
in the same process runs as if they were not there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.user import User

from ..metrics import catalogue as m
from ..metrics.labels import Point, RefusalReason, SpawnPhase
from .guard import guarded
from .spawns import enter_phase, route_failed
from .taps import Method, tap

_CAPPED = re.compile(r"User (.*) already has the maximum of", re.DOTALL)


def tap_hub(proxy: Any) -> None:
    """Put the taps on the Hub's classes and on this Hub's *proxy*. Safe to repeat."""
    for owner, name, listen in (
        (BaseHandler, "login_user", _login_user),
        (BaseHandler, "log_exception", _log_exception),
        (LogoutHandler, "_backend_logout_cleanup", _logout),
        (BaseHandler, "spawn_single_user", _spawn_single_user),
        (BaseHandler, "stop_single_user", _stop_single_user),
        (User, "spawn", _spawn),
        (User, "stop", _stop),
        (proxy, "add_user", _add_user),
    ):
        _tap(owner, name, listen)


@guarded(Point.ATTACH)
def _tap(owner: Any, name: str, listen: Callable[[Method], Method]) -> None:
    """Put one tap on; where JupyterHub has renamed a method, only that one is missing."""
    tap(owner, name, listen)


def _monitor(owner: Any) -> Any:
    """Return the HubMonitor of a handler or user; None in a Hub that has none."""
    return owner.settings.get("monitoring")


def _login_user(original: Method) -> Method:
    async def login_user(handler: Any, data: Any = None, *args: Any, **kwargs: Any) -> Any:
        monitor = _monitor(handler)
        if monitor is None:
            return await original(handler, data, *args, **kwargs)
        try:
            user = await original(handler, data, *args, **kwargs)
        except Exception as error:
            monitor.logins.raised(handler, error, data)
            raise
        monitor.logins.returned(handler, user, data)
        return user

    return login_user


def _logout(original: Method) -> Method:
    def _backend_logout_cleanup(handler: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        result = original(handler, name, *args, **kwargs)
        monitor = _monitor(handler)
        if monitor is not None:
            monitor.logins.logged_out(name)
        return result

    return _backend_logout_cleanup


def _log_exception(original: Method) -> Method:
    def log_exception(handler: Any, kind: Any, error: Any, traceback: Any) -> Any:
        monitor = _monitor(handler)
        if monitor is not None:
            _count_named_server_limit(monitor, error)
        return original(handler, kind, error, traceback)

    return log_exception


@guarded(Point.SPAWN_REQUEST)
def _count_named_server_limit(monitor: Any, error: Any) -> None:
    """Count a refusal by `named_server_limit_per_user`: the Hub raises it before any spawn."""
    found = _CAPPED.match(str(getattr(error, "log_message", "")))
    if found:
        reason = RefusalReason.CAPPED.value
        m.SPAWN_REFUSED.labels(reason).inc()
        monitor.events.emit("spawn", found[1], outcome="refused", reason=reason)


def _spawn_single_user(original: Method) -> Method:
    async def spawn_single_user(
        handler: Any, user: Any, server_name: str = "", *args: Any, **kwargs: Any
    ) -> Any:
        monitor = _monitor(handler)
        attempt = monitor and monitor.spawns.requested(user, server_name)
        try:
            return await original(handler, user, server_name, *args, **kwargs)
        except BaseException as error:
            if attempt is not None:
                monitor.spawns.request_failed(attempt, error)
            raise

    return spawn_single_user


def _spawn(original: Method) -> Method:
    async def spawn(user: Any, server_name: str = "", *args: Any, **kwargs: Any) -> Any:
        monitor = _monitor(user)
        attempt = monitor and monitor.spawns.began(user, server_name)
        if attempt is None:
            return await original(user, server_name, *args, **kwargs)
        try:
            result = await original(user, server_name, *args, **kwargs)
        except BaseException as error:
            monitor.spawns.spawned(attempt, error)
            raise
        monitor.spawns.spawned(attempt, None)
        return result

    return spawn


def _add_user(original: Method) -> Method:
    async def add_user(user: Any, server_name: str = "", *args: Any, **kwargs: Any) -> Any:
        attempt = enter_phase(user, server_name, SpawnPhase.ROUTE)
        try:
            return await original(user, server_name, *args, **kwargs)
        except Exception:
            if attempt is not None:
                route_failed(attempt)
            raise

    return add_user


def _stop_single_user(original: Method) -> Method:
    async def stop_single_user(handler: Any, user: Any, *args: Any, **kwargs: Any) -> Any:
        monitor = _monitor(handler)
        if monitor is None:
            return await original(handler, user, *args, **kwargs)
        monitor.exits.asked(handler, user)
        try:
            return await original(handler, user, *args, **kwargs)
        finally:
            monitor.exits.forget_asker()

    return stop_single_user


def _stop(original: Method) -> Method:
    async def stop(user: Any, server_name: str = "", *args: Any, **kwargs: Any) -> Any:
        monitor = _monitor(user)
        ending = monitor and monitor.exits.stopping(monitor.spawns, user, server_name)
        try:
            return await original(user, server_name, *args, **kwargs)
        finally:
            if ending is not None:
                monitor.exits.stopped(ending)

    return stop
