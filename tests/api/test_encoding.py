"""Results are written byte for byte as Prometheus writes them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.api.encoding import (
    encode_data,
    encode_error,
    encode_labels,
    encode_result,
    format_values,
)
from jupyterhub_monitoring.promql.values import RawSeries, Result, Scalar, String, Vector
from jupyterhub_monitoring.store.label_table import LabelTable
from jupyterhub_monitoring.store.symbols import Symbols

STEPS = np.array([1_435_781_430_781, 1_435_781_445_000, 1_435_781_460_050])


def written(result: Result, *, is_range: bool = False, **options: object) -> str:
    return b"".join(encode_result(result, is_range=is_range, **options)).decode()


def vector(rows: list[list[float]], *sets: dict[str, str], present: object = None) -> Vector:
    labels = LabelTable.of(Symbols(), list(sets))
    mask = None if present is None else np.array(present, dtype=bool)
    return Vector(labels, np.array(rows, dtype=float).reshape(len(rows), len(sets)), mask)


NUMBERS = [
    (0.0, "0"),
    (-0.0, "-0"),
    (1.0, "1"),
    (0.1, "0.1"),
    (-2.5, "-2.5"),
    (1e15, "1000000000000000"),
    (1e16, "10000000000000000"),
    (123456789012345680000.0, "123456789012345680000"),
    (1e20, "100000000000000000000"),
    (1e21, "1e+21"),
    (-1.5e300, "-1.5e+300"),
    (0.0001, "0.0001"),
    (0.00001, "0.00001"),
    (1e-6, "0.000001"),
    (9.99e-7, "9.99e-07"),
    (5e-324, "5e-324"),
    (math.inf, "+Inf"),
    (-math.inf, "-Inf"),
    (math.nan, "NaN"),
    (1 / 3, "0.3333333333333333"),
]


@pytest.mark.parametrize(("number", "expected"), NUMBERS, ids=[text for _, text in NUMBERS])
def test_numbers(number: float, expected: str):
    """Values have Go's shortest form: exponents only below 1e-6 and from 1e21 on."""
    assert format_values(np.array([number])) == [expected]


@given(st.lists(st.floats(), max_size=40))
@settings(max_examples=200, deadline=None)
def test_numbers_come_back(numbers: list[float]):
    """Every float comes back bit for bit, and no number depends on those beside it."""
    texts = format_values(np.array(numbers, dtype=float))
    back = np.array([float(text) for text in texts])
    assert np.array_equal(back, np.array(numbers, dtype=float), equal_nan=True)
    assert np.array_equal(np.signbit(back), np.signbit(np.nan_to_num(numbers))) or any(
        math.isnan(number) for number in numbers
    )
    alone = [format_values(np.array([number]))[0] for number in numbers]
    assert texts == alone


def test_a_vector():
    """Series in the order given, each with one value at the query's time."""
    value = vector([[1, 0.5]], {"__name__": "up", "job": "a"}, {"job": "b"})
    assert written(Result(value, STEPS[:1])) == (
        '{"status":"success","data":{"resultType":"vector","result":['
        '{"metric":{"__name__":"up","job":"a"},"value":[1435781430.781,"1"]},'
        '{"metric":{"job":"b"},"value":[1435781430.781,"0.5"]}]}}'
    )


def test_absent_cells_are_not_shown():
    """A series without a value at the time is not in the answer; NaN is a value."""
    value = vector(
        [[1, math.nan, 3]], {"a": "1"}, {"a": "2"}, {"a": "3"}, present=[[False, True, True]]
    )
    shown = json.loads(written(Result(value, STEPS[:1])))["data"]["result"]
    assert [(row["metric"]["a"], row["value"][1]) for row in shown] == [("2", "NaN"), ("3", "3")]


def test_a_matrix():
    """Each series has its present points; one without any is left out."""
    value = vector(
        [[1, 4, 7], [2, 5, 8], [3, 6, 9]],
        {"a": "1"},
        {"a": "2"},
        {"a": "3"},
        present=[[True, True, False], [True, False, False], [True, True, False]],
    )
    assert written(Result(value, STEPS), is_range=True) == (
        '{"status":"success","data":{"resultType":"matrix","result":['
        '{"metric":{"a":"1"},"values":[[1435781430.781,"1"],[1435781445,"2"],[1435781460.050,"3"]]},'
        '{"metric":{"a":"2"},"values":[[1435781430.781,"4"],[1435781460.050,"6"]]}]}}'
    )


