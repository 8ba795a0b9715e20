"""The store as scrapes and queries see it."""

import os
import sqlite3
import stat
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.errors import StoreError, StoreLocked
from jupyterhub_monitoring.store.matcher import Matcher, MatchType
from jupyterhub_monitoring.store.selection import ABSENT_BITS, STALE, STALE_BITS, Appended, Row
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
    series,
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock):
    store = open_store(tmp_path / "data", clock)
    yield store
    store.close()


def reopened(store: Store, clock: Clock) -> Store:
    store.close()
    return open_store(store.folder, clock, store.settings)


def test_what_was_appended_is_selected(store: Store, clock: Clock):
    """A query sees each series with its own samples, in the order of time."""
    scrape(store, clock, many(100), 5)
    assert samples(store) == {labels: minutes(0, 5) for labels in many(100)}


def test_what_was_appended_is_there_after_a_restart(store: Store, clock: Clock):
    """Nothing but the disk carries samples and labels over a restart."""
    scrape(store, clock, many(100), 5)
    store.describe({"m": ("gauge", "Help.", "")})
    scrape(store, clock, many(100), 1)
    again = reopened(store, clock)
    assert samples(again) == {labels: minutes(0, 6) for labels in many(100)}
    assert again.metadata() == {"m": ("gauge", "Help.", "")}
    assert (again.series_ids(many(100)) == np.unique(again.series_ids(many(100)))).all()
    again.close()


@pytest.mark.parametrize(
    ("later", "sealed"), [(0, 8_400), (60, 18_000), (240, 18_800)], ids=["one", "two", "all"]
)
def test_sealing_changes_nothing_that_a_query_sees(
    store: Store, clock: Clock, later: int, sealed: int
):
    """The same samples come from memory, from pages, and from both after a restart."""
    scrape(store, clock, many(70), 120)
    scrape(store, clock, many(80), 130)
    before = samples(store)
    clock.now += later * STEP
    store.maintain()
    assert store.stats().samples == sealed
    assert samples(store) == before
    again = reopened(store, clock)
    assert samples(again) == before
    again.close()


def test_a_range_is_cut_to_the_millisecond(store: Store, clock: Clock):
    """Both ends of the asked range belong to it, in memory and in pages."""
    scrape(store, clock, many(2), 300)
    clock.now += HOUR
    store.maintain()
    first, last = START + 100 * STEP, START + 290 * STEP
    for labels in many(2):
        assert samples(store, "m", first, last)[labels] == minutes(100, 291)
        assert samples(store, "m", first + 1, last - 1)[labels] == minutes(101, 290)


def test_every_pattern_of_bits_comes_back(store: Store, clock: Clock):
    """Staleness markers, other NaNs, infinities and -0.0 survive memory, rows and pages."""
    values = np.array([STALE_BITS, 0x7FF8000000000000, -(1 << 63), 1, 0x7FF0000000000000])
    labels = many(5)
    store.append([Row(START, store.series_ids(labels), values.view(np.float64))])
    clock.now += BLOCK + HOUR
    for _ in range(2):
        tile = store.select([], 0, 1 << 60).tiles[0]
        assert tile.rows(slice(None)).view(np.int64).tolist() == [values.tolist()]
        store.maintain()
    assert store.stats().samples == 5


@pytest.mark.parametrize("sealed", [False, True], ids=["head", "pages"])
def test_tiles_say_what_is_dense_and_what_rises(store: Store, clock: Clock, sealed: bool):
    """`dense` and `ascending` are true exactly where they hold, over the borders of pieces too."""
    names = ("steady", "gap", "ended", "falls", "border")
    ids = {name: store.series_ids(many(10, name)) for name in names}
    for n in range(240):
        rows = {
            "steady": float(n),
            "gap": float(n),
            "ended": float(STALE) if n == 200 else float(n),
            "falls": float(n if n != 50 else 0),
            "border": float(n % 120),  # a block ends after 120
        }
        for name, value in rows.items():
            if (name, n) != ("gap", 30):
                store.append([Row(clock.now, ids[name], np.full(10, value))])
        clock.now += STEP
    clock.now += (HOUR if sealed else 0) + BLOCK
    store.maintain()
    known = {}
    for name in names:
        (tile,) = store.select([Matcher("__name__", MatchType.EQUAL, name)], 0, 1 << 60).tiles
        known[name] = (tile.dense, tile.ascending)
    assert known == {
        "steady": (True, True),
        "gap": (False, False),
        "ended": (False, False),
        "falls": (True, False),
        "border": (True, False),
    }


def test_rows_by_place_are_those_by_slice(store: Store, clock: Clock):
    """Any choice of rows gives what the whole would, over pages and memory, C-contiguous."""
    for name in ("m", "k"):
        scrape(store, Clock(), many(70, name), 300)
    clock.now = START + 400 * STEP
    store.maintain()
    chance = np.random.default_rng(3)
    for tile in store.select([], 0, 1 << 60).tiles:
        whole = tile.rows(slice(None))
        assert whole.flags.c_contiguous
        for places in (np.array([299, 0, 120, 119, 119]), chance.integers(0, 300, 50)):
            assert np.array_equal(tile.rows(places), whole[places])
        for part in (slice(110, 130), slice(5, 5), slice(0, 300, 7), slice(-3, None)):
            assert np.array_equal(tile.rows(part), whole[part])
            assert tile.rows(part).flags.c_contiguous


