"""What a tile knows of its gaps and falls is what one sees who reads all of its samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.store.selection import ABSENT, STALE, Row, there
from jupyterhub_monitoring.store.store import Store
from jupyterhub_monitoring.store.stretches import Falls, Stretches
from support.stores import HOUR, START, STEP, Clock, many, open_store

ROWS, SERIES = 500, 90


def sessions(random: np.random.Generator) -> np.ndarray:
    """Counters and gauges that come and go; some fall within a block, some at its border."""
    values = random.integers(0, 5, (ROWS, SERIES)).cumsum(axis=0).astype(float)
    values[:, ::7] %= 90
    values[120:, 1::9] = 0.0
    for column in range(SERIES):
        for begin, end in random.integers(0, ROWS, (int(random.integers(0, 3)), 2)):
            values[begin:end, column] = ABSENT
            values[begin, column] = STALE if begin % 2 else ABSENT
    values[300, :] = ABSENT
    values[:130, 40:70] = ABSENT  # they come later
    values[7, 3] = np.inf
    values[8, 3] = np.nan
    return values


@pytest.fixture
def store(tmp_path: Path):
    """Two blocks in pages, the rest in memory: packed in part, and as it came."""
    clock = Clock()
    store = open_store(tmp_path / "data", clock)
    ids = store.series_ids(many(SERIES))
    for number, row in enumerate(sessions(np.random.default_rng(4))):
        has = row.view(np.int64) != ABSENT.view(np.int64)
        store.append([Row(clock.now, ids[has], row[has])])
        clock.now += STEP
        if number % 25 == 0:
            store.maintain()
    yield store
    store.close()


def lists(*arrays: np.ndarray) -> list[list[float]]:
    return [array.tolist() for array in arrays]


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, ROWS), (50, 200), (118, 122), (490, ROWS)],
    ids=["all", "cut", "border", "newest"],
)
def test_stretches_and_falls(store: Store, start: int, end: int):
    """From pages and from memory, over the borders of pieces, cut where the range is."""
    for tile in store.select([], START + start * STEP, START + end * STEP).tiles:
        values = tile.rows(slice(None))
        for markers in (True, False):
            known, seen = tile.stretches(markers=markers), Stretches.of(
                values, there(values, markers=markers)
            )  # fmt: skip
            assert known is not None
            places = (known.column, known.start, known.stop)
            assert lists(*places) == lists(seen.column, seen.start, seen.stop)
            whole = (known.start > 0) & (known.stop < len(values))  # others may be cut
            assert known.first[whole].tobytes() == seen.first[whole].tobytes()
            assert known.last[whole].tobytes() == seen.last[whole].tobytes()
        falls, all_falls = tile.falls(), Falls.of(values)
        assert falls is not None
        order = np.lexsort((falls.column, falls.row))
        found = lists(falls.row[order], falls.column[order], falls.before[order])
        assert found == lists(all_falls.row, all_falls.column, all_falls.before)


def test_what_is_too_scattered_is_not_listed(tmp_path: Path):
    """Series with samples at every other time only, and gauges, are for those who read them."""
    clock = Clock()
    store = open_store(tmp_path / "data", clock)
    ids = store.series_ids(many(20))
    for n in range(240):
        there = ids[n % 2 :: 2]
        store.append([Row(clock.now, there, np.full(len(there), float(n % 3)))])
        clock.now += STEP
    clock.now += 3 * HOUR
    store.maintain()
    (tile,) = store.select([], 0, 1 << 60).tiles
    assert tile.stretches(markers=False) is None
    assert tile.falls() is None
    store.close()
