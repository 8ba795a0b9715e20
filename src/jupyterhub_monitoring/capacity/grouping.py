"""What a report is broken down by: the rows of each user, group, profile; small groups merged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from .sessions import Sessions
from .spawns import Spawns

SMALL = 5
"""Groups of fewer people are merged: their figures would be somebody's."""

NO_GROUP, NO_PROFILE, NO_NAME = "(no group)", "(no profile)", "(names are left out)"
SMALL_GROUPS, OTHERS = "(small groups)", "(others)"
MOST_ROWS = 1000

Membership = Mapping[str, Collection[str]]
"""The groups of each user."""


class By(str, Enum):
    """What the rows of a report are."""

    NOTHING = ""
    USER = "user"
    GROUP = "group"
    PROFILE = "profile"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a report, made of one or more *keys*; which are shown as *name*."""

    name: str
    keys: tuple[str, ...]


def keys_of(by: By, username: str, profile: str, membership: Membership) -> Collection[str]:
    """Return what something of *username* with *profile* counts for: each of their groups."""
    if by is By.USER:
        return (username or NO_NAME,)
    if by is By.PROFILE:
        return (profile or NO_PROFILE,)
    return membership.get(username) or (NO_GROUP,)


class Places:
    """Where in *rows* each key is."""

    def __init__(self, rows: Sessions | Spawns, by: By, membership: Membership) -> None:
        codes = rows.profile if by is By.PROFILE else rows.user
        names = rows.profiles if by is By.PROFILE else rows.users
        order = np.argsort(codes, kind="stable")
        edges = np.searchsorted(codes[order], np.arange(len(names) + 1))
        self._of: dict[str, list[NDArray[np.int64]]] = {}
        for place, name in enumerate(names):
            own = order[edges[place] : edges[place + 1]]
            if len(own):
                for key in keys_of(by, name, name, membership):
                    self._of.setdefault(key, []).append(own)

    def keys(self) -> list[str]:
        """Return the keys that there are."""
        return list(self._of)

    def of(self, keys: Collection[str]) -> NDArray[np.int64]:
        """Return the places of *keys*, each once, in the order of the rows."""
        found = [places for key in keys for places in self._of.get(key, ())]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def groups(people: Mapping[str, frozenset[str] | None], *, merge: bool) -> list[Group]:
    """Return a group for each key of *people* (who they are); with *merge*, small ones as one.

    Where those together are still few, the next larger is merged, too: what is left over would
    tell of them. Who they are may be unknown (None): that counts as few.
    """
    if not merge:
        return [Group(key, (key,)) for key in people]
    ordered = sorted(people, key=lambda key: (len(people[key] or ()), key))
    small = [key for key in ordered if len(people[key] or ()) < SMALL]
    rest = ordered[len(small) :]
    together = frozenset[str]().union(*(people[key] or () for key in small))
    while small and rest and len(together) < SMALL:
        small.append(rest.pop(0))
        together |= people[small[-1]] or frozenset()
    made = [Group(key, (key,)) for key in rest]
    return [*made, Group(SMALL_GROUPS, tuple(small))] if small else made


def bounded(
    found: Sequence[Group], hours: Mapping[str, float], most: int = MOST_ROWS
) -> list[Group]:
    """Return *found* by their hours, the most first; what is over *most* as one."""
    ordered = sorted(
        found, key=lambda group: (-sum(hours.get(key, 0.0) for key in group.keys), group.name)
    )
    if len(ordered) <= most:
        return ordered
    rest = tuple(key for group in ordered[most:] for key in group.keys)
    return [*ordered[:most], Group(OTHERS, rest)]
