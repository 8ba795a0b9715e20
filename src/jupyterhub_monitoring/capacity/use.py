"""Who used what: the days of the series, added up for each row of a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import numpy as np

from .figures import Use
from .grouping import NO_PROFILE
from .series import CPU, GIB, IDLE, MEMORY, Days, Key, Series
from .sessions import Sessions
from .span import Piece

HOUR = 3600.0
Shares = Mapping[tuple[Key, int], Mapping[str, float]]
"""How many seconds of a server's day (the place of the day) were which profile's."""

ByKey = dict[str, dict[str, float]]
"""By key and quantity what was used."""


def total_use(series: Series) -> Use:
    """Return what all used together."""
    return _use({quantity: _known(days.values()) for quantity, days in series.days.items()})


def use_by_day(series: Series, count: int) -> list[Use]:
    """Return what all used on each of *count* days."""
    return [
        _use(
            {
                quantity: _known(row[day : day + 1] for row in days.values())
                for quantity, days in series.days.items()
            }
        )
        for day in range(count)
    ]


def use_by_user(series: Series) -> ByKey:
    """Return what each user used; what is not known is left out."""
    found: ByKey = defaultdict(dict)
    for quantity, (username, _), row in _rows(series):
        found[username][quantity] = found[username].get(quantity, 0.0) + float(np.nansum(row))
    return found


def use_by_profile(series: Series, shares: Shares) -> ByKey:
    """Return what was used with each profile: a user's day is shared out as its time was."""
    found: ByKey = defaultdict(dict)
    for quantity, key, row in _rows(series):
        for day in np.flatnonzero(~np.isnan(row)).tolist():
            own = shares.get((key, day)) or {NO_PROFILE: 1.0}
            whole = sum(own.values())
            for profile, seconds in own.items():
                part = float(row[day]) * seconds / whole
                found[profile][quantity] = found[profile].get(quantity, 0.0) + part
    return found


def use_of(by_key: Mapping[str, Mapping[str, float]], keys: Collection[str]) -> Use:
    """Return what *keys* used together."""
    found: dict[str, float | None] = {}
    for quantity in (CPU, MEMORY, IDLE):
        values = [by_key[key][quantity] for key in keys if quantity in by_key.get(key, {})]
        found[quantity] = sum(values) if values else None
    return _use(found)


def profile_shares(sessions: Sessions, pieces: Sequence[Piece]) -> Shares:
    """Return how each server's time of each day is shared out between profiles."""
    found: dict[tuple[Key, int], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    starts = np.array([piece.start for piece in pieces])
    first = np.maximum(np.searchsorted(starts, sessions.start, "right") - 1, 0)
    rows = zip(
        sessions.user.tolist(),
        sessions.server.tolist(),
        sessions.profile.tolist(),
        sessions.start.tolist(),
        sessions.end.tolist(),
        first.tolist(),
        strict=True,
    )
    for user, server, profile, begun, ended, day in rows:
        name = sessions.profiles[profile] or NO_PROFILE
        for place in range(day, len(pieces)):
            if pieces[place].start >= ended:
                break
            inside = min(ended, pieces[place].end) - max(begun, pieces[place].start)
            if inside > 0:
                found[(sessions.users[user], sessions.servers[server]), place][name] += inside
    return found


def known_days(series: Series) -> int:
    """Return on how many days anything is known of CPU or memory."""
    rows = [row for name in (CPU, MEMORY) for row in series.days.get(name, {}).values()]
    return int((~np.isnan(np.vstack(rows))).any(axis=0).sum()) if rows else 0


def _rows(series: Series) -> Iterator[tuple[str, Key, Days]]:
    """Yield quantity, key and days of what is somebody's and known."""
    for quantity, days in series.days.items():
        for key, row in days.items():
            if key[0] and not np.isnan(row).all():
                yield quantity, key, row


def _known(rows: Iterable[Days]) -> float | None:
    """Return the sum of what is known, None where nothing is."""
    values = [float(np.nansum(row)) for row in rows if not np.isnan(row).all()]
    return sum(values) if values else None


def _use(found: Mapping[str, float | None]) -> Use:
    cpu, memory, idle = (found.get(quantity) for quantity in (CPU, MEMORY, IDLE))
    return Use(
        cpu_hours=None if cpu is None else cpu / HOUR,
        memory_gib_hours=None if memory is None else memory / GIB / HOUR,
        idle_hours=None if idle is None else idle / HOUR,
    )
