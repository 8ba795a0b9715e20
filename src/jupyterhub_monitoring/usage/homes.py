"""How large users' homes are: a slow walk over one after the other, in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .homes_place import HomePlace
from .homes_projects import HomeProjects
from .homes_quota import QuotaOf, project_quota
from .homes_tree import TreeWalk
from .model import Gap, GapReason
from .snapshot import Home

SLICE_SECONDS = 0.1
"""How often the walk pauses: as many operations as may be in this time, then a rest."""

AT_ONCE = 2
"""Homes that are walked over in turns: one of a hundred million files delays no other for days."""

QUOTA_OPERATIONS = 2
"""What it costs to ask for a quota: the home and the folder above are opened."""

LOOK_AGAIN_SECONDS = 1.0
NICEST = 19


class Budget:
    """Operations per second. Asked after the fact: how long to rest for what was done."""

    def __init__(self, operations_per_second: float, now: float) -> None:
        self._rate, self._paid_until = operations_per_second, now
        self.slice = max(1, int(operations_per_second * SLICE_SECONDS))

    def rest(self, operations: int, now: float) -> float:
        """Return the seconds to rest after *operations*. What went slowly is not caught up with."""
        begun = max(self._paid_until, now - SLICE_SECONDS)
        self._paid_until = begun + operations / self._rate
        return max(0.0, self._paid_until - now)


@dataclass(slots=True)
class _Measured:
    at: float  # by the monotonic clock
    found: Home | Gap | None  # None: the user has no home, or the gap was told of already


class HomeWalker:
    """Measures the homes of the users that it was last asked about, each once in an interval.

    Whoever was never measured comes first, then the one measured longest ago. All walks together
    make at most *operations_per_second* file system operations. What *quota_of* says of a home
    stands in for what a walk said, see `HomeProjects`. Methods are for any thread.
    """

    def __init__(
        self,
        place: HomePlace,
        *,
        operations_per_second: float,
        interval_seconds: float,
        quota_of: QuotaOf = project_quota,
    ) -> None:
        self._place, self._interval, self._quota_of = place, interval_seconds, quota_of
        self._budget = Budget(operations_per_second, time.monotonic())
        self._lock = threading.Lock()
        self._wanted: frozenset[str] = frozenset()
        self._measured: dict[str, _Measured] = {}
        self._projects = HomeProjects()
        self._walks: deque[tuple[str, TreeWalk]] = (
            deque()
        )  # this and the next three: the thread's own
        self._due: deque[str] = deque()
        self._old_quotas: deque[tuple[str, str | os.PathLike[str]]] = deque()
        self._look_for_old_at = 0.0
        self._woken, self._ended = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def homes(self, usernames: Collection[str]) -> Mapping[str, Home | Gap]:
        """Return what is known of the homes of *usernames*, and measure those from now on.

        A gap is returned once; a home that could be measured, until it could not be.
        """
        with self._lock:
            self._wanted = frozenset(usernames)
            known = {}
            for username in self._wanted & self._measured.keys():
                measured = self._measured[username]
                found = self._projects.shown(username, measured.found)
                if found is not None:
                    known[username] = found
                if isinstance(found, Gap):
                    measured.found = None
        self._start()
        self._woken.set()
        return known

    def close(self) -> None:
        """Stop walking; soon, unless a file system does not answer."""
        self._ended.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)

    def _start(self) -> None:
        if self._thread is None and self._wanted and not self._ended.is_set():
            self._thread = threading.Thread(target=self._run, name="usage-homes", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):  # of this thread only, as Linux has it
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICEST)
        while not self._ended.is_set():
            done = self._begin_walks() + self._refresh_quotas()
            if self._walks:
                done += self._step()
            if done:
                self._ended.wait(self._budget.rest(done, time.monotonic()))
            else:
                self._woken.wait(LOOK_AGAIN_SECONDS)
                self._woken.clear()
        for _, walk in self._walks:
            walk.close()

    def _step(self) -> int:
        """Go on with the walk whose turn it is; return how many operations it made."""
        username, walk = self._walks.popleft()
        try:
            done = walk.step(self._budget.slice)
            found = walk.found
        except Exception:  # noqa: BLE001 -- whatever it is, the other homes go on
            done, found = self._budget.slice, Gap(GapReason.FAILED, "the walk over a home raised")
        if found is None and username in self._wanted:
            self._walks.append((username, walk))
            return done
        walk.close()
        if found is not None:  # else nobody asks about the user any more
            done += self._ask_quota(username, walk.path)
            self._keep(username, found)
        return done

    def _begin_walks(self) -> int:
        """Begin with those whose turn it is; return how many operations that took."""
        done = 0
        if not self._due and len(self._walks) < AT_ONCE:
            self._due.extend(self._who_is_due(time.monotonic()))
        while self._due and len(self._walks) < AT_ONCE:
            username = self._due.popleft()
            try:
                path = self._place(username)
            except Exception:  # noqa: BLE001 -- the operator's own function, or an odd name
                self._keep(username, Gap(GapReason.PROTOCOL, "a username has no place for a home"))
                continue
            if path is None:
                self._keep(username, None)
            else:
                self._walks.append((username, TreeWalk(path)))
                done += self._ask_quota(username, path)
        return done

    def _refresh_quotas(self) -> int:
        """Ask again for quotas that are shown, for as many at once as the budget has."""
        now = time.monotonic()
        if not self._old_quotas and now >= self._look_for_old_at:
            self._look_for_old_at = now + LOOK_AGAIN_SECONDS
            with self._lock:
                self._old_quotas.extend(self._projects.due(self._wanted, now))
        some = min(len(self._old_quotas), max(1, self._budget.slice // QUOTA_OPERATIONS))
        return sum(self._ask_quota(*self._old_quotas.popleft()) for _ in range(some))

    def _ask_quota(self, username: str, path: str | os.PathLike[str]) -> int:
        quota = self._quota_of(path)  # may block, as all of a file system may
        with self._lock:
            self._projects.note(username, path, quota, time.monotonic())
        return QUOTA_OPERATIONS

    def _who_is_due(self, now: float) -> list[str]:
        """Return those to measure, who waits longest first; forget who was not asked about."""
        with self._lock:
            oldest = now - self._interval
            walking = {username for username, _ in self._walks}
            self._measured = {
                username: measured
                for username, measured in self._measured.items()
                if username in self._wanted or measured.at > oldest
            }
            waits = {u: self._measured[u].at if u in self._measured else None for u in self._wanted}
        due = {u: at for u, at in waits.items() if at is None or at <= oldest}
        return sorted(due.keys() - walking, key=lambda u: (due[u] is not None, due[u] or 0.0, u))

    def _keep(self, username: str, found: Home | Gap | None) -> None:
        with self._lock:
            self._measured[username] = _Measured(time.monotonic(), found)
            if isinstance(found, Home):
                self._projects.judge(username, found)