def test_a_scalar_over_a_range():
    """It is a matrix of one series without labels."""
    assert written(Result(Scalar(np.array([1.0, 2, 3])), STEPS), is_range=True) == (
        '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":'
        '[[1435781430.781,"1"],[1435781445,"2"],[1435781460.050,"3"]]}]}}'
    )


def test_a_scalar():
    """At an instant it is a number, however small without exponent, as in Prometheus."""
    assert written(Result(Scalar(np.array([1e-7])), STEPS[:1])) == (
        '{"status":"success","data":{"resultType":"scalar","result":[1435781430.781,"0.0000001"]}}'
    )


def test_a_string():
    """A string is JSON's, in its own letters."""
    assert written(Result(String('a"\né'), STEPS[:1])) == (
        '{"status":"success","data":{"resultType":"string","result":[1435781430.781,"a\\"\\né"]}}'
    )


def test_raw_samples():
    """A range vector at an instant has the samples as stored; series without any are left out."""
    series = [
        RawSeries({"a": "1"}, np.array([-1500, 0]), np.array([1.0, 2.0])),
        RawSeries({"a": "2"}, np.array([], dtype=np.int64), np.array([])),
    ]
    assert written(Result(series, STEPS[:1])) == (
        '{"status":"success","data":{"resultType":"matrix","result":['
        '{"metric":{"a":"1"},"values":[[-1.500,"1"],[0,"2"]]}]}}'
    )


@pytest.mark.parametrize(
    ("result", "is_range", "kind"),
    [
        (Result(vector([[]]), STEPS[:1]), False, "vector"),
        (Result(vector([[], [], []]), STEPS), True, "matrix"),
        (Result([], STEPS[:1]), False, "matrix"),
    ],
)
def test_nothing(result: Result, is_range: bool, kind: str):
    """An empty result is a list, not null."""
    assert written(result, is_range=is_range) == (
        f'{{"status":"success","data":{{"resultType":"{kind}","result":[]}}}}'
    )


def test_limit():
    """Over the limit the first series are shown, and a warning says so; at it, none."""
    value = vector([[1, 2, 3]], {"a": "1"}, {"a": "2"}, {"a": "3"})
    cut = json.loads(written(Result(value, STEPS[:1]), limit=2))
    assert [row["metric"]["a"] for row in cut["data"]["result"]] == ["1", "2"]
    assert cut["warnings"] == ["results truncated due to limit"]
    assert "warnings" not in json.loads(written(Result(value, STEPS[:1]), limit=3))


def test_limit_counts_what_is_shown():
    """Series without a value do not use up the limit."""
    value = vector([[1, 2]], {"a": "1"}, {"a": "2"}, present=[[False, True]])
    shown = json.loads(written(Result(value, STEPS[:1]), limit=1))
    assert shown["data"]["result"][0]["metric"] == {"a": "2"}
    assert "warnings" not in shown


def test_warnings_infos_and_stats():
    """They stand where Prometheus has them; of more than ten it says how many."""
    many = tuple(f"w{number}" for number in range(13))
    result = Result(Scalar(np.array([1.0])), STEPS[:1], warnings=many, infos=("i",))
    said = json.loads(written(result, stats={"samples": {}}))
    assert list(said) == ["status", "data", "warnings", "infos"]
    assert said["warnings"] == [*many[:10], "3 more warning annotations omitted"]
    assert said["infos"] == ["i"]
    assert said["data"]["stats"] == {"samples": {}}


def test_labels_of_many_series():
    """Labels are sorted by name, escaped, and those that are empty left out."""
    sets = [{"__name__": "a", "é": 'q"\\'}, {"Z": "1"}, {}, {"__name__": "a", "b": "\n"}]
    assert encode_labels(LabelTable.of(Symbols(), sets)) == [
        '{"__name__":"a","é":"q\\"\\\\"}',
        '{"Z":"1"}',
        "{}",
        '{"__name__":"a","b":"\\n"}',
    ]


def test_half_characters():
    """Half a surrogate pair, which JSON cannot hold, becomes U+FFFD; a whole one stays."""
    assert encode_data("a\ud800b") == '{"status":"success","data":"a\ufffdb"}'.encode()
    assert encode_error("bad_data", "\U0001f600").endswith('"error":"\U0001f600"}'.encode())


def test_pieces_are_small():
    """An answer is given series by series, so that memory holds a piece of it only."""
    wide = LabelTable.of(Symbols(), [{"i": str(number)} for number in range(50)])
    steps = np.arange(1000, dtype=np.int64)
    pieces = list(encode_result(Result(Vector(wide, np.ones((1000, 50))), steps), is_range=True))
    assert max(map(len, pieces)) < 2 * sum(map(len, pieces)) / 50
