"""The fast way of `histogram_quantile` says what the careful one says, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import numpy as np
import pytest

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.functions import histograms
from jupyterhub_monitoring.promql.values import Vector
from support.memory_store import MemoryStore

STEPS, MINUTE = 50, 60_000
Change = Callable[[np.random.Generator, np.ndarray], None]


def as_counted(_random: np.random.Generator, counts: np.ndarray) -> None:
    """Leave the (histograms, buckets, steps) as they are."""


def rounded(random: np.random.Generator, counts: np.ndarray) -> None:
    """Make counts a little more or less, as sums of rates are."""
    counts *= 1 + 1e-15 * random.integers(-3, 4, counts.shape)


def empty(random: np.random.Generator, counts: np.ndarray) -> None:
    """Let some histograms have no observations."""
    counts[random.random(counts.shape[0]) < 0.4] = 0


def falling(random: np.random.Generator, counts: np.ndarray) -> None:
    """Let a bucket have less than the one below it at one step."""
    counts[3, 4, 17] = counts[3, 3, 17] / 2


def not_a_number(random: np.random.Generator, counts: np.ndarray) -> None:
    """Let counts be NaN and infinite."""
    counts[1, 2, 9], counts[2, -1, 9], counts[3, 0, 20] = np.nan, np.inf, -np.inf


def negative(random: np.random.Generator, counts: np.ndarray) -> None:
    """Let counts be below zero, as differences are."""
    counts -= counts[:, :1]
    counts -= 5


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the fast way had an answer, for each block of steps."""
    fast, taken = histograms.whole_quantiles, list[bool]()

    def noted(*given: object):
        found = fast(*given)
        taken.append(found is not None)
        return found

    monkeypatch.setattr(histograms, "whole_quantiles", noted)
    return taken


@pytest.mark.parametrize("bounds", ["0.1 0.5 1 5 10", "-2 -1 0 1 2", "-5 -4 -3 -2 -1"])
@pytest.mark.parametrize(
    ("change", "fast"),
    [
        (as_counted, True),
        (rounded, True),
        (empty, True),
        (negative, True),
        (falling, False),
        (not_a_number, False),
    ],
)
def test_as_the_careful_way(
    taken: list[bool],
    monkeypatch: pytest.MonkeyPatch,
    bounds: str,
    change: Change,
    fast: bool,
):
    """Whatever the counts are, both ways give the same values and say the same."""
    random = np.random.default_rng(len(bounds))
    les = [*bounds.split(), "+Inf"]
    counts = random.integers(0, 3, (5, len(les), STEPS)).cumsum(axis=1).astype(np.float64)
    change(random, counts)
    store = MemoryStore.of(
        {
            (("__name__", "m"), ("h", str(h)), ("job", "j"), ("le", le)): {
                step * MINUTE: float(counts[h, b, step]) for step in range(STEPS)
            }
            for h in range(len(counts))
            for b, le in enumerate(les)
        }
    )
    with closing(Engine(store, threads=1)) as engine:
        for quantile in ("0.9", "0", "1", "-1", "2", "NaN", "0.5 + 0 * time()"):
            query = f"histogram_quantile(scalar(vector({quantile})), m)"
            quick = engine.range(query, 0, (STEPS - 1) * MINUTE, MINUTE)
            with monkeypatch.context() as patched:
                patched.setattr(histograms, "whole_quantiles", lambda *_given: None)
                careful = engine.range(query, 0, (STEPS - 1) * MINUTE, MINUTE)
            assert quick.infos == careful.infos
            assert isinstance(quick.value, Vector)
            assert isinstance(careful.value, Vector)
            np.testing.assert_array_equal(quick.value.mask, careful.value.mask)
            np.testing.assert_array_equal(quick.value.values, careful.value.values)
    assert set(taken) == {fast}


def test_an_absent_bucket_is_left_to_the_careful_way(taken: list[bool]):
    """Where a scrape lacks a bucket, the histogram is as good as its other buckets."""
    counts = {"1": 5.0, "2": 8.0, "+Inf": 10.0}
    samples = {
        (("__name__", "m"), ("job", "j"), ("le", le)): {
            step * MINUTE: value for step in range(20) if le != "2" or step < 7
        }
        for le, value in counts.items()
    }
    with closing(Engine(MemoryStore.of(samples), threads=1)) as engine:
        result = engine.range("histogram_quantile(0.6, m)", 0, 19 * MINUTE, 19 * MINUTE)
    assert isinstance(result.value, Vector)
    assert result.value.values[:, 0].tolist() == [pytest.approx(4 / 3), 1.0]
    assert taken == [False]
