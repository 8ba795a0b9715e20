"""Starts of servers as columns: how many there were, how many came to nothing, who waited."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..activity import Spawn

SUCCESS, FAILURE = "success", "failure"


@dataclass(frozen=True, eq=False)
class Spawns:
    """A row for each start that came to an end: it worked, or it failed.

    Those that a limit or a policy refused are not in it. *waited* is NaN where nobody told.
    """

    users: Sequence[str]
    profiles: Sequence[str]
    user: NDArray[np.int64]
    profile: NDArray[np.int64]
    at: NDArray[np.float64]
    well: NDArray[np.bool_]
    waited: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Iterable[Spawn]) -> Spawns:
        """Return *rows*, the refused ones left out."""
        users: dict[str, int] = {}
        profiles: dict[str, int] = {}
        found = [
            (
                users.setdefault(row.username, len(users)),
                profiles.setdefault(row.profile, len(profiles)),
                row.at,
                row.outcome == SUCCESS,
                np.nan if row.waited_seconds is None else row.waited_seconds,
            )
            for row in rows
            if row.outcome in (SUCCESS, FAILURE)
        ]
        user, profile, at, well, waited = zip(*found, strict=True) if found else [()] * 5
        return cls(
            list(users),
            list(profiles),
            np.array(user, dtype=np.int64),
            np.array(profile, dtype=np.int64),
            np.array(at, dtype=np.float64),
            np.array(well, dtype=bool),
            np.array(waited, dtype=np.float64),
        )

    def only(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> Spawns:
        """Return the rows at *which*: a mask, or places."""
        return replace(
            self,
            user=self.user[which],
            profile=self.profile[which],
            at=self.at[which],
            well=self.well[which],
            waited=self.waited[which],
        )

    def within(self, start: float, end: float) -> Spawns:
        """Return those that ended between *start* and *end*."""
        return self.only((self.at >= start) & (self.at < end))

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.at)

    @property
    def success_ratio(self) -> float | None:
        """The share that worked; None where there was none."""
        return float(self.well.mean()) if self.count else None

    def waited_seconds(self, quantile: float) -> float | None:
        """Return how long that share of people waited at most for a server that came."""
        known = self.waited[self.well & ~np.isnan(self.waited)]
        return float(np.quantile(known, quantile)) if len(known) else None
