"""The figures of a report: of all, of a group, of a day, each from the same rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from .sessions import Sessions, hours, peak, people_peak
from .spawns import Spawns

FEW = 10
"""Of fewer people a tenth would be one of them."""


@dataclass(frozen=True, slots=True)
class Use:
    """What the series know of: hours of a core, of a GiB of memory, without activity."""

    cpu_hours: float | None = None
    memory_gib_hours: float | None = None
    idle_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """What `fields.FIELDS` defines. None is "not known", or that there is nothing to know."""

    people: int | None
    new: int | None
    returning: int | None
    sessions: int
    hours: float
    mean_seconds: float | None
    median_seconds: float | None
    peak_servers: int
    peak_at: float | None
    peak_people: int | None
    cpu_hours: float | None
    memory_gib_hours: float | None
    idle_hours: float | None
    starts: int
    start_success_ratio: float | None
    wait_median_seconds: float | None
    wait_p95_seconds: float | None


def figures(  # noqa: PLR0913, PLR0917 -- what they are made of
    sessions: Sessions,
    spawns: Spawns,
    start: float,
    end: float,
    newcomers: Mapping[str, float] | None,
    use: Use,
) -> Figures:
    """Return the figures of what is of *sessions* and *spawns* between *start* and *end*.

    *newcomers* says when each new user was first seen, and is None where nobody knows.
    """
    sessions, spawns = sessions.within(start, end), spawns.within(start, end)
    names = sessions.names()
    new = None if names is None or newcomers is None else _new(names, newcomers, start, end)
    lengths = sessions.end - sessions.start
    servers = peak(sessions, start, end)
    return Figures(
        people=None if names is None else len(names),
        new=new,
        returning=None if names is None or new is None else len(names) - new,
        sessions=len(sessions),
        hours=hours(sessions, start, end),
        mean_seconds=float(lengths.mean()) if len(lengths) else None,
        median_seconds=float(np.median(lengths)) if len(lengths) else None,
        peak_servers=servers.most,
        peak_at=servers.at,
        peak_people=None if names is None else people_peak(sessions, start, end).most,
        cpu_hours=use.cpu_hours,
        memory_gib_hours=use.memory_gib_hours,
        idle_hours=use.idle_hours,
        starts=spawns.count,
        start_success_ratio=spawns.success_ratio,
        wait_median_seconds=spawns.waited_seconds(0.5),
        wait_p95_seconds=spawns.waited_seconds(0.95),
    )


def _new(names: Collection[str], seen: Mapping[str, float], start: float, end: float) -> int:
    return sum(start <= seen[name] < end for name in names if name in seen)


def top_share(sessions: Sessions, start: float, end: float) -> float | None:
    """Return the share of all hours that the tenth of people with the most hours had.

    None where names are left out, or there are too few people for a tenth.
    """
    sessions = sessions.within(start, end)
    names = sessions.names()
    if names is None or len(names) < FEW:
        return None
    inside = np.minimum(sessions.end, end) - np.maximum(sessions.start, start)
    each = np.sort(np.bincount(sessions.user, np.maximum(inside, 0.0)))[::-1]
    total = float(each.sum())
    return float(each[: len(names) // FEW].sum()) / total if total else None
