"""Whose the project quotas of homes are: numbers are shown where they are those of one home.

The kernel counts projects, whatever is in one: a course's holds many homes; one that was given to a
full folder, and not to its files, holds next to nothing; and who owns a home can put it into any
project. So a quota is believed once a walk over the home has come to the same size, and is shown
while no other home is in its project.

Nothing here blocks; for one thread at a time.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from .homes_quota import ProjectQuota
from .model import Gap
from .snapshot import Home

REFRESH_SECONDS = 60.0
"""How old a quota that is shown may become; to ask for it is no work for the disk."""

SAME_SHARE, SAME_BYTES = 0.1, 16 << 20
"""How far a walk may be from the quota: people write while it goes on."""

MAX_HOMES = 100_000
"""Homes whose projects are remembered; those of users without a server may be shared, too."""


@dataclass(slots=True)
class _Asked:
    """The last answer for one home."""

    at: float  # by the monotonic clock
    path: str | os.PathLike[str]
    quota: ProjectQuota
    believed: bool


class HomeProjects:
    """Remembers what the quotas of users' homes said, and decides which of it is shown."""

    def __init__(self) -> None:
        self._asked: dict[str, _Asked] = {}  # who was asked about last comes last
        self._homes: defaultdict[tuple[int, int], Counter[int]] = defaultdict(Counter)

    def note(
        self,
        username: str,
        path: str | os.PathLike[str],
        quota: ProjectQuota | None,
        now: float,
    ) -> None:
        """Take what the quota of the home at *path* says at *now*; None where there is none."""
        before = self._forget(username)
        if quota is None:
            return
        believed = before is not None and before.believed and _place(before.quota) == _place(quota)
        self._asked[username] = _Asked(now, path, quota, believed)
        self._homes[quota.project][quota.home] += 1
        if len(self._asked) > MAX_HOMES:
            self._forget(next(iter(self._asked)))

    def judge(self, username: str, walked: Home) -> None:
        """Believe the quota, or do so no longer, by what a walk over the home has come to."""
        asked = self._asked.get(username)
        if asked is not None and walked.bytes is not None:
            apart = abs(asked.quota.used_bytes - walked.bytes)
            asked.believed = apart <= SAME_BYTES + SAME_SHARE * walked.bytes

    def shown(self, username: str, walked: Home | Gap | None) -> Home | Gap | None:
        """Return what to show of the home of which a walk has found *walked*."""
        asked = self._asked.get(username)
        if asked is None or not asked.believed or len(self._homes[asked.quota.project]) > 1:
            return walked
        quota, newest = asked.quota, walked.newest_change if isinstance(walked, Home) else None
        limit = None if quota.limit_bytes is None else float(quota.limit_bytes)
        return Home(float(quota.used_bytes), float(quota.entries), newest, limit)

    def due(
        self, usernames: Collection[str], now: float
    ) -> Iterator[tuple[str, str | os.PathLike[str]]]:
        """Yield those of *usernames*, and their homes, whose quotas are believed and too old."""
        for username in usernames:
            asked = self._asked.get(username)
            if asked is not None and asked.believed and now - asked.at >= REFRESH_SECONDS:
                yield username, asked.path

    def _forget(self, username: str) -> _Asked | None:
        asked = self._asked.pop(username, None)
        if asked is not None:
            homes = self._homes[asked.quota.project]
            homes[asked.quota.home] -= 1
            self._homes[asked.quota.project] = +homes
            if not self._homes[asked.quota.project]:
                del self._homes[asked.quota.project]
        return asked


def _place(quota: ProjectQuota) -> tuple[tuple[int, int], int]:
    return quota.project, quota.home
