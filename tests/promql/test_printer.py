"""How a query is written again: `format_query`, with Prometheus's layout."""

from __future__ import annotations

import pytest

from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.parser import parse
from jupyterhub_monitoring.promql.printer import format_query, one_line


@pytest.mark.parametrize(
    ("query", "written"),
    [
        ("up", "up"),
        ("up{}", "up"),
        ('up { b = "2" , a != `1` }', 'up{a!="1",b="2"}'),
        ('{__name__="up"}', '{__name__="up"}'),
        ('{"a.b", "l é"="x"}', '{"l é"="x",__name__="a.b"}'),
        (r"""up{a='it\'s "so"\n\u00a0\x07'}""", r"""up{a="it's \"so\"\n\u00a0\a"}"""),
        ("up OFFSET 90m @ 1.5", "up @ 1.500 offset 1h30m"),
        ("up @ -0.25", "up @ -0.250"),
        ("up[300] offset -1d", "up[5m] offset -1d"),
        ("up[1h:]@end()", "up[1h:] @ end()"),
        ("up[1y3d:36h]", "up[368d:1d12h]"),
        ("up[2w:1.5]", "up[2w:1s500ms]"),
        ("1e3+0x10", "1000 + 16"),
        ("1e-7", "0.0000001"),
        ("-5m * +1h", "-5m * 1h"),
        ("INF - nan", "+Inf - NaN"),
        ("Inf ^ 2", "Inf ^ 2"),
        ("1 - Inf ^ 2 * 3", "1 - Inf ^ 2 * 3"),
        ("- - up", "--up"),
        ("((1))", "((1))"),
        ("a == bool 1", "a == bool 1"),
        ("a+on()b", "a + on () b"),
        ("a+ignoring()b", "a + b"),
        ("a*ignoring(x,)group_left b", "a * ignoring (x) group_left () b"),
        ('a/ON("x.y")GROUP_RIGHT(z)b', 'a / on ("x.y") group_right (z) b'),
        ("a AND b", "a and b"),
        ("sum(a)by(x,y)", "sum by (x, y) (a)"),
        ("SUM BY () (a)", "sum(a)"),
        ("avg without()(a)", "avg without () (a)"),
        ("topk(1,a) by (x)", "topk by (x) (1, a)"),
        ('count_values ("v",a)', 'count_values("v", a)'),
        ("time ( )", "time()"),
        (r'label_join(a,"\xff",`\`,"")', r'label_join(a, "\xff", "\\", "")'),
    ],
)
def test_on_one_line(query, written):
    """One way of writing for each meaning."""
    assert one_line(parse(query)) == written
    assert format_query(parse(query)) == written


@pytest.mark.parametrize(
    ("query", "written"),
    [
        (
            "sum by (job) (rate(some_requests[5m]))",
            """
            sum by (job) (
              rate(
                some_requests[5m]
              )
            )
            """,
        ),
        (
            "topk(3, requests_total)",
            """
            topk(
              3,
              requests_total
            )
            """,
        ),
        (
            "requests + errors * on (x) latency_seconds > bool 5",
            """
                requests
              +
                  errors
                * on (x)
                  latency_seconds
            > bool
              5
            """,
        ),
        (
            "a + b + requests_total - (requests_total)",
            """
                a + b
              +
                requests_total
            -
              (requests_total)
            """,
        ),
        (
            "-(requests_total)",
            """
            -(requests_total)
            """,
        ),
        (
            "max_over_time(rate(requests_total[1m])[1h:5m] offset 1m)",
            """
            max_over_time(
              rate(
                requests_total[1m]
              )[1h:5m] offset 1m
            )
            """,
        ),
    ],
)
def test_in_lines(query, written):
    """What is longer than a line is split at its outermost part, each level two columns in."""
    assert format_query(parse(query), line=16) == without_margin(written)


def without_margin(text: str) -> str:
    """The lines of *text* without the twelve columns of this file."""
    return "\n".join(line[12:] for line in text.strip("\n").splitlines() if line.strip())


def test_a_line_is_a_hundred_characters():
    """Only what is longer than a line of 100 characters is split."""
    fits = "abs(" + "a" * 95 + ")"
    assert format_query(parse(fits)) == fits
    assert format_query(parse(fits.replace("aa", "aaa", 1))).count("\n") == 2


def test_long_chains():
    """Five hundred operands are written, each further in than the one after it."""
    query = " or ".join(f"metric_{i}" for i in range(500))
    written = format_query(parse(query))
    assert written.splitlines()[0] == " " * 984 + " or ".join(f"metric_{i}" for i in range(8))
    assert one_line(parse(written, Limits(max_length=len(written)))) == query
