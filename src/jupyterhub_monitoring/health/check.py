"""One registered check: when it runs, for how long, and what its last run said."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .codes import CHECK_FAILED, CHECK_RAISED, CHECK_TIMEOUT, Code
from .offload import StillRunning, Worker
from .result import HEALTHY, CheckResult, Finding, Status, now

Function = Callable[[], Any]
"""Returns (or is a coroutine function that returns) True, False, None, a Finding or a CheckResult.

None means that nothing is wrong, as of a function that only raises.
"""


@dataclass(eq=False)
class Check:
    """A check by its *name*. One run at a time; `last` is None until the first has finished."""

    name: str
    func: Function
    interval: float
    timeout: float | None = None  # None: as the settings say
    critical: bool | None = None  # None: as the settings say
    code: Code | str | None = None
    last: CheckResult | None = None
    flight: asyncio.Task[CheckResult] | None = None
    _worker: Worker = field(init=False)
    _hanging: asyncio.Task[Any] | None = None

    def __post_init__(self) -> None:
        self._worker = Worker(self.name)

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self.flight is not None and not self.flight.done()

    async def run(self, timeout: float) -> CheckResult:
        """Run once, in at most *timeout* seconds. Never raises, except when cancelled."""
        at, begun = now(), time.perf_counter()
        try:
            finding, error = await self._bounded(timeout), None
        except (asyncio.TimeoutError, TimeoutError, StillRunning) as problem:
            finding, error = self._timed_out(problem), str(problem) or type(problem).__name__
        except Exception as problem:  # noqa: BLE001 -- any fault of a check is its result
            told, _, _ = str(problem).partition("\n[SQL:")  # the query may name people
            error = f"{type(problem).__name__}: {told}"
            finding = Finding(Status.ERROR, error, self.code or CHECK_RAISED)
        code = str(finding.code) if finding.code else None
        duration = time.perf_counter() - begun
        return CheckResult(finding.status, duration, at, finding.message, code, error)

    async def _bounded(self, seconds: float) -> Finding:
        """Call the function. A task that outlives its cancellation blocks the next run, not us."""
        if self._hanging is not None and not self._hanging.done():
            raise TimeoutError("an earlier run does not end, not even when it is cancelled")
        task = asyncio.ensure_future(self._call())
        self._hanging = task
        try:
            done, _ = await asyncio.wait({task}, timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            task.add_done_callback(_take_exception)
            raise TimeoutError(f"did not finish within {seconds:g} s")
        if task.cancelled():
            raise TimeoutError("was cancelled from within")
        return self._as_finding(task.result())

    async def _call(self) -> Any:
        if _is_async(self.func):
            return await self.func()
        answer = await self._worker(self.func)
        return await answer if inspect.isawaitable(answer) else answer

    def _as_finding(self, answer: Any) -> Finding:
        if isinstance(answer, Finding):
            if answer.status is not Status.HEALTHY and answer.code is None:
                return Finding(answer.status, answer.message, self.code or CHECK_FAILED)
            return answer
        if isinstance(answer, CheckResult):
            return Finding(answer.status, answer.message, answer.code)
        if answer is None or answer:
            return HEALTHY
        return Finding(Status.UNHEALTHY, "the check returned False", self.code or CHECK_FAILED)

    def _timed_out(self, problem: BaseException) -> Finding:
        return Finding(Status.ERROR, f"timed out: {problem}", self.code or CHECK_TIMEOUT)


def _is_async(function: Function) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004 -- an object may be async too
    inner = getattr(function, "func", function)  # functools.partial
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(call)


def _take_exception(task: asyncio.Task[Any]) -> None:
    """Look at the outcome, so that asyncio does not log it as never retrieved."""
    if not task.cancelled():
        task.exception()
