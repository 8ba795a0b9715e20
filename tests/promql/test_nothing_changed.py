"""Queries only read: what they are given may be the store's own memory."""

from pathlib import Path

import numpy as np
import pytest

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.store import Store
from support.stores import HOUR, START, Clock, open_store, put, samples, series

NAMES = ("h_bucket", "c_total")
QUERIES = (
    'c_total{n="1"}',
    "-c_total",
    "sort_desc(c_total)",
    "topk(2, c_total)",
    "quantile(0.4, c_total)",
    "sum by (n) (c_total) / count by (n) (c_total)",
    "stddev(c_total)",
    "clamp(c_total, 2, 3)",
    "round(c_total) > 1",
    "c_total or label_replace(c_total, 'n', 'x$1', 'n', '(.*)')",
    "avg_over_time(c_total[10m])",
    "max_over_time(c_total[10m])",
    "increase(c_total[10m])",
    "predict_linear(c_total[10m], 60)",
    "last_over_time(c_total[10m])",
    "histogram_quantile(0.9, h_bucket)",
    "histogram_quantile(0.9, rate(h_bucket[10m]))",
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    """Three hours of a counter and a histogram whose buckets fall by what is lost in rounding."""
    clock = Clock()
    store = open_store(Path(tmp_path_factory.mktemp("store")), clock)
    labels = [series("c_total", n=str(n)) for n in range(4)]
    labels += [series("h_bucket", le=le) for le in ("1", "2", "+Inf")]
    for minute in range(180):
        counts = [0.1 + 0.2 * minute, 0.3 * (1 - 1e-16) + 0.2 * minute, 0.2 * minute + 0.3]
        put(store, clock.now, labels, [*(minute * n / 7 for n in range(4)), *counts])
        clock.now += 60_000
    store.maintain()
    yield store
    store.close()


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("steps", [1, 30], ids=["instant", "range"])
def test_a_query_changes_nothing(store: Store, query: str, steps: int):
    """All samples are what they were, and whoever asks again has the same answer."""
    engine = Engine(store, threads=1)
    before = [samples(store, name) for name in NAMES]
    end = START + 3 * HOUR - 30_000
    found = []
    for _ in range(2):
        if steps == 1:
            answer = engine.instant(query, end)
        else:
            answer = engine.range(query, end - steps * 60_000, end, 60_000)
        found.append(answer.value.values.copy())
    engine.close()
    assert len(found[0]) > 0
    np.testing.assert_array_equal(found[0], found[1])
    assert [samples(store, name) for name in NAMES] == before
