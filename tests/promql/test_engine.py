"""The engine against the same arithmetic written plainly: sample by sample, series by series."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyterhub_monitoring.errors import BadData, ParseError
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.label_order import label_order
from jupyterhub_monitoring.promql.values import RawSeries, Scalar, Vector
from jupyterhub_monitoring.store.label_table import LabelTable
from jupyterhub_monitoring.store.symbols import Symbols
from support.memory_store import MemoryStore

START, STEP, RANGE = 1_700_000_000_000, 60_000, 300_000
Points = list[tuple[int, float]]
Plain = Callable[[Points, int], "float | None"]


def plain_rate(points: Points, end: int) -> float | None:
    """Prometheus 3's rate, operation by operation: extrapolate, but not far, not below zero."""
    if len(points) < 2:
        return None
    (first_at, first), (last_at, last) = points[0], points[-1]
    grown = last - first
    for (_, before_reset), (_, value) in pairwise(points):
        if value < before_reset:
            grown += before_reset
    sampled = (last_at - first_at) / 1000
    spacing = sampled / (len(points) - 1)
    before, after = (first_at - end + RANGE) / 1000, (end - last_at) / 1000
    before = spacing / 2 if before >= 1.1 * spacing else before
    if grown > 0 and first >= 0:
        before = min(before, sampled * (first / grown))
    after = spacing / 2 if after >= 1.1 * spacing else after
    factor = (sampled + before + after) / sampled
    return grown * (factor / (RANGE / 1000))


def of_values(function: Callable[[list[float]], float]) -> Plain:
    return lambda points, _: function([value for _, value in points]) if points else None


def pairs(counts: Callable[[float, float], bool]) -> Plain:
    return of_values(lambda v: sum(counts(a, b) for a, b in pairwise(v)))


PLAIN: dict[str, Plain] = {
    "rate": plain_rate,
    "sum_over_time": of_values(math.fsum),
    "avg_over_time": of_values(statistics.fmean),
    "min_over_time": of_values(min),
    "max_over_time": of_values(max),
    "count_over_time": of_values(len),
    "first_over_time": of_values(lambda values: values[0]),
    "last_over_time": of_values(lambda values: values[-1]),
    "stddev_over_time": of_values(statistics.pstdev),
    "changes": pairs(lambda a, b: a != b),
    "resets": pairs(lambda a, b: b < a),
    "idelta": lambda points, _: points[-1][1] - points[-2][1] if len(points) > 1 else None,
}


def series(kind: str, random: np.random.Generator) -> dict[int, float | str]:
    """Two hours of one series each 15 s, with some jitter from step to step."""
    times = (START + 15_000 * np.arange(480) + 137).tolist()
    if kind == "counter":
        values = random.integers(0, 9, 480).cumsum().astype(float)
    elif kind in {"restarting", "restarting, gaps"}:
        values = random.uniform(0, 9, 480).cumsum() % 30  # several times in a window
    else:
        values = random.normal(0, 100, 480)
    points: dict[int, float | str] = dict(zip(times, values.tolist(), strict=True))
    if "gaps" in kind:
        points = {at: v for at, v in points.items() if random.uniform() < 0.6}
    if kind == "ended":
        points = {at: v for at, v in points.items() if at < START + 3_000_000}
        points[START + 3_000_137] = "stale"
    if kind == "late":
        points = {at: v for at, v in points.items() if at > START + 2_000_000}
    return points


KINDS = ["counter", "restarting", "restarting, gaps", "gauge", "gaps", "ended", "late"]


@pytest.fixture(scope="module")
def samples() -> dict[str, dict[int, float | str]]:
    random = np.random.default_rng(5)
    return {f"{kind}_{i}": series(kind, random) for i in range(3) for kind in KINDS}


@pytest.mark.parametrize("tile_series", [2, 256], ids=["small tiles", "one tile"])
@pytest.mark.parametrize("function", PLAIN)
def test_windows_are_what_they_say(function: str, tile_series: int, samples):
    """Every function over a range gives, at every step, what its definition says of the samples."""
    by_kind = {(("__name__", "m"), ("s", name)): points for name, points in samples.items()}
    engine = Engine(MemoryStore.of(by_kind, tile_series=tile_series), threads=2)
    result = engine.range(f"{function}(m[5m])", START - STEP, START + 7_800_000, STEP)
    found = answers(result.value)
    for name, points in samples.items():
        wanted = expected(PLAIN[function], points, result.steps.tolist())
        got = found.get(name, {})
        assert got.keys() == wanted.keys(), name
        exact = function == "rate"
        tolerance = {"rel": 0, "abs": 0} if exact else {"rel": 1e-9, "abs": 1e-9}
        assert list(got.values()) == pytest.approx(list(wanted.values()), **tolerance), name


