"""Sessions as columns: what a year of them is counted from."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..activity import Session

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sessions:
    """A row for each session. *user*, *server*, *profile* are places in *users*, *servers*, ...

    *end* is *now* of those that run. Where a name was left out, the user is ''.
    """

    users: Sequence[str]
    servers: Sequence[str]
    profiles: Sequence[str]
    user: Codes
    server: Codes
    profile: Codes
    start: Floats
    end: Floats

    @classmethod
    def of(cls, rows: Iterable[Session], now: float) -> Sessions:
        """Return *rows* as they are at *now*; what begins later is left out."""
        names: tuple[dict[str, int], ...] = ({}, {}, {})
        codes, times = array("q"), array("d")
        for row in rows:
            if row.start <= now:
                texts = (row.username, row.server_name, row.profile)
                for known, text in zip(names, texts, strict=True):
                    codes.append(known.setdefault(text, len(known)))
                times.append(row.start)
                times.append(max(row.start, now if row.end is None else row.end))
        user, server, profile = np.array(codes, dtype=np.int64).reshape(-1, 3).T
        start, end = np.array(times, dtype=np.float64).reshape(-1, 2).T
        users, servers, profiles = map(list, names)
        return cls(users, servers, profiles, user, server, profile, start, end)

    def __len__(self) -> int:
        return len(self.start)

    def only(self, which: NDArray[np.bool_] | Codes) -> Sessions:
        """Return the rows at *which*: a mask, or places."""
        return replace(
            self,
            user=self.user[which],
            server=self.server[which],
            profile=self.profile[which],
            start=self.start[which],
            end=self.end[which],
        )

    def within(self, start: float, end: float) -> Sessions:
        """Return those of which some part is between *start* and *end*, whole as they are.

        One of no length is there where it began.
        """
        return self.only((self.start < end) & ((self.end > start) | (self.start >= start)))

    def names(self) -> frozenset[str] | None:
        """Return who had them; None where names were left out."""
        found = frozenset(self.users[place] for place in np.unique(self.user).tolist())
        return None if "" in found else found


@dataclass(frozen=True, slots=True)
class Peak:
    """The most at once, and when it was first so many; None where there were none."""

    most: int = 0
    at: float | None = None


def hours(sessions: Sessions, start: float, end: float) -> float:
    """Return how long they ran in all between *start* and *end*."""
    inside = np.minimum(sessions.end, end) - np.maximum(sessions.start, start)
    return float(np.maximum(inside, 0.0).sum()) / 3600


def peak(sessions: Sessions, start: float, end: float) -> Peak:
    """Return how many ran at once at most. One that ends as another begins is not beside it."""
    begins = np.clip(sessions.start, start, end)
    ends = np.clip(sessions.end, start, end)
    there = begins < ends
    return _peak(begins[there], ends[there])


def people_peak(sessions: Sessions, start: float, end: float) -> Peak:
    """Return how many people had a server at once at most, each counted once."""
    begins = np.clip(sessions.start, start, end)
    ends = np.clip(sessions.end, start, end)
    there = begins < ends
    return _peak(*_joined(sessions.user[there], begins[there], ends[there]))


def _peak(begins: Floats, ends: Floats) -> Peak:
    if not len(begins):
        return Peak()
    begins = np.sort(begins)
    running = np.arange(1, len(begins) + 1) - np.searchsorted(np.sort(ends), begins, "right")
    first = int(np.argmax(running))
    return Peak(int(running[first]), float(begins[first]))


def _joined(user: Codes, begins: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """Return when each user began and ended to have at least one server."""
    order = np.lexsort((begins, user))
    user, begins, ends = user[order], begins[order], ends[order]
    if not len(user):
        return begins, ends
    # Ends are compared within a user only: each user's times are moved behind the one's before.
    base = begins.min()
    apart = (user - user.min()) * (ends.max() - base + 1.0)
    reach = np.maximum.accumulate(ends - base + apart)
    fresh = np.ones(len(user), dtype=bool)
    fresh[1:] = (begins - base + apart)[1:] > reach[:-1]
    firsts = np.flatnonzero(fresh)
    return begins[firsts], np.maximum.reduceat(ends, firsts)
