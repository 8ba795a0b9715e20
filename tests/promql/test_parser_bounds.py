"""No query, however it is written, hurts the service before it is refused."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import replace

import pytest

from jupyterhub_monitoring.errors import BadData, QueryTooComplex
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.parser import parse
from jupyterhub_monitoring.promql.printer import format_query
from jupyterhub_monitoring.promql.tree_json import tree

LIMITS = Limits()
UNLIMITED = Limits(max_length=10**6, max_operators=10**6, max_nesting=10**6)


def nested(levels: int) -> str:
    return "(" * (levels - 1) + "1" + ")" * (levels - 1)


@pytest.mark.parametrize(
    ("setting", "largest", "query"),
    [
        ("max_length", 10, "a" * 10),
        ("max_length", 10, "\N{EM DASH}" * 10),
        ("max_operators", 3, "a + 1 + a + 1"),
        ("max_operators", 3, "sum(a + a) or (a == 1)"),
        ("max_nesting", 3, "abs(-a)"),
        ("max_nesting", 3, "((1))"),
        ("max_nesting", 4, "1 + 1 * 1 ^ 1"),
    ],
)
def test_a_bound_is_a_setting(setting, largest, query):
    """What just fits is read; one less is refused, and the error names the setting."""

    def answer(limit: int) -> BadData | None:
        try:
            parse(query, replace(LIMITS, **{setting: limit}))
        except BadData as error:
            return error
        return None

    assert not isinstance(answer(largest), QueryTooComplex)
    refused = answer(largest - 1)
    assert isinstance(refused, QueryTooComplex)
    assert f"c.MonitoringQuery.{setting}" in str(refused)
    assert refused.what == setting.removeprefix("max_")


@pytest.mark.parametrize(
    "query",
    [
        "+".join(["a"] * 501),
        "+".join(["1"] * 501),
        " or ".join(["a"] * 501),
        nested(50),
        "-" * 49 + "a",
        "a" + "^a" * 49,
        "sum(" * 49 + "a" + ")" * 49,
    ],
)
def test_the_largest_that_is_taken(query):
    """A query at the bound is read, printed and shown with room to spare on Python's stack."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(600)
    try:
        expr = parse(query)
        format_query(expr)
        tree(expr)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("query", [nested(5000), "-" * 5000 + "a", "a" + "^a" * 5000])
def test_the_stack_has_the_last_word(query):
    """A setting beyond what Python's stack stands does not make it overflow."""
    with pytest.raises(QueryTooComplex, match="levels of nesting"):
        parse(query, UNLIMITED)


HOSTILE = {
    "operators": "a+" * 8000,
    "open": "(" * 16000,
    "signs": "-" * 16000,
    "powers": "1^" * 8000,
    "subqueries": "a" + "[1m:]" * 3000,
    "offsets": "a" + " offset 0s" * 1500,
    "digits": "1" * 16000,
    "underscores": "1_" * 8000 + "x",
    "exponents": "1e1" * 5000,
    "durations": "1h" * 8000,
    "hexadecimal": "0x" + "f" * 16000,
    "octal": "0" + "7" * 16000,
    "space": " " * 16000 + "$",
    "comments": "#" * 16000,
    "comment lines": "# #\n" * 4000,
    "quotes": '"' + '\\"' * 8000,
    "escapes": '"' + "\\x41" * 4000 + '"',
    "matchers": "{" + ",".join(f'a{i}="b"' for i in range(1200)) + "}",
    "arguments": "label_join(" + ",".join(["a"] * 7000) + ")",
    "labels": "sum by (" + ",".join(["a"] * 7000) + ") (x)",
    "fills": "fill " * 3000,
    "function": "q" * 16000 + "(",
    "scalars in parentheses": "(" * 40 + "+".join(["1"] * 400) + ")" * 40,
    "large expression": r'{a=~"(\\w{100}|\\pL{100}|.{100}){3}"}',
}


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_answered_at_once(query):
    """The longest texts of their kind take a fraction of a second's work, refused or not."""
    assert len(query) <= LIMITS.max_length
    start = time.thread_time()
    with contextlib.suppress(BadData):
        format_query(parse(query))
    assert time.thread_time() - start < 0.5
