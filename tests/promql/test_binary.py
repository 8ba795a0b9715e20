"""Binary operators on vectors made by hand: matching at each step by itself, and its errors."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from jupyterhub_monitoring.errors import QueryError
from jupyterhub_monitoring.promql.ast import Binary, Cardinality, Matching, Number
from jupyterhub_monitoring.promql.binary import binary
from jupyterhub_monitoring.promql.budget import Budget, Limits
from jupyterhub_monitoring.promql.values import Scalar, Vector
from jupyterhub_monitoring.store.label_table import LabelTable
from jupyterhub_monitoring.store.symbols import Symbols

_ = None
Series = dict[tuple[tuple[str, str], ...], list[float | None]]
MANY_TO_MANY = Cardinality.MANY_TO_MANY


class Sides:
    """Vectors that share their symbols, and the operators between them."""

    def __init__(self) -> None:
        self.symbols = Symbols()
        self.ctx: Any = SimpleNamespace(budget=Budget(Limits()))

    def vector(self, *series: tuple[str, list[float | None]]) -> Vector:
        """Series as ("a=1 b=2", [values, None where absent])."""
        sets = [dict(pair.split("=") for pair in text.split()) for text, _values in series]
        rows = [[np.nan if v is None else v for v in values] for _text, values in series]
        there = np.array([[v is not None for v in values] for _text, values in series]).T
        labels = LabelTable.of(self.symbols, sets)
        return Vector(labels, np.array(rows, dtype=float).T, None if there.all() else there)

    def apply(
        self, op: str, lhs: Any, rhs: Any, *, return_bool: bool = False, **matching: Any
    ) -> dict[str, list[float | None]]:
        """`lhs op rhs` as {"a=1 b=2": [values, None where absent]}."""
        node = Binary(op, Number(0), Number(0), return_bool, Matching(**matching))
        result = binary(self.ctx, node, lhs, rhs)
        if isinstance(result, Scalar):
            return {"": result.values.tolist()}
        return {
            " ".join(f"{k}={v}" for k, v in labels.items()): [
                float(v) if there else None
                for v, there in zip(result.values[:, n], result.mask[:, n], strict=True)
            ]
            for n, labels in enumerate(result.labels.rows())
            if result.mask[:, n].any()
        }


@pytest.fixture
def sides() -> Sides:
    return Sides()


def test_a_series_that_is_replaced_matches_on(sides: Sides):
    """A pod that came back under another name is matched at each step with what is there then."""
    left = sides.vector(("__name__=m hub=a", [1, 2, 3]))
    right = sides.vector(
        ("__name__=n hub=a pod=x", [10, _, _]), ("__name__=n hub=a pod=y", [_, 20, 30])
    )
    assert sides.apply("+", left, right, labels=("hub",), on=True) == {"hub=a": [11, 22, 33]}
    assert sides.apply("-", right, left, labels=("hub",), on=True) == {"hub=a": [9, 18, 27]}


def test_included_labels_follow_the_step(sides: Sides):
    """`group_left (pod)` takes the label of the series that is there at the step."""
    left = sides.vector(("__name__=m hub=a user=u", [1, 2]), ("__name__=m hub=a user=v", [3, 4]))
    right = sides.vector(("__name__=n hub=a pod=x", [1, _]), ("__name__=n hub=a pod=y", [_, 1]))
    got = sides.apply(
        "*",
        left,
        right,
        cardinality=Cardinality.MANY_TO_ONE,
        labels=("hub",),
        on=True,
        include=("pod",),
    )
    assert got == {
        "hub=a pod=x user=u": [1, _],
        "hub=a pod=y user=u": [_, 2],
        "hub=a pod=x user=v": [3, _],
        "hub=a pod=y user=v": [_, 4],
    }


def test_group_right_keeps_the_sides_of_the_operator(sides: Sides):
    """With `group_right` the right side gives the labels, and left stays left of the minus."""
    left = sides.vector(("__name__=m hub=a", [10]))
    right = sides.vector(("__name__=n hub=a user=u", [1]), ("__name__=n hub=a user=v", [2]))
    got = sides.apply(
        "-", left, right, cardinality=Cardinality.ONE_TO_MANY, labels=("hub",), on=True
    )
    assert got == {"hub=a user=u": [9], "hub=a user=v": [8]}


def test_duplicates_on_the_one_side_are_named(sides: Sides):
    """The error says which two series stand for the same signature, and on which side."""
    left = sides.vector(("__name__=m hub=a", [1]))
    right = sides.vector(("__name__=n hub=a pod=y", [1]), ("__name__=n hub=a pod=x", [1]))
    with pytest.raises(QueryError) as caught:
        sides.apply("+", left, right, labels=("hub",), on=True)
    assert str(caught.value) == (
        'found duplicate series for the match group {hub="a"} on the right hand-side of the '
        'operation: [{__name__="n", hub="a", pod="x"}, {__name__="n", hub="a", pod="y"}];'
        "many-to-many matching not allowed: matching labels must be unique on one side"
    )


def test_duplicates_that_nobody_asks_about_are_no_error(sides: Sides):
    """At a step without any sample on the other side, nothing is matched, so nothing is wrong."""
    left = sides.vector(("__name__=m hub=a", [_, 1]))
    right = sides.vector(("__name__=n hub=a pod=x", [1, 1]), ("__name__=n hub=a pod=y", [1, _]))
    assert sides.apply("+", left, right, labels=("hub",), on=True) == {"hub=a": [_, 2]}


def test_duplicates_on_the_many_side_want_a_group_modifier(sides: Sides):
    """Two samples of the left for one of the right have to be asked for, also in a filter."""
    left = sides.vector(("__name__=m hub=a pod=x", [1]), ("__name__=m hub=a pod=y", [5]))
    right = sides.vector(("__name__=n hub=a", [2]))
    for op in ("+", ">"):
        with pytest.raises(QueryError, match="many-to-one matching must be explicit"):
            sides.apply(op, left, right, labels=("hub",), on=True)


def test_duplicates_without_a_partner_are_no_error(sides: Sides):
    """Two samples of the left are no conflict where the right has none for them."""
    left = sides.vector(
        ("__name__=m hub=a pod=x", [1, 1]),
        ("__name__=m hub=a pod=y", [5, _]),
        ("__name__=m hub=b", [1, 1]),
    )
    right = sides.vector(("__name__=n hub=a", [_, 2]), ("__name__=n hub=b", [3, 3]))
    got = sides.apply("+", left, right, labels=("hub",), on=True)
    assert got == {"hub=a": [_, 3], "hub=b": [4, 4]}


def test_grouping_labels_must_tell_results_apart(sides: Sides):
    """An included label may not make two results the same."""
    left = sides.vector(("__name__=m hub=a pod=x", [1]), ("__name__=m hub=a pod=y", [5]))
    right = sides.vector(("__name__=n hub=a pod=z", [2]))
    with pytest.raises(QueryError, match="grouping labels must ensure unique matches"):
        sides.apply(
            "+",
            left,
            right,
            cardinality=Cardinality.MANY_TO_ONE,
            labels=("hub",),
            on=True,
            include=("pod",),
        )


def test_a_filter_keeps_the_left_value_and_its_name(sides: Sides):
    """`a > b` are a's samples; NaN is never greater, but it differs."""
    left = sides.vector(("__name__=m hub=a", [1, 5, np.nan]))
    right = sides.vector(("__name__=n hub=a", [2, 2, 2]))
    assert sides.apply(">", left, right) == {"__name__=m hub=a": [_, 5, _]}
    assert sides.apply(">", left, right, return_bool=True) == {"hub=a": [0, 1, 0]}
    assert next(iter(sides.apply("!=", left, right).values()))[:2] == [1, 5]


