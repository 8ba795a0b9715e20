"""`HealthChecker`: runs the registered checks side by side and keeps what they said.

    checker = HealthChecker(app)
    checker.register_check("licences", ask_licence_server, interval=120)
    results = await checker.run_checks()
    results["licences"]["status"]          # "healthy", "warning", "unhealthy" or "error"

It may be made before the Hub has read its configuration: nothing of *app* is touched until a check
runs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import UnknownCheck
from ..metrics.catalogue import (
    HEALTH_CHECK_DURATION_SECONDS,
    HEALTH_CHECK_LAST_RUN,
    HEALTH_CHECK_STATUS,
)
from .check import Check
from .checks.database import DatabaseCheck
from .checks.proxy import ProxyCheck
from .checks.spawners import SpawnersCheck
from .codes import CHECK_STALE, DB_DOWN, PROXY_DOWN, URL_DOWN, Code
from .history import Change, History
from .result import CheckResult, Finding, Status, now
from .settings import MonitoringHealth, settings_of

log = logging.getLogger(__name__)

P = TypeVar("P")

METRIC_VALUE = {Status.HEALTHY: 1.0, Status.WARNING: 0.5, Status.UNHEALTHY: 0.0, Status.ERROR: 0.0}


class HealthChecker:
    """The health checks of one Hub.

    `checks` are the registered ones by name. `start()` runs each at its own interval until
    `stop()`; `run_checks()` runs all of them now. Either way no check runs twice at a time.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.checks: dict[str, Check] = {}
        self.history = History()
        self._settings: MonitoringHealth | None = None
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._stopped: asyncio.Event | None = None
        self._parts: dict[Any, Any] = {}
        self.on_start: list[Callable[[], None]] = []
        self.on_stop: list[Callable[[], None]] = []
        self.own_token: Callable[[], str] = str
        """Gives the token of our service: it may read reports while no token can be looked up."""

    @property
    def settings(self) -> MonitoringHealth:
        """`c.MonitoringHealth`, read when it is first needed."""
        if self._settings is None:
            self._settings = settings_of(self.app)
        return self._settings

    @settings.setter
    def settings(self, settings: MonitoringHealth) -> None:
        self._settings = settings

    # --- Registering ------------------------------------------------------------------------

    def register_check(  # noqa: PLR0913, PLR0917 -- the page's signature and what a check needs
        self,
        name: str,
        func: Callable[[], Any],
        interval: float = 60,
        timeout: float | None = None,
        critical: bool | None = None,
        code: Code | str | None = None,
    ) -> None:
        """Run *func* every *interval* seconds; the same *name* again replaces the check.

        *func* takes nothing and returns True, False, None, a `Finding` or a `CheckResult`; plain
        functions run in a thread, coroutine functions in the loop. *timeout* (seconds) and
        *critical* are as the settings say where they are None.
        """
        if interval <= 0 or (timeout is not None and timeout <= 0):
            raise ValueError(f"check {name!r}: interval and timeout are seconds above 0")
        self.unregister_check(name)
        check = Check(name, func, interval, timeout, critical, code or _main_code(name))
        self.checks[name] = check
        if self._stopped is not None:
            self._begin(check)

    def unregister_check(self, name: str) -> None:
        """Forget a check and its metrics, if there is one of that name."""
        check = self.checks.pop(name, None)
        loop = self._loops.pop(name, None)
        if loop is not None:
            loop.cancel()
        if check is not None and check.last is not None:
            for metric in (
                HEALTH_CHECK_STATUS,
                HEALTH_CHECK_DURATION_SECONDS,
                HEALTH_CHECK_LAST_RUN,
            ):
                metric.remove(name)

    def check(self, name: str) -> Check:
        """Return the check *name*; `UnknownCheck` when there is none."""
        if name not in self.checks:
            raise UnknownCheck(name, tuple(self.checks))
        return self.checks[name]

    def is_critical(self, check: Check) -> bool:
        """Whether the Hub counts as not ready while *check* fails."""
        return check.name in self.settings.critical if check.critical is None else check.critical

    def timeout_of(self, check: Check) -> float:
        """Return the seconds that a run of *check* may take."""
        return self.settings.timeout(check.name) if check.timeout is None else check.timeout

    # --- Running ----------------------------------------------------------------------------

    async def run_checks(self) -> dict[str, CheckResult]:
        """Run all checks side by side; return their results by name. No check can raise."""
        names = list(self.checks)
        results = await asyncio.gather(*[self.run_check(name) for name in names])
        return dict(zip(names, results, strict=True))

    async def run_check(self, name: str) -> CheckResult:
        """Run one check now, or wait for the run that is going on."""
        check = self.check(name)
        if not check.running:
            check.flight = asyncio.ensure_future(self._run(check))
        assert check.flight is not None  # noqa: S101 -- for the type checker
        return await asyncio.shield(check.flight)

    async def _run(self, check: Check) -> CheckResult:
        result = await check.run(self.timeout_of(check))
        if self.checks.get(check.name) is check:  # not replaced meanwhile
            self._keep(check, result)
        return result

    def _keep(self, check: Check, result: CheckResult) -> None:
        change = self.history.note(check.name, check.last, result)
        check.last = result
        HEALTH_CHECK_STATUS.labels(check.name).set(METRIC_VALUE[result.status])
        HEALTH_CHECK_DURATION_SECONDS.labels(check.name).set(result.duration)
        HEALTH_CHECK_LAST_RUN.labels(check.name).set(time.time())
        if change is not None:
            _log(change)

    def results(self) -> dict[str, CheckResult]:
        """Return the last result of each check that has run. One that is overdue is an error."""
        return {
            name: self._fresh(check, check.last)
            for name, check in self.checks.items()
            if check.last is not None
        }

    def _fresh(self, check: Check, last: CheckResult) -> CheckResult:
        age = (now() - last.at).total_seconds()
        if age <= 3 * check.interval + self.timeout_of(check):
            return last
        message = f"the last result is {age:.0f} s old: the checks do not run"
        return CheckResult(
            Status.ERROR, last.duration, last.at, message, CHECK_STALE.code, last.error
        )

    # --- In the background ------------------------------------------------------------------

    async def start(self) -> None:
        """Run each check at its interval, the first time at once; return after `stop()`."""
        if self._stopped is not None:
            return
        stopped = self._stopped = asyncio.Event()
        try:
            for hook in self.on_start:
                hook()
            for check in list(self.checks.values()):
                self._begin(check)
            await stopped.wait()
        finally:
            self._end()

    def stop(self) -> None:
        """End the background runs. A thread that hangs is left behind; it ends with the process."""
        if self._stopped is not None:
            self._stopped.set()
            self._end()

    def _begin(self, check: Check) -> None:
        self._loops[check.name] = asyncio.ensure_future(self._repeat(check))

    def _end(self) -> None:
        self._stopped = None
        for task in self._loops.values():
            task.cancel()
        for check in self.checks.values():
            if check.flight is not None:
                check.flight.cancel()
        self._loops.clear()
        for hook in self.on_stop:
            hook()

    async def _repeat(self, check: Check) -> None:
        while True:
            begun = time.monotonic()
            try:
                await self.run_check(check.name)
            except Exception:  # the next run may go well
                log.exception("health check %s could not be run", check.name)
            await asyncio.sleep(max(0.05, check.interval - (time.monotonic() - begun)))

    # --- The page's own checks ---------------------------------------------------------------

    async def database_health_check(self) -> Finding:
        """Ask whether the database answers and takes writes. True unless it fails."""
        return await self._part(DatabaseCheck)()

    async def spawner_health_check(self) -> Finding:
        """Ask whether servers start, and whether the spawners answer. True unless they fail."""
        return await self._part(SpawnersCheck)()

    async def proxy_health_check(self) -> Finding:
        """Ask whether the proxy answers and knows the Hub. True unless it fails."""
        return await self._part(ProxyCheck)()

    def _part(self, kind: Callable[[Any, MonitoringHealth], P]) -> P:
        """Return this checker's one *kind*: checks remember what they saw."""
        if kind not in self._parts:
            self._parts[kind] = kind(self.app, self.settings)
        part: P = self._parts[kind]
        return part


DOES_NOT_ANSWER = (DB_DOWN, PROXY_DOWN, URL_DOWN)


def _main_code(name: str) -> Code | None:
    """Return what a built-in check means that did not finish: that its object does not answer.

    None of those that look at several things: HUB-CHECK-01 and -02 are true of any check.
    """
    return next((code for code in DOES_NOT_ANSWER if code.check == name), None)


def _log(change: Change) -> None:
    if change.after is Status.HEALTHY:
        if change.before is not None:
            log.info("health: %s is healthy again", change.check)
        return
    level = logging.WARNING if change.after is Status.WARNING else logging.ERROR
    log.log(
        level,
        "health: %s is %s: %s [%s]",
        change.check,
        change.after.value,
        change.message,
        change.code,
    )
