"""A line through many samples: few long windows and many are summed in different ways."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from jupyterhub_monitoring.promql.compensated import folded
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.values import Vector
from jupyterhub_monitoring.store.selection import ABSENT, STALE
from support.memory_store import MemoryStore, Target

START, SCRAPE, ROWS, SERIES = 1_700_000_000_000, 15_000, 1500, 8
END = START + SCRAPE * ROWS
STEP = 60_000


def disks() -> NDArray[np.float64]:
    """A disk that fills in jumps, one with gaps, one that stands still, odd numbers."""
    random = np.random.default_rng(3)
    values = 1e12 - random.integers(0, 1 << 30, (ROWS, SERIES)).cumsum(axis=0).astype(float)
    values[:, 1] = 5e9
    values[::3, 2] = ABSENT
    values[700:900, 3] = ABSENT
    values[900, 3] = STALE
    values[1000, 4] = np.nan
    values[:, 5] = np.inf
    values[1200, 6] = -np.inf
    values[:, 7] = ABSENT
    values[1499, 7] = 1.0
    return values


@pytest.fixture
def engine() -> Iterator[Engine]:
    labels = [{"__name__": "disk_free_bytes", "n": str(n)} for n in range(SERIES)]
    times = START + SCRAPE * np.arange(ROWS, dtype=np.int64) + 137
    made = Engine(MemoryStore([Target(labels, times, disks())]), threads=1)
    yield made
    made.close()


@pytest.mark.parametrize("function", ["deriv({})", "predict_linear({}, 86400)"])
def test_an_instant_gives_what_a_range_of_many_steps_gives(engine: Engine, function: str):
    """A rule asks for one window of six hours, a graph for hundreds of them."""
    query = function.format("disk_free_bytes[5h]")
    steps = engine.range(query, END - 199 * STEP, END, STEP).value
    instant = engine.instant(query, END).value
    assert isinstance(steps, Vector)
    assert isinstance(instant, Vector)
    last = {
        tuple(row.items()): value
        for row, value in zip(steps.labels.rows(), steps.values[-1].tolist(), strict=True)
    }
    found = zip(instant.labels.rows(), instant.values[0].tolist(), strict=True)
    compared = 0
    for row, value in found:
        assert value == pytest.approx(last[tuple(row.items())], rel=1e-9, nan_ok=True), row
        compared += 1
    assert compared == SERIES - 1  # one sample makes no line


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 64, 1441])
def test_a_sum_by_halves_loses_nothing(length: int):
    """What cancels leaves what is left, as if it had been added exactly."""
    random = np.random.default_rng(length)
    values = random.standard_normal((length, 4)) * 10.0 ** random.integers(-3, 12, (length, 4))
    values = np.concatenate([values, -values, np.full((1, 4), 0.125)])
    exact = [float(sum(map(Fraction, column), Fraction(0))) for column in values.T.tolist()]
    assert folded(values).tolist() == pytest.approx(exact, rel=1e-12)


def test_what_is_not_finite_stays_so():
    """As in a plain sum."""
    found = folded(np.array([[1.0, np.inf, np.inf], [2.0, 1.0, -np.inf], [3.0, 1.0, 1.0]]))
    assert found[:2].tolist() == [6.0, math.inf]
    assert math.isnan(found[2])
