"""A disk without room: scrapes go on in memory, and are written when there is room again."""

import contextlib
import sqlite3
import subprocess
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.store.selection import Appended, Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store
from support.stores import (
    EAGER,
    HOUR,
    START,
    STEP,
    Clock,
    many,
    minutes,
    open_store,
    samples,
    scrape,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def fill_the_disk(store: Store) -> None:
    """From now on SQLite gets no further page, as on a full disk: SQLITE_FULL."""
    execute = store._database._writer.execute
    (pages,) = execute("PRAGMA page_count").fetchone()
    execute(f"PRAGMA max_page_count = {pages + 1}")
    with contextlib.suppress(sqlite3.OperationalError):
        while True:  # no room in the pages that are there, either
            execute("INSERT INTO bodies (body) VALUES (zeroblob(60))")


def make_room(store: Store) -> None:
    store._database._writer.execute("PRAGMA max_page_count = 1000000000")
    store._database._writer.execute("DELETE FROM bodies WHERE body = zeroblob(60)")


def test_scraping_goes_on_in_memory(tmp_path: Path, clock: Clock):
    """What the disk does not take is queried like the rest, and written in order afterwards."""
    store = open_store(tmp_path, clock)
    scrape(store, clock, many(500), 3)
    fill_the_disk(store)
    scrape(store, clock, many(510), 200)
    assert store.stats().waiting_bytes > 0
    assert samples(store)[many(500)[0]] == minutes(0, 203)
    store.maintain()
    make_room(store)
    store.flush_waiting()
    assert store.stats().waiting_bytes == 0
    store.close()
    store = open_store(tmp_path, clock)
    assert samples(store)[many(500)[499]] == minutes(0, 203)
    assert samples(store)[many(510)[509]] == minutes(3, 203)
    store.close()


def test_the_next_scrape_writes_what_waited(tmp_path: Path, clock: Clock):
    """Nobody has to ask for it: as soon as there is room a scrape takes the others along."""
    store = open_store(tmp_path, clock)
    scrape(store, clock, many(500), 3)
    fill_the_disk(store)
    scrape(store, clock, many(500), 200)
    assert store.stats().waiting_bytes > 0
    make_room(store)
    scrape(store, clock, many(500), 1)
    assert store.stats().waiting_bytes == 0
    disk = sqlite3.connect(tmp_path / "series.sqlite")
    assert disk.execute("SELECT count(*) FROM head").fetchone() == (204,)
    order = [at for (at,) in disk.execute("SELECT timestamp FROM head ORDER BY id")]
    assert order == sorted(order)
    disk.close()
    store.close()


def test_beyond_the_limit_scrapes_are_dropped_and_counted(tmp_path: Path, clock: Clock):
    """Memory is bounded: what waits stays, what comes after is dropped, and said to be."""
    settings = StoreSettings(settle_seconds=0, waiting_bytes=20_000)
    store = open_store(tmp_path, clock, settings)
    scrape(store, clock, many(500), 3)
    fill_the_disk(store)
    ids = store.series_ids(many(500))
    chance = np.random.default_rng(1)
    given = []
    for _ in range(40):
        given.append(store.append([Row(clock.now, ids, chance.random(500))]))
        clock.now += STEP
    assert given[0] == Appended(stored=500)
    assert given[-1] == Appended(no_space=500)
    assert 0 < store.stats().waiting_bytes <= 20_000
    kept = sum(1 for counts in given if counts.stored)
    assert len(samples(store)[many(1)[0]]) == 3 + kept
    make_room(store)
    store.flush_waiting()
    store.close()
    store = open_store(tmp_path, clock, settings)
    assert len(samples(store)[many(1)[0]]) == 3 + kept
    store.close()


@pytest.mark.parametrize("rounds", [0, 30], ids=["only sealing fails", "scrapes wait too"])
def test_sealing_waits_for_room(tmp_path: Path, clock: Clock, rounds: int):
    """A block that cannot be written stays as it is; nothing is lost, and it is sealed later."""
    store = open_store(tmp_path, clock, EAGER)
    scrape(store, clock, many(500), 120)
    before = samples(store)
    fill_the_disk(store)
    clock.now += 3 * HOUR
    scrape(store, clock, many(500), rounds)
    store.maintain()
    assert store.stats().pages == 0
    make_room(store)
    store.maintain()
    assert store.stats().pages > 0
    assert {labels: found[:120] for labels, found in samples(store).items()} == before
    assert store.stats().oldest_ms == START
    store.close()


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of its own, with 12 MiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_disk_that_is_really_full(small_disk: Path, clock: Clock):
    """Another program fills the disk: scrapes wait, sealing too; all is there when it has gone."""
    store = open_store(small_disk / "data", clock)
    labels, chance = many(500), np.random.default_rng(2)
    ids = store.series_ids(labels)
    expected = []

    def rounds(count: int) -> None:
        for _ in range(count):
            values = chance.random(500)
            assert store.append([Row(clock.now, ids, values)]).stored == 500
            expected.append((clock.now, values[0]))
            clock.now += STEP

    rounds(60)
    hog = small_disk / "another program's"
    with contextlib.suppress(OSError), hog.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    rounds(100)
    assert store.stats().waiting_bytes > 0
    clock.now += 3 * HOUR
    store.maintain()
    assert store.stats().pages == 0
    assert samples(store)[labels[0]] == expected
    hog.unlink()
    store.flush_waiting()
    assert store.stats().waiting_bytes == 0
    store.maintain()
    assert store.stats().pages > 0
    for _ in range(2):
        assert samples(store)[labels[0]] == expected
        store.close()
        store = open_store(small_disk / "data", clock)
    assert not store.damage()
    store.close()
