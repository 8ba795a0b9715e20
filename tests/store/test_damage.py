"""Damaged files and pages: set aside, named, and the rest is served."""

import os
import sqlite3
from pathlib import Path

import pytest

from jupyterhub_monitoring.store.store import Store
from support.stores import HOUR, STEP, Clock, many, minutes, open_store, samples, scrape

FILE = "series.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path, clock: Clock) -> Path:
    """A closed store: 200 series over five hours, the first two sealed blocks of them."""
    store = open_store(tmp_path, clock)
    scrape(store, clock, many(200), 300)
    store.maintain()
    store.close()
    return tmp_path


def test_a_flipped_bit_in_a_page(folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture):
    """The 64 series of the page have a gap of one block; everything else is as it was."""
    disk = sqlite3.connect(folder / FILE)
    number, body = disk.execute("SELECT id, body FROM bodies ORDER BY id LIMIT 1").fetchone()
    body = bytearray(body)
    body[len(body) // 2] ^= 1
    disk.execute("UPDATE bodies SET body = ? WHERE id = ?", (bytes(body), number))
    disk.commit()
    disk.close()
    store = open_store(folder, clock)
    tiles = store.select([], 0, 1 << 60).tiles
    assert sum(not tile.dense for tile in tiles) == 1, "what is damaged is known before it is read"
    found = samples(store)
    short = [labels for labels in many(200) if found[labels] != minutes(0, 300)]
    assert len(short) == 64
    assert found[short[0]] == minutes(120, 300)
    (damage,) = store.damage()
    assert "checksum" in damage.reason
    assert damage.place in caplog.text
    assert store.stats().damaged == 1
    store.close()


def test_a_damaged_row_of_the_head(folder: Path, clock: Clock):
    """One scrape is missing, the others are there."""
    disk = sqlite3.connect(folder / FILE)
    disk.execute("UPDATE head SET body = zeroblob(100) WHERE id = (SELECT max(id) FROM head)")
    disk.commit()
    disk.close()
    store = open_store(folder, clock)
    assert samples(store)[many(1)[0]] == minutes(0, 299)
    assert len(store.damage()) == 1
    store.close()


@pytest.mark.parametrize("content", [b"garbage " * 5000, b"x"], ids=["garbage", "tiny"])
def test_a_file_that_is_no_store(folder: Path, clock: Clock, content: bytes):
    """It is moved aside, never deleted, and a new one begun: the service always runs."""
    (folder / FILE).write_bytes(content)
    store = open_store(folder, clock)
    assert samples(store) == {}
    scrape(store, clock, many(3), 2)
    assert len(samples(store)) == 3
    (aside,) = folder.glob(f"{FILE}.damaged-*")
    assert aside.read_bytes() == content
    assert str(aside) in store.damage()[0].place
    store.close()
    store = open_store(folder, clock)
    assert len(samples(store)) == 3
    assert store.damage() == []
    store.close()


@pytest.mark.parametrize("part", [0.3, 0.5, 0.7, 0.9])
def test_a_file_that_was_cut_off(folder: Path, clock: Clock, part: float):
    """What can still be read is served, nothing of it is wrong, and scraping goes on."""
    os.truncate(folder / FILE, int((folder / FILE).stat().st_size * part))
    store = open_store(folder, clock)
    assert store.damage()
    for found in samples(store).values():
        assert set(found) <= set(minutes(0, 300))
    scrape(store, clock, many(200), 5)
    assert all(found[-5:] == minutes(300, 305) for found in samples(store).values())
    store.close()
    store = open_store(folder, clock)
    assert all(found[-5:] == minutes(300, 305) for found in samples(store).values())
    store.close()


def test_a_flipped_bit_anywhere(folder: Path, clock: Clock):
    """Wherever SQLite's own structure is hit, the store opens and takes scrapes."""
    whole = (folder / FILE).read_bytes()
    for place in [*range(0, len(whole), len(whole) // 12), 7168]:  # there it is SQLite's schema
        content = bytearray(whole)
        content[place : place + 64] = b"\xa5" * 64
        (folder / FILE).write_bytes(content)
        store = open_store(folder, clock)
        scrape(store, clock, many(10), 2)
        found = samples(store, "m", clock.now - STEP)
        assert all(found[labels][-1][0] == clock.now - STEP for labels in many(10))
        clock.now += HOUR
        store.maintain()
        store.close()


def test_a_page_whose_bytes_are_lost(folder: Path, clock: Clock):
    """It leaves a gap and is told, as a page with a wrong checksum: no query fails."""
    disk = sqlite3.connect(folder / FILE)
    disk.execute("DELETE FROM bodies WHERE id = (SELECT min(id) FROM bodies)")
    disk.commit()
    disk.close()
    store = open_store(folder, clock)
    assert set(map(len, samples(store).values())) > {300}
    assert "bytes" in store.damage()[0].reason
    store.close()


def test_a_store_beside_another_program(tmp_path: Path, clock: Clock):
    """Somebody else's SQLite file is moved aside like garbage, whole."""
    disk = sqlite3.connect(tmp_path / FILE)
    disk.execute("CREATE TABLE users (id)")
    disk.commit()
    disk.close()
    store = Store.open(tmp_path)
    assert store.damage()
    store.close()
    (aside,) = tmp_path.glob(f"{FILE}.damaged-*")
    assert sqlite3.connect(aside).execute("SELECT count(*) FROM users").fetchone() == (0,)
