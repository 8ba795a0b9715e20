"""Small stores for tests: hours pass as quickly as a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.store.matcher import Matcher, MatchType
from jupyterhub_monitoring.store.selection import ABSENT_BITS, Appended, Labels, Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

HOUR = 3_600_000
BLOCK = 2 * HOUR
START = 200_000 * BLOCK  # in 2015, at the start of a block
STEP = 60_000
EAGER = StoreSettings(settle_seconds=0)


def series(name: str, instance: str = "a", **labels: str) -> Labels:
    """One label set of the job `hub`."""
    pairs = {"__name__": name, "instance": instance, "job": "hub", **labels}
    return tuple(sorted(pairs.items()))


def many(count: int, name: str = "m", instance: str = "a") -> list[Labels]:
    """Label sets of one metric."""
    return [series(name, instance, n=str(n)) for n in range(count)]


@dataclass
class Clock:
    """A clock that tests set."""

    now: int = START

    def __call__(self) -> int:
        return self.now


def open_store(folder: Path, clock: Clock, settings: StoreSettings = EAGER) -> Store:
    """The store in *folder*, by *clock*."""
    return Store.open(folder, settings, now_ms=clock)


def put(store: Store, at: int, labels: Sequence[Labels], values: Sequence[float]) -> Appended:
    """Append one row."""
    ids = store.series_ids(labels)
    return store.append([Row(at, ids, np.array(values, dtype=np.float64))])


def scrape(store: Store, clock: Clock, labels: Sequence[Labels], rounds: int) -> None:
    """Append *rounds* rows, a minute apart; the value is the minute since START."""
    ids = store.series_ids(labels)
    for _ in range(rounds):
        value = float((clock.now - START) // STEP)
        store.append([Row(clock.now, ids, np.full(len(ids), value))])
        clock.now += STEP


def samples(
    store: Store, name: str = "m", start: int = 0, end: int = 1 << 60
) -> dict[Labels, list[tuple[int, float]]]:
    """All samples of the series called *name*, by labels; staleness markers included."""
    selection = store.select([Matcher("__name__", MatchType.EQUAL, name)], start, end)
    found: dict[Labels, list[tuple[int, float]]] = {}
    for tile in selection.tiles:
        values = tile.rows(slice(None))
        there = values.view(np.int64) != ABSENT_BITS
        for column, position in enumerate(tile.positions.tolist()):
            labels = tuple(sorted(selection.labels.row(position).items()))
            assert labels not in found, "a series is in two tiles"
            mine = there[:, column]
            times, kept = tile.timestamps[mine].tolist(), values[mine, column].tolist()
            found[labels] = list(zip(times, kept, strict=True))
    return found


def minutes(first: int, last: int) -> list[tuple[int, float]]:
    """What `scrape` appends for the minutes *first* to *last*, the last one not included."""
    return [(START + n * STEP, float(n)) for n in range(first, last)]
