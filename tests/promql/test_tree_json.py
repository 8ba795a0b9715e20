"""The JSON of `/api/v1/parse_query`, field by field as Prometheus's tree view reads it."""

from __future__ import annotations

import json

import pytest

from jupyterhub_monitoring.promql.parser import parse
from jupyterhub_monitoring.promql.tree_json import tree

UP_MATCHERS = [{"name": "__name__", "value": "up", "type": "="}]
UP = {
    "type": "vectorSelector",
    "name": "up",
    "offset": 0,
    "offsetExpr": None,
    "matchers": UP_MATCHERS,
    "timestamp": None,
    "startOrEnd": None,
    "anchored": False,
    "smoothed": False,
}
ONE = {"type": "numberLiteral", "val": "1"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1", ONE),
        ("-Inf", {"type": "numberLiteral", "val": "-Inf"}),
        ('"x"', {"type": "stringLiteral", "val": "x"}),
        ("(1)", {"type": "parenExpr", "expr": ONE}),
        ("-up", {"type": "unaryExpr", "op": "-", "expr": UP}),
        ("up", UP),
        (
            'up{job!~"a"} @ 1.5 offset -1m',
            {
                **UP,
                "matchers": [{"name": "job", "value": "a", "type": "!~"}, *UP_MATCHERS],
                "timestamp": 1500,
                "offset": -60_000,
            },
        ),
        (
            "up[5m] @ end()",
            {
                **UP,
                "type": "matrixSelector",
                "range": 300_000,
                "rangeExpr": None,
                "startOrEnd": "end",
            },
        ),
        (
            "up[1h:] @ start() offset 1s",
            {
                "type": "subquery",
                "expr": UP,
                "range": 3_600_000,
                "rangeExpr": None,
                "step": 0,
                "stepExpr": None,
                "offset": 1000,
                "offsetExpr": None,
                "timestamp": None,
                "startOrEnd": "start",
            },
        ),
        (
            "round(up)",
            {
                "type": "call",
                "func": {
                    "name": "round",
                    "argTypes": ["vector", "scalar"],
                    "variadic": 1,
                    "returnType": "vector",
                },
                "args": [UP],
            },
        ),
        (
            "topk without (a) (1, up)",
            {
                "type": "aggregation",
                "op": "topk",
                "expr": UP,
                "param": ONE,
                "grouping": ["a"],
                "without": True,
            },
        ),
        (
            "up == bool 1",
            {
                "type": "binaryExpr",
                "op": "==",
                "lhs": UP,
                "rhs": ONE,
                "matching": None,
                "bool": True,
            },
        ),
        (
            "up * on (a) group_left (b) up",
            {
                "type": "binaryExpr",
                "op": "*",
                "lhs": UP,
                "rhs": UP,
                "matching": {
                    "card": "many-to-one",
                    "labels": ["a"],
                    "on": True,
                    "include": ["b"],
                    "fillValues": {"lhs": None, "rhs": None},
                },
                "bool": False,
            },
        ),
    ],
)
def test_nodes(query, expected):
    """Each kind of node has Prometheus's fields, those of what we do not have too."""
    assert tree(parse(query)) == expected
    json.dumps(tree(parse(query)), allow_nan=False)


def test_chains_group_to_the_left():
    """`a and a or a` is one operator inside the other."""
    outer = tree(parse("up and up or up"))
    assert (outer["op"], outer["lhs"]["op"], outer["rhs"]) == ("or", "and", UP)
    assert outer["matching"]["card"] == "many-to-many"