@pytest.mark.parametrize("chosen", [["7"], ["3", "4", "5"], ["0", "40", "69"], ["5", "300"]])
def test_a_few_series_read_as_among_many(store: Store, clock: Clock, chosen: list[str]):
    """A selector of a few series gives their samples, over pages, packed rows and new ones."""
    scrape(store, Clock(), many(70), 300)
    clock.now = START + 300 * STEP
    scrape(store, clock, many(400), 50)
    store.maintain()
    whole = samples(store)
    users = Matcher("n", MatchType.REGEX, "|".join(chosen))
    selection = store.select([users], 0, 1 << 60)
    found = {}
    for tile in selection.tiles:
        every = tile.rows(slice(None))
        backwards = np.arange(len(tile.timestamps))[::-1]
        assert tile.rows(backwards).tobytes() == np.ascontiguousarray(every[::-1]).tobytes()
        assert tile.ascending == tile.dense
        for column, position in enumerate(tile.positions.tolist()):
            there = every[:, column].view(np.int64) != ABSENT_BITS
            pairs = zip(tile.timestamps[there].tolist(), every[there, column], strict=True)
            found[selection.labels.row(position)["n"]] = list(pairs)
    assert found == {n: whole[series("m", n=n)] for n in chosen}


def test_tiles_of_a_target_share_their_timestamps(store: Store, clock: Clock):
    """What a query computes from timestamps it computes once for all tiles of a target."""
    scrape(store, clock, many(1000) + many(5, "k"), 3)
    scrape(store, clock, many(10, instance="b"), 3)
    selection = store.select([], 0, 1 << 60)
    assert len({id(tile.timestamps) for tile in selection.tiles}) == 2
    assert max(len(tile.positions) for tile in selection.tiles) <= 256
    every = np.sort(np.concatenate([tile.positions for tile in selection.tiles]))
    assert every.tolist() == list(range(1015))


def test_late_samples_are_sorted_in(store: Store, clock: Clock):
    """Samples that come out of order, within the head, are where their time is."""
    ids = store.series_ids(many(3))
    rows = [(START + n * 15_000, float(n)) for n in range(400)]  # enough to be packed in part
    for at, value in rows:
        store.append([Row(at, ids, np.full(3, value))])
    store.maintain()
    late = [(START + 7_000 + n * 15_000, 0.5) for n in (300, 20, 399, 110)]
    for at, value in late:
        assert put(store, at, many(3), [value] * 3) == Appended(stored=3)
    assert samples(store)[many(3)[0]] == sorted(rows + late)
    again = reopened(store, clock)
    assert samples(again)[many(3)[0]] == sorted(rows + late)
    again.close()


def test_samples_before_the_head_are_counted_and_dropped(store: Store, clock: Clock):
    """What is older than everything that is still open is not taken."""
    scrape(store, clock, many(3), 130)
    clock.now += HOUR
    store.maintain()
    before = samples(store)
    assert put(store, START + 1, many(3), [7, 7, 7]) == Appended(too_old=3)
    assert samples(store) == before


def test_duplicates_are_as_in_prometheus(store: Store, clock: Clock):
    """The same value again is nothing; another value is counted and the first one stays."""
    one, two, three = many(3)
    assert put(store, START, [one, two], [1, 2]) == Appended(stored=2)
    given = put(store, START, [one, two, three], [1, 9, 3])
    assert given == Appended(stored=1, repeated=1, duplicate=1)
    given = put(store, START + 1, [one, one, one], [5, 5, 6])
    assert given == Appended(stored=1, repeated=1, duplicate=1)
    expected = {one: [(START, 1.0), (START + 1, 5.0)], two: [(START, 2.0)], three: [(START, 3.0)]}
    assert samples(store) == expected
    again = reopened(store, clock)
    assert samples(again) == expected
    again.close()


def test_a_nan_and_its_repetition(store: Store):
    """Values are compared by their bits: a marker twice is a repetition."""
    assert put(store, START, many(1), [float(STALE)]).stored == 1
    assert put(store, START, many(1), [float(STALE)]) == Appended(repeated=1)


def test_new_series_in_the_midst(store: Store, clock: Clock):
    """A series that begins later has no sample before, and does not disturb the others."""
    scrape(store, clock, many(60), 5)
    scrape(store, clock, many(600), 5)
    found = samples(store)
    assert found[many(60)[59]] == minutes(0, 10)
    assert found[many(600)[599]] == minutes(5, 10)


