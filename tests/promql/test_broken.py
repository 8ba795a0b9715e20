"""Windows over gaps give what they give when each is computed with its own samples only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from jupyterhub_monitoring.promql import broken, gaps
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.ranges import RANGE_FUNCTIONS
from jupyterhub_monitoring.promql.values import Vector
from jupyterhub_monitoring.store.selection import ABSENT, STALE
from support.memory_store import MemoryStore, Target

START, SCRAPE, ROWS, SERIES = 1_700_000_000_000, 15_000, 400, 30
END = START + SCRAPE * ROWS


def sessions(random: np.random.Generator) -> NDArray[np.float64]:
    """Counters of servers that come and go, a target that is away for a while, odd numbers."""
    values = random.integers(0, 9, (ROWS, SERIES)).cumsum(axis=0).astype(float)
    values[:, ::3] -= 300
    values[:, 1::5] %= 70
    for column in range(SERIES):
        for begin, end in random.integers(0, ROWS, (int(random.integers(1, 4)), 2)):
            values[begin:end, column] = ABSENT
            values[begin, column] = STALE if begin % 2 else ABSENT
        if column % 4 == 0:
            begin = int(random.integers(0, ROWS))
            values[begin : begin + 3, column] = [np.nan, np.inf, -0.0][: ROWS - begin]
    values[200:203] = ABSENT
    values[300] = STALE
    return values


@pytest.fixture
def engine() -> Iterator[Engine]:
    random = np.random.default_rng(5)
    labels = [{"__name__": "m_total", "n": f"{n:03}"} for n in range(SERIES)]
    times = START + SCRAPE * np.arange(ROWS, dtype=np.int64) + 137
    found = Engine(MemoryStore([Target(labels, times, sessions(random))]), threads=1)
    yield found
    found.close()


QUERIES = [
    *(
        f"{name}(m_total[{duration}])"
        for name in RANGE_FUNCTIONS
        if name not in {"predict_linear", "quantile_over_time"}
        for duration in ("50s", "5m", "33m")
    ),
    "predict_linear(m_total[5m], 60)",
    "quantile_over_time(0.3, m_total[5m])",
    "m_total",
    "m_total offset 3m",
    "timestamp(m_total)",
    "sum by (n) (rate(m_total[5m]))",
    "absent_over_time(m_total[2m])",
]


@pytest.mark.parametrize("step_ms", [15_000, 60_000, 420_000])
@pytest.mark.parametrize("query", QUERIES)
def test_broken_windows(
    engine: Engine, query: str, step_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole windows at once and broken ones by themselves give what all with a mask give.

    With what the tile knows of its gaps, or with what is seen when all of it is read.
    """
    found = []
    for small, pays in ((0, True), (1 << 30, True), (1 << 30, False)):
        monkeypatch.setattr(gaps, "SMALL", small)
        monkeypatch.setattr(broken.Division, "pays", lambda *_, pays=pays: pays)
        found.append(engine.range(query, START, END, step_ms).value)
    *divided, masked = found
    assert isinstance(masked, Vector)
    for ours in divided:
        assert isinstance(ours, Vector)
        assert ours.labels.rows() == masked.labels.rows()
        np.testing.assert_array_equal(ours.mask, masked.mask)
        np.testing.assert_allclose(ours.values[ours.mask], masked.values[ours.mask], rtol=1e-12)
