"""What is too old or too much goes, and its space comes back."""

from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.errors import StoreError
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from support.stores import (
    BLOCK,
    HOUR,
    START,
    STEP,
    Clock,
    many,
    open_store,
    samples,
    scrape,
    series,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def noise(store, clock: Clock, rounds: int, labels) -> None:
    """Append values that no encoding makes small."""
    ids, chance = store.series_ids(labels), np.random.default_rng(1)
    for _ in range(rounds):
        store.append([Row(clock.now, ids, chance.random(len(ids)))])
        clock.now += STEP


def test_by_age(tmp_path: Path, clock: Clock):
    """Blocks that ended longer ago go as a whole; what is younger stays, also after a restart."""
    settings = StoreSettings(settle_seconds=0, retention_ms=10 * HOUR)
    store = open_store(tmp_path, clock, settings)
    for _ in range(24):
        scrape(store, clock, many(100), 60)
        store.maintain()
    for _ in range(2):
        times = [at for at, _ in samples(store)[many(1)[0]]]
        assert times[0] == START + 14 * HOUR
        assert len(times) == 10 * 60
        store.close()
        store = open_store(tmp_path, clock, settings)
    store.close()


def test_by_size_and_the_file_gets_smaller(tmp_path: Path, clock: Clock):
    """The oldest blocks go until the rest fits; the file system has the space back."""
    store = open_store(tmp_path, clock)
    noise(store, clock, 20 * 60, many(300))
    clock.now += BLOCK
    store.maintain()
    before, whole = store.stats(), samples(store)[many(1)[0]]
    store.close()
    settings = StoreSettings(settle_seconds=0, retention_bytes=before.bytes // 2)
    store = open_store(tmp_path, clock, settings)
    store.maintain()
    kept = samples(store)[many(1)[0]]
    assert kept == whole[-len(kept) :]
    assert 0.3 * len(whole) < len(kept) < 0.6 * len(whole)
    assert store.stats().bytes < 0.55 * before.bytes
    assert (tmp_path / "series.sqlite").stat().st_size < 0.55 * before.bytes
    store.close()


def test_series_without_samples_leave_the_index(tmp_path: Path, clock: Clock):
    """Who is gone for longer than the retention is known no more, on disk or in memory."""
    settings = StoreSettings(settle_seconds=0, retention_ms=4 * HOUR)
    store = open_store(tmp_path, clock, settings)
    scrape(store, clock, [series("m", user="ann"), series("m", user="bob")], 60)
    gone = store.series_ids([series("m", user="ann")])
    scrape(store, clock, [series("m", user="bob")], 10 * 60)
    store.maintain()
    store.maintain()
    assert store.stats().series == 1
    assert store.label_values("user", (), 0, clock.now) == ["bob"]
    assert store.select([], 0, clock.now).labels.rows() == [dict(series("m", user="bob"))]
    with pytest.raises(StoreError, match="series_ids"):
        store.append([Row(clock.now, gone, np.ones(1))])
    ids = store.series_ids([series("m", user="ann"), series("m", user="eve")])
    store.append([Row(clock.now, ids, np.ones(2))])
    store.close()
    store = open_store(tmp_path, clock, settings)
    assert len(samples(store)) == 3
    assert samples(store)[series("m", user="ann")] == [(clock.now, 1.0)]
    store.close()


def test_a_long_life_with_new_series_every_hour(tmp_path: Path, clock: Clock):
    """What the file and a start hold depends on the series in the retention, not on all ever."""
    settings = StoreSettings(settle_seconds=0, retention_ms=4 * HOUR)
    store = open_store(tmp_path, clock, settings)
    for hour in range(30):
        passing = [series("m", user=f"{hour}-{n}") for n in range(200)]
        scrape(store, clock, [series("m", user="ann"), *passing], 2)
        clock.now += HOUR - 2 * STEP
        store.maintain()
    store.close()
    store = open_store(tmp_path, clock, settings)
    before = samples(store)
    assert 200 < len(before) < 10 * 201
    assert len(store.symbols) < 1.5 * len(before)
    with store._database.reading() as connection:
        (symbols,) = connection.execute("SELECT count(*) FROM symbols").fetchone()
        (groups,) = connection.execute("SELECT count(*) FROM groups").fetchone()
    assert symbols == len(store.symbols) - 1
    assert groups < len(before) / 64 + 3
    new = [series("m", user="ann"), series("m", user="eve"), series("m", user="29-3")]
    scrape(store, clock, new, 1)
    store.close()
    store = open_store(tmp_path, clock, settings)
    after = samples(store)
    assert {labels: after[labels][:-1] for labels in new if labels in before} == {
        labels: before[labels] for labels in new if labels in before
    }
    assert len(after) == len(before) + 1
    store.close()


def test_a_wrong_clock_drops_nothing(tmp_path: Path, clock: Clock):
    """A clock that is years ahead for some minutes does not cost what was kept."""
    store = open_store(tmp_path, clock, StoreSettings(settle_seconds=3600))
    scrape(store, clock, many(3), 10)
    store.close()
    store = open_store(tmp_path, clock)
    clock.now += 4 * HOUR
    store.maintain()
    assert store.stats().pages > 0
    store.close()
    store = open_store(tmp_path, clock, StoreSettings(settle_seconds=3600))
    clock.now += 3 * 365 * 24 * HOUR
    for _ in range(3):
        store.maintain()
    assert len(samples(store)[many(1)[0]]) == 10
    store.close()
