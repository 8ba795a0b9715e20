"""One spawn, from the request to the proxy's route: its phases, its end, counted exactly once.

The attempt travels in a context variable: the request, `User.spawn`, the spawner's `start` and
`proxy.add_user` all run in it or in tasks made from it, two spawns at once in two of them.

    request ─ prepare ─ start ─ connect ─ route ─ end
       └ refused                  any of them ─ failed
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from ..metrics import catalogue as m
from ..metrics.custom import record_custom_event
from ..metrics.labels import ErrorType, Point, SpawnPhase
from .guard import guarded
from .original import original_name
from .server_facts import profile_of, started_of
from .spawn_message import message_of
from .spawn_outcome import Outcome, Verdict, outcome_of, refusal_of

if TYPE_CHECKING:
    from .events import EventLog

_ORDER = list(SpawnPhase)
_KNOWN_ERRORS = frozenset(kind.value for kind in ErrorType)


class SpawnAttempt:
    """What is known so far about one spawn. Times are of `time.perf_counter`."""

    def __init__(self, user: Any, server_name: str) -> None:
        self.user = user
        self.user_id: int = user.id
        self.username: str = user.name
        self.server_name = server_name
        self.spawner_class = original_name(user.spawner_class)
        self.requested_at = self.phase_began_at = time.perf_counter()
        self.phase = SpawnPhase.PREPARE
        self.phase_seconds: dict[SpawnPhase, float] = {}
        self.begun = self.over = self.was_alive = self.route_failed = False

    @property
    def key(self) -> tuple[int, str]:
        """Which server this is about."""
        return self.user_id, self.server_name

    def is_for(self, user: Any, server_name: str) -> bool:
        """Tell whether this is the running attempt for that server."""
        return not self.over and self.key == (user.id, server_name)

    def enter(self, phase: SpawnPhase) -> None:
        """Go on to *phase*; going back does nothing (a spawner's start may call another's)."""
        if _ORDER.index(phase) > _ORDER.index(self.phase):
            self.close_phase()
            self.phase, self.phase_began_at = phase, time.perf_counter()

    def close_phase(self) -> None:
        """Stop the clock of the present phase: what follows is clean-up."""
        elapsed = time.perf_counter() - self.phase_began_at
        self.phase_seconds.setdefault(self.phase, elapsed)


_current: ContextVar[SpawnAttempt | None] = ContextVar("spawn attempt", default=None)


def current_attempt(user: Any, server_name: str) -> SpawnAttempt | None:
    """Return the attempt that this code runs in, if it is for this server and not over."""
    attempt = _current.get()
    return attempt if attempt is not None and attempt.is_for(user, server_name) else None


class Spawns:
    """Counts spawns. *max_error_types* bounds the exception names that labels may show."""

    def __init__(self, events: EventLog, max_error_types: int) -> None:
        self._events = events
        self._max_error_types = max_error_types
        self._error_types: set[str] = set()
        # Servers that were begun and never got ready; a stop of theirs ends no server.
        self._unready: set[tuple[int, str]] = set()
        self.on_failure: Callable[[], None] | None = None

    def know(self, error_types: Iterable[str]) -> None:
        """Take exception names for seen, that the counter shows from before."""
        self._error_types.update(set(error_types) - _KNOWN_ERRORS)

    @guarded(Point.SPAWN_REQUEST)
    def requested(self, user: Any, server_name: str) -> SpawnAttempt:
        """A spawn is asked for: the user's clock starts."""
        attempt = SpawnAttempt(user, server_name)
        _current.set(attempt)
        return attempt

    @guarded(Point.SPAWN_REQUEST)
    def request_failed(self, attempt: SpawnAttempt, error: BaseException) -> None:
        """The request raised: a refusal, if the spawn never began (else `_end` tells)."""
        reason = None if attempt.begun else refusal_of(error)
        attempt.over = attempt.over or not attempt.begun
        if reason is not None:
            m.SPAWN_REFUSED.labels(reason.value).inc()
            self._log(attempt, Outcome(Verdict.REFUSED, reason.value), error)

    @guarded(Point.SPAWN)
    def began(self, user: Any, server_name: str) -> SpawnAttempt:
        """`User.spawn` runs: from here the attempt ends exactly once, with its task."""
        attempt = current_attempt(user, server_name)
        task = asyncio.current_task()
        if attempt is None or attempt.begun:
            attempt = SpawnAttempt(user, server_name)  # somebody called User.spawn by himself
            _current.set(attempt)
        elif task is not None:
            # The task also waits for the proxy; its end is the end of the spawn.
            task.add_done_callback(partial(self._task_done, attempt))
            attempt.begun = True
        self._unready.add(attempt.key)
        record_custom_event("server_spawn_start", attempt.username)
        return attempt

    def never_was_ready(self, user: Any, server_name: str) -> bool:
        """Tell whether the server that is being stopped is a spawn that came to nothing."""
        attempt = current_attempt(user, server_name)
        if attempt is not None:
            attempt.close_phase()
        key = (user.id, server_name)
        unready = key in self._unready
        self._unready.discard(key)
        return unready

    @guarded(Point.SPAWN)
    def spawned(self, attempt: SpawnAttempt, error: BaseException | None) -> None:
        """`User.spawn` is over; without a request around it, so is the attempt."""
        if not attempt.begun:
            self._end(attempt, error)

    @guarded(Point.SPAWN)
    def _task_done(self, attempt: SpawnAttempt, task: asyncio.Task[Any]) -> None:
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._end(attempt, error)

    def _end(self, attempt: SpawnAttempt, error: BaseException | None) -> None:
        if attempt.over:
            return
        attempt.over = True
        attempt.close_phase()
        outcome = outcome_of(
            error,
            attempt.phase,
            had_exited=not attempt.was_alive,
            route_failed=attempt.route_failed,
        )
        self._count(attempt, outcome)
        self._log(attempt, outcome, error)

    def _count(self, attempt: SpawnAttempt, outcome: Outcome) -> None:
        seconds, spawner_class = time.perf_counter() - attempt.requested_at, attempt.spawner_class
        for phase, phase_seconds in attempt.phase_seconds.items():
            m.SPAWN_PHASE_DURATION_SECONDS.labels(phase.value, spawner_class).observe(phase_seconds)
        if outcome.verdict is Verdict.REFUSED:
            m.SPAWN_REFUSED.labels(outcome.reason).inc()
            return
        m.NOTEBOOK_LAUNCH_DURATION.labels(attempt.username, spawner_class).observe(seconds)
        record_custom_event(f"server_spawn_{outcome.verdict.value}", attempt.username)
        if outcome.verdict is Verdict.SUCCESS:
            self._unready.discard(attempt.key)
            m.SPAWN_SUCCESS.labels(spawner_class).inc()
            m.SPAWN_DURATION_SECONDS.labels(spawner_class).observe(seconds)
        else:
            m.SPAWN_FAILURE.labels(spawner_class, self._error_type(outcome.reason)).inc()
            if self.on_failure is not None:
                self.on_failure()

    def _error_type(self, name: str) -> str:
        if name not in _KNOWN_ERRORS and name not in self._error_types:
            if len(self._error_types) >= self._max_error_types:
                return ErrorType.OTHER.value
            self._error_types.add(name)
        return name

    def _log(self, attempt: SpawnAttempt, outcome: Outcome, error: BaseException | None) -> None:
        phases: Mapping[str, float] = {
            phase.value: round(seconds, 3) for phase, seconds in attempt.phase_seconds.items()
        }
        self._events.emit(
            "spawn",
            attempt.username,
            servername=attempt.server_name,
            outcome=outcome.verdict.value,
            reason=outcome.reason,
            phases=phases,
            message=message_of(error) or None,
            waited_seconds=round(time.perf_counter() - attempt.requested_at, 3),
            spawner_class=attempt.spawner_class,
            **((outcome.verdict is not Verdict.REFUSED and _facts(attempt)) or {}),
        )


@guarded(Point.ACTIVITY)
def _facts(attempt: SpawnAttempt) -> dict[str, Any]:
    """Return what its spawner knows of the server; nothing where there is no spawner any more."""
    spawners = attempt.user.spawners
    if attempt.server_name not in spawners:
        return {}
    spawner = spawners[attempt.server_name]
    return {"started": started_of(spawner), "profile": profile_of(spawner) or None}


@guarded(Point.SPAWN_PHASE)
def enter_phase(user: Any, server_name: str, phase: SpawnPhase) -> SpawnAttempt | None:
    """Note that the spawn which this code runs in, if any, has come to *phase*."""
    attempt = current_attempt(user, server_name)
    if attempt is not None:
        attempt.enter(phase)
    return attempt


@guarded(Point.SPAWN_PHASE)
def found_alive(user: Any, server_name: str) -> None:
    """Note that the Hub has to stop the server: its process had not exited by itself."""
    attempt = current_attempt(user, server_name)
    if attempt is not None:
        attempt.was_alive = True


@guarded(Point.SPAWN_PHASE)
def route_failed(attempt: SpawnAttempt) -> None:
    """Note that the proxy did not take the route, which the Hub keeps to itself."""
    attempt.route_failed = True
    attempt.close_phase()