def test_a_filter_by_a_number_keeps_the_vectors_value(sides: Sides):
    """`3 < m` are m's samples, not 3."""
    vector = sides.vector(("__name__=m hub=a", [1, 5, _]))
    three = Scalar(np.full(3, 3.0))
    assert sides.apply("<", three, vector) == {"__name__=m hub=a": [_, 5, _]}
    assert sides.apply("<", three, vector, return_bool=True) == {"hub=a": [0, 1, _]}
    assert sides.apply("-", three, vector) == {"hub=a": [2, -2, _]}


def test_series_that_lose_their_names_are_merged_where_they_do_not_meet(sides: Sides):
    """A metric that was renamed is one series after arithmetic; two at one step are an error."""
    renamed = sides.vector(("__name__=old hub=a", [1, 2, _]), ("__name__=new hub=a", [_, _, 3]))
    one = Scalar(np.ones(3))
    assert sides.apply("+", renamed, one) == {"hub=a": [2, 3, 4]}
    both = sides.vector(("__name__=old hub=a", [1, 2, _]), ("__name__=new hub=a", [_, 2, 3]))
    with pytest.raises(QueryError, match="vector cannot contain metrics with the same labelset"):
        sides.apply("+", both, one)


SETS = {
    "and": {"__name__=m hub=a": [_, 2, _]},
    "unless": {"__name__=m hub=a": [1, _, _], "__name__=m hub=b": [7, 8, 9]},
    "or": {
        "__name__=m hub=a": [1, 2, _],
        "__name__=m hub=b": [7, 8, 9],
        "__name__=n hub=a": [_, _, 6],
        "__name__=n hub=c": [0, 0, _],
    },
}


@pytest.mark.parametrize(("op", "kept"), SETS.items(), ids=SETS)
def test_set_operators_compare_at_each_step(sides: Sides, op: str, kept: dict[str, Any]):
    """What is on the other side at a step decides for that step only."""
    left = sides.vector(("__name__=m hub=a", [1, 2, _]), ("__name__=m hub=b", [7, 8, 9]))
    right = sides.vector(("__name__=n hub=a", [_, 4, 6]), ("__name__=n hub=c", [0, 0, _]))
    assert sides.apply(op, left, right, cardinality=MANY_TO_MANY) == kept


def test_operators_on_nothing(sides: Sides):
    """A side without any series gives nothing, or for `or` and `unless` the other side."""
    nothing = Vector(LabelTable(sides.symbols, {}, 0), np.zeros((2, 0)))
    some = sides.vector(("__name__=m hub=a", [1, 2]))
    for op in ("+", ">"):
        assert sides.apply(op, some, nothing) == sides.apply(op, nothing, some) == {}
    sets = {"cardinality": MANY_TO_MANY}
    assert sides.apply("and", some, nothing, **sets) == {}
    assert sides.apply("or", nothing, some, **sets) == {"__name__=m hub=a": [1, 2]}
    assert sides.apply("unless", some, nothing, **sets) == {"__name__=m hub=a": [1, 2]}


def test_on_nothing_differs_from_no_matching(sides: Sides):
    """`on ()` compares no label at all: everything matches everything."""
    left, right = sides.vector(("__name__=m hub=a", [1])), sides.vector(("__name__=n hub=b", [2]))
    assert sides.apply("+", left, right) == {}
    assert sides.apply("+", left, right, on=True) == {"": [3]}