@pytest.mark.parametrize("jump", [-HOUR, 365 * 24 * HOUR], ids=["hour back", "year ahead"])
def test_a_clock_that_jumps_for_a_minute(tmp_path: Path, clock: Clock, jump: int):
    """No sample is lost or doubled: the store does not believe a clock for a minute."""
    store = open_store(tmp_path, clock, StoreSettings(settle_seconds=3600))
    scrape(store, clock, many(3), 130)
    store.maintain()
    taken = 0
    for n in range(4):  # a minute of scrapes by the wrong clock
        clock.now += jump + n * 15_000 + 7
        taken += put(store, clock.now, many(3), [n, n, n]).stored
        store.maintain()
        clock.now -= jump + n * 15_000 + 7
    clock.now += STEP
    store.maintain()
    at = clock.now
    scrape(store, clock, many(3), 20)
    assert taken == 12
    found = samples(store)[many(3)[0]]
    assert len(found) == 130 + 4 + 20
    assert set(minutes(0, 130)) <= set(found)
    assert [f for f in found if at <= f[0] < clock.now] == [
        (at + n * STEP, float((at - START) // STEP + n)) for n in range(20)
    ]
    store.close()


def test_a_second_process_is_refused(store: Store):
    """Whoever comes second is told who has the folder, and what to do."""
    with pytest.raises(StoreLocked, match=rf"process {os.getpid()}; end that one"):
        Store.open(store.folder)


def test_nobody_else_can_read_the_files(store: Store, clock: Clock):
    """Usernames are in there: the folder is 0700, every file in it 0600."""
    scrape(store, clock, many(3), 3)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in store.folder.iterdir()}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert set(modes) == {"lock", "series.sqlite", "series.sqlite-wal", "series.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_a_newer_version_is_refused(store: Store):
    """A file of a later version is left alone, and the text says what to do."""
    store.close()
    connection = sqlite3.connect(store.folder / "series.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer jupyterhub-monitoring"):
        Store.open(store.folder)
    assert (store.folder / "series.sqlite").exists()


def test_an_unknown_id_is_refused(store: Store):
    """An id that the store did not give is an error, not somebody else's sample."""
    with pytest.raises(StoreError, match="series_ids"):
        store.append([Row(START, np.array([123 << 6]), np.zeros(1))])


def test_looking_up_labels(store: Store, clock: Clock):
    """Names, values and series are those with samples in the range."""
    scrape(store, clock, [series("old", user="ann")], 120)
    scrape(store, clock, [series("new", user="bob")], 10)
    clock.now += HOUR
    store.maintain()
    middle, end = START + 120 * STEP, clock.now
    assert store.label_values("user", (), 0, end) == ["ann", "bob"]
    assert store.label_values("user", (), middle, end) == ["bob"]
    assert store.label_values("user", (), 0, middle - 1) == ["ann"]
    assert store.label_names((), 0, end) == ["__name__", "instance", "job", "user"]
    selector = [Matcher("user", MatchType.REGEX, "a.*")]
    assert store.series([selector], 0, end) == [dict(series("old", user="ann"))]


def test_a_query_never_sees_a_gap(store: Store, clock: Clock):
    """While scrapes, sealing and queries run side by side, a query sees a prefix, whole."""
    labels, wrong, done = many(100), [], threading.Event()
    settings = StoreSettings(settle_seconds=0, seal_after_ms=0, block_ms=20 * STEP)
    busy = open_store(store.folder / "busy", clock, settings)

    def query():
        while not done.is_set():
            wrong.extend(f for f in samples(busy).values() if f != minutes(0, len(f)))

    reader = threading.Thread(target=query)
    scrape(busy, clock, labels, 1)
    reader.start()
    for n in range(300):
        scrape(busy, clock, labels, 1)
        if n % 7 == 0:
            busy.maintain()
    done.set()
    reader.join()
    assert not wrong
    assert busy.stats().pages > 10
    assert samples(busy)[labels[0]] == minutes(0, 301)
    busy.close()


def test_absent_never_leaves_a_dense_tile(store: Store, clock: Clock):
    """Series that were not scraped together are not dense, so that nobody reads a mark."""
    scrape(store, clock, many(70)[:40], 3)
    scrape(store, clock, many(70)[40:], 3)
    for tile in store.select([], 0, 1 << 60).tiles:
        assert not tile.dense
        assert (tile.rows(slice(None)).view(np.int64) == ABSENT_BITS).any()


def test_a_large_head_opens_quickly(tmp_path: Path, clock: Clock):
    """20,000 series over two hours are there within a second of the start."""
    store = open_store(tmp_path, clock)
    labels = [series(f"m{n % 100}", n=str(n // 100)) for n in range(20_000)]
    ids = store.series_ids(labels)
    values = np.arange(20_000.0)
    for n in range(480):
        values += n % 5
        store.append([Row(START + n * 15_000, ids, values)])
    store.close()
    times = []
    for _ in range(3):  # others use this machine too
        began = time.thread_time()
        store = open_store(tmp_path, clock)
        times.append(time.thread_time() - began)
        assert store.stats().head_rows == 480
        store.close()
    assert min(times) < 1
