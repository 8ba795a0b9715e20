"""The store in memory gives the same answers as the one on disk."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.memory import MemorySeries
from jupyterhub_monitoring.store.selection import STALE, Appended, Row
from jupyterhub_monitoring.store.store import Store

QUERIES = (
    "m",
    'm{i="3"}',
    "sum by (kind) (rate(m[2m]))",
    "max_over_time(m[90s])",
    "count(m)",
    "changes(m[3m])",
    "absent(m)",
)


def rows(store, seed: int) -> list[Row]:
    """The same rows for any store, with gaps, ends of series, and some that come late."""
    chance = random.Random(seed)
    labels = [
        (("__name__", "m"), ("i", str(i)), ("job", str(i % 2)), ("kind", str(i % 3)))
        for i in range(40)
    ]
    ids = store.series_ids(labels)
    made = []
    for number in range(40):
        there = np.array([chance.random() > 0.2 for _ in labels])
        values = np.array([float(chance.randrange(9)) for _ in labels])
        ended = np.array([chance.random() > 0.97 for _ in labels])
        made.append(Row(number * 15_000, ids[there], np.where(ended, STALE, values)[there]))
    made[20], made[25] = made[25], made[20]
    return made


def test_answers_are_those_of_the_store_on_disk(tmp_path: Path):
    """Instants and ranges, over gaps and ends of series."""
    memory, disk = MemorySeries(), Store.open(tmp_path, now_ms=lambda: 600_000)
    for store in (memory, disk):
        for row in rows(store, seed=7):
            store.append([row])
    ours, theirs = Engine(memory, threads=1), Engine(disk, threads=1)
    for query in QUERIES:
        a, b = (e.range(query, 0, 600_000, 20_000).value for e in (ours, theirs))
        assert a.labels.rows() == b.labels.rows(), query
        assert (a.mask == b.mask).all(), query
        np.testing.assert_allclose(a.values[a.mask], b.values[b.mask], rtol=1e-12, err_msg=query)
    for engine in (ours, theirs):
        engine.close()
    disk.close()


def test_the_first_of_two_samples_stays():
    """And what became of each is counted, as the store on disk counts."""
    memory = MemorySeries()
    ids = memory.series_ids([(("__name__", "a"),), (("__name__", "b"),)])
    assert memory.append([Row(1, ids, np.array([1.0, 2.0]))]) == Appended(stored=2)
    again = memory.append([Row(1, ids, np.array([1.0, 9.0]))])
    assert again == Appended(repeated=1, duplicate=1)
    value = Engine(memory, threads=1).instant("b", 1).value
    assert value.values.tolist() == [[2.0]]
