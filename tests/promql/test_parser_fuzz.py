"""Whatever is asked, the parser answers: with a tree or with an error, soon."""

from __future__ import annotations

import json
import time

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyterhub_monitoring.errors import BadData
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.lexer import WORDS
from jupyterhub_monitoring.promql.parser import parse
from jupyterhub_monitoring.promql.printer import format_query, one_line
from jupyterhub_monitoring.promql.signatures import SIGNATURES
from jupyterhub_monitoring.promql.tree_json import tree
from support.query_trees import queries

REAL = [
    'sum by (job) (rate(http_requests_total{job="x", code=~"5.."}[5m])) > 0.05',
    "histogram_quantile(0.99, sum by (le, handler) (rate(request_seconds_bucket[5m] offset 1h)))",
    "a / on (instance) group_left (version) build_info unless on () vector(1) == bool 2",
    'up{"\\xff", a="\\xff"} * sum(x) by ("\\xff")',
    'label_replace(up, "host", "$1", "instance", "(.*):\\\\d+") # who',
    "max_over_time(rate(x[1m])[1h:5m] @ end() offset -5m) - -2 ^ 0x1F",
    "topk(5, {'le.x'='\\u00e9', __name__=~`a|b`} @ 1609746000.5)",
]
PIECES = st.sampled_from(
    [*WORDS, *SIGNATURES, *'()[]{},:@=!~+-*/%^<>"`#\n', "1", "5m", "foo", '"x"', "=~", "==", "\\"]
)
NESTED_DEEPLY = Limits(max_nesting=100)


def answers(query: str) -> None:
    """Parse *query*; a tree that comes out can be printed and shown, and is soon there."""
    start = time.thread_time()
    try:
        expr = parse(query)
    except BadData as error:
        str(error).encode()  # it can be sent, whatever bytes the query named
    else:
        assert parse(one_line(expr), NESTED_DEEPLY) == expr or "{" in query  # matchers are sorted
        json.dumps(tree(expr), allow_nan=False)
    assert time.thread_time() - start < 2


@settings(deadline=None)
@given(st.text())
def test_random_text(query):
    """Any text gets a tree or an error that says something."""
    answers(query)


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map(" ".join))
def test_random_words(query):
    """The language's own words in any order get a tree or an error."""
    answers(query)


@settings(deadline=None)
@given(st.sampled_from(REAL), st.data())
def test_mutated_queries(query, data):
    """A real query with a piece cut out, doubled or put elsewhere gets a tree or an error."""
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(query)))
        end = data.draw(st.integers(start, min(len(query), start + 12)))
        to = data.draw(st.integers(0, len(query)))
        piece = query[start:end] + data.draw(st.just("") | PIECES)
        query = query[:to] + piece + query[to + data.draw(st.integers(0, 5)) :]
    answers(query)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(queries, st.sampled_from([1, 20, 100]))
def test_what_is_printed_means_the_same(expr, width):
    """A query that is written again, on one line or several, is the same query."""
    assert parse(one_line(expr)) == expr
    assert parse(format_query(expr, width)) == expr
