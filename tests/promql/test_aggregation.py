"""Aggregations: exact where plain sums are not, by group and step, in whichever tiles."""

from __future__ import annotations

import math

import pytest

from jupyterhub_monitoring.errors import QueryError
from jupyterhub_monitoring.promql.engine import Engine
from support.memory_store import MemoryStore


def ask(query: str, values: list[float], tile_series: int = 1) -> dict[str, float]:
    """Return {labels without name: value} of *query* about m{i="0"}, m{i="1"} ..."""
    pairs = [({"__name__": "m", "i": str(i)}, {1_000: v}) for i, v in enumerate(values)]
    engine = Engine(MemoryStore.of(pairs, tile_series=tile_series), threads=2)
    value = engine.instant(query, 2_000).value
    names = [",".join(f"{k}={v}" for k, v in row.items()) for row in value.labels.rows()]
    return dict(zip(names, value.values[0].tolist(), strict=True))


@pytest.mark.parametrize("tile_series", [1, 2, 256])
@pytest.mark.parametrize(
    ("op", "values", "wanted"),
    [
        ("sum", [1e100, 1.0, -1e100], 1.0),
        ("sum", [0.1] * 10, 1.0),
        ("sum", [math.inf, 1.0], math.inf),
        ("sum", [math.inf, -math.inf], math.nan),
        ("avg", [1.7e308, 1.7e308], 1.7e308),
        ("avg", [1e100, 2.0, -1e100, 2.0], 1.0),
        ("avg", [-math.inf, 1.0], -math.inf),
        ("max", [math.nan, 1.0, -2.0], 1.0),
        ("min", [math.nan, math.nan], math.nan),
        ("count", [math.nan, 0.0], 2.0),
        ("group", [5.0, 7.0], 1.0),
        ("stddev", [1.33] * 5, 0.0),
        ("stdvar", [1e9 + 1, 1e9 + 2, 1e9 + 3], 2 / 3),
        ("stdvar", [math.inf], math.nan),
    ],
)
def test_numbers_are_exact(op, values, wanted, tile_series):
    """What rounding would take away comes back; what is infinite or unknown stays so."""
    assert ask(f"{op}(m)", values, tile_series) == pytest.approx({"": wanted}, nan_ok=True)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("topk(2, m)", {"i=1": 5.0, "i=3": 5.0}),
        ("bottomk(1, m)", {"i=2": -1.0}),
        ("topk(9, m)", {"i=1": 5.0, "i=3": 5.0, "i=0": 3.0, "i=2": -1.0, "i=4": math.nan}),
        ("topk(0, m)", {}),
        ("topk by (i) (1, m > 4)", {"i=1": 5.0, "i=3": 5.0}),
    ],
)
def test_the_first_of_an_instant_come_in_order(query, wanted):
    """`topk` ranks by value, NaN last, and of equal ones takes those that come first."""
    found = {
        name.removeprefix("__name__=m,"): v
        for name, v in ask(query, [3.0, 5.0, -1.0, 5.0, math.nan]).items()
    }
    assert list(found) == list(wanted)
    assert found == pytest.approx(wanted, nan_ok=True)


@pytest.mark.parametrize(
    ("k", "text"),
    [("NaN", "Parameter value is NaN"), ("1e30", "overflows int64")],
)
def test_a_k_that_is_no_number_of_series_is_refused(k, text):
    """As in Prometheus: NaN and what no int64 holds."""
    with pytest.raises(QueryError, match=text):
        ask(f"topk({k}, m)", [1.0])


def test_groups_are_by_step():
    """A group is absent at a step at which none of its series has a sample."""
    series = [
        ({"__name__": "m", "g": "a"}, {60_000: 1.0}),
        ({"__name__": "m", "g": "b"}, {60_000: 2.0, 600_000: 3.0}),
    ]
    value = Engine(MemoryStore.of(series)).range("sum by (g) (m)", 60_000, 600_000, 540_000).value
    assert value.labels.rows() == [{"g": "a"}, {"g": "b"}]
    assert value.mask.tolist() == [[True, True], [False, True]]


@pytest.mark.parametrize("op", ["sum", "avg", "min", "count", "stddev"])
@pytest.mark.parametrize("label", ["i", "pair"])
def test_a_window_that_is_too_short_is_so_for_all_series(op, label):
    """A rate needs two samples: where every series has one there is no group, and no fault."""
    pairs = [
        ({"__name__": "m", "i": str(i), "pair": str(i // 2)}, {1_000: 1.0, 2_000: 2.0})
        for i in range(4)
    ]
    engine = Engine(MemoryStore.of(pairs))
    value = engine.range(f"{op} by ({label}) (rate(m[5s]))", 1_000, 2_000, 1_000).value
    assert value.mask.tolist() == [[False] * len(value.labels), [True] * len(value.labels)]
    assert len(value.labels) == {"i": 4, "pair": 2}[label]