def answers(vector: Vector) -> dict[str, dict[int, float]]:
    """Return {value of label s: {step: value}} of what is present."""
    steps = range(START - STEP, START - STEP + STEP * len(vector.values), STEP)
    return {
        labels["s"]: {
            at: float(vector.values[row, column])
            for row, at in enumerate(steps)
            if vector.mask[row, column]
        }
        for column, labels in enumerate(vector.labels.rows())
    }


def expected(plain: Plain, points: dict[int, float | str], steps: list[int]) -> dict[int, float]:
    found = {}
    for end in steps:
        window = [(at, v) for at, v in points.items() if end - RANGE < at <= end and v != "stale"]
        value = plain(window, end)
        if value is not None:
            found[end] = value
    return found


def test_threads_change_nothing(samples):
    """One thread and two answer alike, whatever is in which tile."""
    by_kind = {(("__name__", "m"), ("s", name)): points for name, points in samples.items()}
    for query in ("sum(rate(m[5m]))", "stddev(m)", "topk(3, m)", "max by (s) (m > 0)"):
        one, two = (
            Engine(MemoryStore.of(by_kind, tile_series=2), threads=threads)
            .range(query, START, START + 7_200_000, STEP)
            .value
            for threads in (1, 2)
        )
        assert one.labels.rows() == two.labels.rows()
        assert np.allclose(one.values, two.values, rtol=1e-12, equal_nan=True)


@pytest.fixture
def engine() -> Engine:
    return Engine(MemoryStore.of({"b": {1_000: 1.0, 16_000: 2.0}, "a": {1_000: 3.0}}))


def test_a_range_at_an_instant_gives_the_samples(engine: Engine):
    """`m[1m]` gives the samples as they were stored, without those before the window."""
    (found,) = engine.instant("b[15s]", 16_000).value
    assert isinstance(found, RawSeries)
    assert found.labels == {"__name__": "b"}
    assert (found.timestamps.tolist(), found.values.tolist()) == ([16_000], [2.0])


def test_a_range_query_is_sorted_by_labels(engine: Engine):
    """However the store has them, series come in the order of their labels."""
    result = engine.range('{__name__=~"a|b"}', 0, 60_000, 30_000)
    assert [labels["__name__"] for labels in result.value.labels.rows()] == ["a", "b"]


@given(
    st.lists(
        st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "y", "é"])), max_size=9
    )
)
def test_labels_are_sorted_name_by_name(sets):
    """A label set that is the beginning of another comes first, an earlier name before a later."""
    table = LabelTable.of(Symbols(), sets)
    rows = table.rows()
    wanted = sorted(rows, key=lambda row: tuple(row.items()))
    assert [rows[i] for i in label_order(table).tolist()] == wanted


def test_a_number_in_a_range_query_is_one_for_each_step(engine: Engine):
    """`1 + 1` is 2 at every step, though it is computed once."""
    value = engine.range("1 + 1", 0, 60_000, 30_000).value
    assert isinstance(value, Scalar)
    assert value.values.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("query", "start", "end", "step"),
    [("a", 0, 10, 0), ("a", 10, 0, 1), ("a[5m]", 0, 10, 1), ("'text'", 0, 10, 1)],
    ids=["no step", "end before start", "range vector", "string"],
)
def test_senseless_ranges_are_the_askers_error(engine: Engine, query, start, end, step):
    """What cannot be asked at steps is bad data, not a fault of ours."""
    with pytest.raises(BadData):
        engine.range(query, start, end, step)


def test_a_gauge_in_rate_is_told_with_its_place(engine: Engine):
    """Who takes the rate of something that is no counter is told so, and where it stands."""
    (told,) = engine.instant("1 +\n rate(b[1m])", 16_000).infos
    assert told.endswith('name does not end in _total/_sum/_count/_bucket: "b" (2:7)')
    assert told.startswith("PromQL info: metric might not be a counter")


def test_nonsense_is_a_parse_error(engine: Engine):
    """The engine takes the query's text, so its errors are those of the text."""
    with pytest.raises(ParseError):
        engine.instant("rate(", 0)
