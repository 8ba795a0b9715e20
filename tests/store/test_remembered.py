"""What the store remembers from one query for the next: never anything that is no longer so."""

import sqlite3
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest

from jupyterhub_monitoring.store import remembered, snapshot
from jupyterhub_monitoring.store.remembered import Remembered
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store
from support.stores import (
    BLOCK,
    HOUR,
    START,
    STEP,
    Clock,
    many,
    minutes,
    open_store,
    put,
    scrape,
    series,
)
from support.stores import samples as asked

HOURS = 9
UNCACHED = StoreSettings(settle_seconds=0, cache_bytes=0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock):
    """Nine hours of a counter of 100 series: sealed blocks, packed rows and rows as they came."""
    store = open_store(tmp_path / "data", clock, UNCACHED)
    for _ in range(HOURS):
        scrape(store, clock, many(100), 60)
        store.maintain()
    yield store
    store.close()


def tiles_of(store: Store, end: int = 1 << 60):
    return store.select([], 0, end).tiles


def test_a_series_that_is_born_between_two_queries(store: Store, clock: Clock):
    """The second query has it, though its range and its selector are those of the first."""
    assert len(asked(store)) == 100
    put(store, clock.now, [series("m", n="new")], [1.0])
    assert asked(store)[series("m", n="new")] == [(clock.now, 1.0)]


def test_a_sample_that_comes_between_two_queries(store: Store, clock: Clock):
    """The second query has it, at the end of its range or late, in the midst of it."""
    before = asked(store)
    late = START + HOURS * HOUR - 30_000
    put(store, late, many(1), [7.0])
    put(store, clock.now, many(1), [8.0])
    expected = sorted([*before[many(1)[0]], (late, 7.0), (clock.now, 8.0)])
    assert asked(store)[many(1)[0]] == expected


@pytest.mark.parametrize("value", [-1.0, float(60 * HOURS)], ids=["falls", "rises"])
def test_a_counter_that_falls_after_the_first_query(store: Store, clock: Clock, value: float):
    """No tile rises whose counter fell to its newest sample; all others do as before."""
    assert all(tile.ascending for tile in tiles_of(store))
    put(store, clock.now, many(100), [value] * 100)
    assert all(tile.ascending for tile in tiles_of(store)) == (value > 0)


def test_a_counter_that_fell_between_two_blocks(tmp_path: Path, clock: Clock):
    """A reset where one segment ends and the next begins is seen, and seen again."""
    store = open_store(tmp_path, clock)
    rising = [float(n) for n in range(120)] * 3  # each block begins at 0 anew
    for value in rising:
        put(store, clock.now, many(3), [value] * 3)
        clock.now += STEP
        store.maintain()
    for _ in range(3):
        assert not any(tile.ascending for tile in tiles_of(store))
    assert all(tile.ascending for tile in tiles_of(store, START + BLOCK - 1))
    store.close()


def test_a_page_that_is_found_damaged_by_a_later_query(store: Store, clock: Clock):
    """Who asks after that is told that there are gaps, though all was well before."""
    assert all(tile.dense for tile in tiles_of(store))
    disk = sqlite3.connect(store.folder / "series.sqlite")
    disk.execute("UPDATE bodies SET body = zeroblob(100) WHERE id = (SELECT min(id) FROM bodies)")
    disk.commit()
    disk.close()
    found = asked(store)  # the page is read anew: nothing is cached
    assert sum(one != minutes(0, 60 * HOURS) for one in found.values()) == 64
    assert [tile.dense for tile in tiles_of(store)].count(False) == 1


def test_dropped_pages_are_deleted_after_their_last_query(tmp_path: Path, clock: Clock):
    """What is remembered of a block keeps nobody from giving its room back."""
    settings = StoreSettings(settle_seconds=0, retention_ms=4 * HOUR)
    store = open_store(tmp_path, clock, settings)
    for _ in range(12):
        scrape(store, clock, many(10), 60)
        assert asked(store)
        store.maintain()
    assert asked(store)[many(1)[0]][0] == (START + 8 * HOUR, 8.0 * 60)
    with store._database.reading() as connection:
        (blocks,) = connection.execute("SELECT count(*) FROM blocks").fetchone()
        (bodies,) = connection.execute("SELECT count(*) FROM bodies").fetchone()
    assert bodies == blocks  # ten series are one page a block
    store.close()


def test_what_is_remembered_has_an_end(store: Store):
    """Queries of ever other ranges and segments do not take ever more memory."""
    serials, known = count(), Remembered[int]()
    for number in range(100):
        segments = [SimpleNamespace(serial=next(serials))]
        assert known.of(segments, lambda number=number: number) == number
        assert known.of(segments, lambda: -1) == number
    assert len(known._values) <= remembered.MOST
    for end in range(START, START + 3 * snapshot.SPANS * STEP, STEP):
        tiles_of(store, end)
    assert len(store._snapshot._spans) <= snapshot.SPANS
