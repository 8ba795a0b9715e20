"""A tree as the JSON of `/api/v1/parse_query`, the shape that Prometheus's tree view reads."""

from __future__ import annotations

from typing import Any

from .ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Matching,
    Number,
    Paren,
    RangeSelector,
    Selector,
    Subquery,
    Text,
    Unary,
    left_chain,
)
from .go_format import format_float
from .signatures import SIGNATURES

Json = dict[str, Any]


def tree(expr: Expr) -> Json:  # noqa: C901, PLR0911 -- only dispatches
    """Return *expr* as nested objects. Fields of what we do not have are there, and null."""
    match expr:
        case Number(value=value):
            return {"type": "numberLiteral", "val": format_float(value)}
        case Text(value=value):
            return {"type": "stringLiteral", "val": value}
        case Selector():
            return {"type": "vectorSelector", **_selector(expr)}
        case RangeSelector(selector=selector, range_ms=range_ms):
            return {
                "type": "matrixSelector",
                **_selector(selector),
                "range": range_ms,
                "rangeExpr": None,
            }
        case Subquery():
            return _subquery(expr)
        case Call():
            return _call(expr)
        case Aggregation():
            return _aggregation(expr)
        case Unary(op=op, expr=inner):
            return {"type": "unaryExpr", "op": op, "expr": tree(inner)}
        case Paren(expr=inner):
            return {"type": "parenExpr", "expr": tree(inner)}
        case Binary():
            return _chain(expr)


def _modifiers(expr: Selector | Subquery) -> Json:
    at = expr.at
    return {
        "offset": expr.offset_ms,
        "offsetExpr": None,
        "timestamp": None if at is None else at.timestamp_ms,
        "startOrEnd": None if at is None else at.bound,
    }


def _selector(selector: Selector) -> Json:
    return {
        "name": selector.name or "",
        "matchers": [
            {"name": matcher.name, "value": matcher.value, "type": matcher.type.value}
            for matcher in selector.matchers
        ],
        **_modifiers(selector),
        "anchored": False,
        "smoothed": False,
    }


def _subquery(subquery: Subquery) -> Json:
    return {
        "type": "subquery",
        "expr": tree(subquery.expr),
        "range": subquery.range_ms,
        "rangeExpr": None,
        "step": subquery.step_ms or 0,
        "stepExpr": None,
        **_modifiers(subquery),
    }


def _call(call: Call) -> Json:
    signature = SIGNATURES[call.function]
    function = {
        "name": signature.name,
        "argTypes": [argument.value for argument in signature.args],
        "variadic": signature.variadic,
        "returnType": signature.returns.value,
    }
    return {"type": "call", "func": function, "args": [tree(arg) for arg in call.args]}


def _aggregation(aggregation: Aggregation) -> Json:
    return {
        "type": "aggregation",
        "op": aggregation.op,
        "expr": tree(aggregation.expr),
        "param": None if aggregation.param is None else tree(aggregation.param),
        "grouping": list(aggregation.grouping),
        "without": aggregation.without,
    }


def _chain(binary: Binary) -> Json:
    first, links = left_chain(binary)
    node = tree(first)
    for link in links:
        node = {
            "type": "binaryExpr",
            "op": link.op,
            "lhs": node,
            "rhs": tree(link.rhs),
            "matching": None if link.matching is None else _matching(link.matching),
            "bool": link.return_bool,
        }
    return node


def _matching(matching: Matching) -> Json:
    return {
        "card": matching.cardinality.value,
        "labels": list(matching.labels),
        "on": matching.on,
        "include": list(matching.include),
        "fillValues": {"lhs": None, "rhs": None},
    }
