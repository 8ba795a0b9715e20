"""What goes on beside each other: sealing, scrapes that come late, queries that last."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.errors import StoreError
from jupyterhub_monitoring.store import pace, retention, sealer
from jupyterhub_monitoring.store.samples import Samples
from jupyterhub_monitoring.store.selection import Row, Tile
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
    samples,
    scrape,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock):
    settings = StoreSettings(settle_seconds=0, retention_ms=8 * HOUR, cache_bytes=0)
    store = open_store(tmp_path / "data", clock, settings)
    yield store
    store.close()


class Halt:
    """Lets the store rest where a test wants it to, until the test goes on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        monkeypatch.setattr(pace.Pace, "rest", lambda _pace: self._rest())

    def _rest(self) -> None:
        self.reached.set()
        assert self.go_on.wait(10)


def maintain_until_it_rests(store: Store, halt: Halt) -> Future[None]:
    executor = ThreadPoolExecutor(1)
    maintained = executor.submit(store.maintain)
    executor.shutdown(wait=False)
    assert halt.reached.wait(10)
    return maintained


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "packed"])
def test_nobody_waits_while_pages_are_made(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, sealed: bool
):
    """Scrapes are written and queries answered in the midst of it; late samples are kept."""
    settings = StoreSettings(settle_seconds=0, block_ms=200 * STEP)
    store = open_store(tmp_path, clock, settings)
    rounds = 150 if sealed else 170  # rows are packed from 160 on
    scrape(store, clock, many(200), rounds)
    at = clock.now
    if sealed:
        clock.now += 200 * STEP
    halt = Halt(monkeypatch)
    maintained = maintain_until_it_rests(store, halt)
    late = START + 50 * STEP + 1
    assert put(store, at, many(200), [float(rounds)] * 200).stored == 200
    assert put(store, late, many(200), [0.5] * 200).stored == 200
    expected = sorted([*minutes(0, rounds + 1), (late, 0.5)])
    assert samples(store)[many(200)[199]] == expected
    halt.go_on.set()
    maintained.result(10)
    store.maintain()
    assert (store.stats().pages > 0) == sealed
    for _ in range(2):
        assert set(map(tuple, samples(store).values())) == {tuple(expected)}
        store.close()
        store = open_store(tmp_path, clock, settings)
    store.close()


def test_late_samples_without_end(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch):
    """However often late samples come while a block is sealed, it is sealed, with all of them."""
    scrape(store, clock, many(10), 120)
    clock.now += HOUR
    late = iter(range(1, 1000))
    given = []

    def one_more(_pace: pace.Pace) -> None:
        if store.stats().pages:
            return
        given.append(START + next(late))
        assert put(store, given[-1], many(10), [7.0] * 10).stored == 10

    monkeypatch.setattr(pace.Pace, "rest", one_more)
    store.maintain()
    assert store.stats().head_rows == 0
    assert len(given) == sealer.TRIES + 1
    assert samples(store)[many(10)[0]] == sorted([*minutes(0, 120), *((at, 7.0) for at in given)])


def test_closing_does_not_wait_for_pages(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """A store that is closed while it seals gives that up, and does it after the next start."""
    scrape(store, clock, many(200), 120)
    clock.now += HOUR
    begun = threading.Event()
    rest = pace.Pace.rest

    def slowly(self: pace.Pace) -> None:
        begun.set()
        self._stop.wait(10)
        rest(self)

    monkeypatch.setattr(pace.Pace, "rest", slowly)
    thread = threading.Thread(target=store.maintain)
    thread.start()
    assert begun.wait(10)
    store.close()
    thread.join()
    monkeypatch.undo()
    store = open_store(store.folder, clock)
    assert store.stats().pages == 0
    store.maintain()
    assert store.stats().pages > 0
    assert samples(store)[many(200)[0]] == minutes(0, 120)
    store.close()


def drop(store: Store, clock: Clock) -> None:
    """Retention drops everything that is sealed."""
    clock.now += 20 * HOUR


def rewrite(store: Store, clock: Clock) -> None:
    """An import puts a sample between those that are there, in every group."""
    ids = store.series_ids(many(200))
    store.import_samples(Samples.sorted(ids, np.full(200, START + 1), np.ones(200)))


def bodies(store: Store) -> int:
    with store._database.reading() as connection:
        return connection.execute("SELECT count(*) FROM bodies").fetchone()[0]


@pytest.mark.parametrize("change", [drop, rewrite])
def test_a_query_keeps_what_it_began_with(store: Store, clock: Clock, change):
    """Pages that are dropped or written anew can be read by who selected them before, then go."""
    scrape(store, clock, many(200), 120)
    clock.now += HOUR
    store.maintain()
    before = bodies(store)
    tiles: list[Tile] = list(store.select([], 0, 1 << 60).tiles)
    change(store, clock)
    store.maintain()
    store.maintain()
    for tile in tiles:
        values = tile.rows(slice(None))
        assert values.shape == (120, len(tile.positions))
        assert (values == np.arange(120.0)[:, None]).all()
    assert bodies(store) >= before
    del tiles, tile
    store.maintain()
    assert bodies(store) == (0 if change is drop else before)


def test_what_a_crash_left_to_be_deleted_goes(store: Store, clock: Clock):
    """Pages that somebody still read when the process ended are deleted after the next start."""
    scrape(store, clock, many(200), 120)
    clock.now += HOUR
    store.maintain()
    selection = store.select([], 0, 1 << 60)
    rewrite(store, clock)
    kept = bodies(store)
    store.close()
    del selection
    store = open_store(store.folder, clock)
    assert bodies(store) == kept
    store.maintain()
    assert bodies(store) == kept // 2
    assert samples(store)[many(200)[0]] == sorted([*minutes(0, 120), (START + 1, 1.0)])
    store.close()


def test_an_import_during_retention_loses_nothing(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """A series that only an import has just brought is known, whatever retention read before."""
    scrape(store, clock, many(3), 120)
    clock.now += 2 * HOUR
    store.maintain()
    scrape(store, clock, many(3), 1)
    fresh = many(5)
    ids = store.series_ids(fresh)
    read = retention._in_pages
    clock.now += 10 * HOUR
    recent = (clock.now // BLOCK - 2) * BLOCK

    def and_then_an_import(*given):
        found = read(*given)
        store.import_samples(Samples.sorted(ids[3:], np.full(2, recent), np.ones(2)))
        return found

    monkeypatch.setattr(retention, "_in_pages", and_then_an_import)
    store.maintain()
    monkeypatch.undo()
    try:
        store.append([Row(clock.now, ids, np.ones(5))])
    except StoreError:
        pytest.fail("a series with samples was dropped")
    assert samples(store)[fresh[4]] == [(recent, 1.0), (clock.now, 1.0)]
