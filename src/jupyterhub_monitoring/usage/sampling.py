"""Looking at servers with several backends at once: which one looks at which, and CPU as a rate.

For use in one thread, like the samplers themselves.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import PurePath

from .model import Backend, Gap, GapReason, Look, RunningServer, ServerKey, Usage, UsageSampler
from .snapshot import ServerUsage

log = logging.getLogger(__name__)

AUTO = "auto"

MIN_SECONDS = 0.5
"""The shortest time over which a rate is told: CPU time is counted in steps of 10 ms."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a server's CPU clock stood: what the next rate is counted from."""

    started: float | None
    backend: Backend
    cpu_seconds: float
    at: float  # by the monotonic clock
    cores: float | None  # the rate that led up to it


class Sampling:
    """Asks each of *samplers* about the servers that it claims, the first that claims one.

    *forced* names the backend that has to look at all of them; "auto" leaves it to `claims`.
    *extras* add what the one that looked does not know: GPUs.
    """

    def __init__(
        self,
        samplers: Sequence[UsageSampler],
        *,
        extras: Sequence[UsageSampler] = (),
        forced: str = AUTO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._samplers, self._extras, self._clock = samplers, extras, clock
        self._forced = None if forced == AUTO else Backend(forced)
        self._marks: dict[ServerKey, _Mark] = {}
        self._failing: set[Backend] = set()

    def look(self, servers: Sequence[RunningServer]) -> tuple[ServerUsage, ...]:
        """Look at all *servers* once, in their order. Never raises: what fails is a gap."""
        looks: dict[ServerKey, tuple[Look, float]] = {}
        backends: dict[ServerKey, Backend] = {}
        for sampler, claimed in self._assigned(servers):
            at = self._clock()
            found = self._ask(sampler, claimed)
            for server in claimed:
                looks[server.key] = found[server.key], at
                backends[server.key] = sampler.backend
        self._marks = {key: mark for key, mark in self._marks.items() if key in looks}
        unclaimed = Gap(GapReason.NO_STATE), 0.0
        seen = []
        for server in servers:
            look, at = looks.get(server.key, unclaimed)
            backend = backends.get(server.key)
            seen.append(ServerUsage(server, backend, look, self._cores(server, backend, look, at)))
        return self._with_extras(seen)

    def partial_gaps(self) -> Iterator[tuple[Backend, Gap]]:
        """Yield why the last look at many servers at once is not whole, where a backend says so."""
        for sampler in (*self._samplers, *self._extras):
            for gap in getattr(sampler, "partial_gaps", ()):
                yield sampler.backend, gap

    def close(self) -> None:
        """Let every sampler give back what it holds, also when one of them fails."""
        with ExitStack() as closing:
            for sampler in (*self._samplers, *self._extras):
                closing.callback(sampler.close)

    def _assigned(
        self, servers: Iterable[RunningServer]
    ) -> Iterable[tuple[UsageSampler, list[RunningServer]]]:
        """Give each server to one sampler. One without servers is told so, and forgets."""
        samplers = [s for s in self._samplers if self._forced in (None, s.backend)]
        groups: list[list[RunningServer]] = [[] for _ in samplers]
        for server in servers:
            for sampler, group in zip(samplers, groups, strict=True):
                if _claims(sampler, server):
                    group.append(server)
                    break
        return zip(samplers, groups, strict=True)

    def _cores(
        self, server: RunningServer, backend: Backend | None, look: Look, at: float
    ) -> float | None:
        """Return the mean CPU use since the look before, None where there was none to compare."""
        if backend is None or isinstance(look, Gap):
            return None  # the mark stays: a rate over the gap is a true mean
        if look.cpu_seconds is None:
            return look.cpu_cores
        cores, before = None, self._marks.get(server.key)
        if before and (before.started, before.backend) == (server.started, backend):
            used, seconds = look.cpu_seconds - before.cpu_seconds, at - before.at
            if seconds < MIN_SECONDS:
                return before.cores
            cores = used / seconds if used >= 0 else None
        self._marks[server.key] = _Mark(server.started, backend, look.cpu_seconds, at, cores)
        return cores

    def _ask(
        self, sampler: UsageSampler, servers: Sequence[RunningServer]
    ) -> Mapping[ServerKey, Look]:
        """Return one look for each server; a sampler that raises or forgets one gives a gap."""
        try:
            found = sampler.sample(servers)
            self._failing.discard(sampler.backend)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the other backends go on
            found = {}
            if sampler.backend not in self._failing:
                self._failing.add(sampler.backend)
                log.error("The backend %s failed: %s", sampler.backend.value, _where(error))  # noqa: TRY400
        failed = Gap(GapReason.FAILED, "the backend raised, or left the server out")
        return {server.key: found.get(server.key, failed) for server in servers}

    def _with_extras(self, seen: list[ServerUsage]) -> tuple[ServerUsage, ...]:
        for extra in self._extras:
            claimed = [found.server for found in seen if _claims(extra, found.server)]
            more = self._ask(extra, claimed)
            seen = [_merged(found, more.get(found.server.key)) for found in seen]
        return tuple(seen)


def _claims(sampler: UsageSampler, server: RunningServer) -> bool:
    try:
        return sampler.claims(server)
    except Exception as error:  # noqa: BLE001 -- another backend may know it
        log.error("The backend %s failed: %s", sampler.backend.value, _where(error))  # noqa: TRY400
        return False


def _where(error: Exception) -> str:
    """Return the kind of *error* and where it was raised; its text may hold a username."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = (f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)
    return f"{type(error).__name__} at {' > '.join(places)}"


def _merged(found: ServerUsage, more: Look | None) -> ServerUsage:
    """Add what an extra backend knows of a server that was looked at; its gaps say nothing."""
    if not isinstance(found.look, Usage) or not isinstance(more, Usage):
        return found
    known = {
        name: value
        for name in Usage.__dataclass_fields__
        if (value := getattr(more, name)) not in (None, "") and getattr(found.look, name) is None
    }
    return replace(found, look=replace(found.look, **known))
