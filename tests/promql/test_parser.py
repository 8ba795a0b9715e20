"""What a query's text means: one tree per way of writing."""

from __future__ import annotations

import math

import pytest

from jupyterhub_monitoring.promql.ast import (
    Aggregation,
    At,
    Binary,
    Call,
    Cardinality,
    Expr,
    Matching,
    Number,
    Paren,
    RangeSelector,
    Selector,
    Span,
    Subquery,
    Text,
    Unary,
    ValueType,
)
from jupyterhub_monitoring.promql.check import value_type
from jupyterhub_monitoring.promql.parser import parse, parse_selector
from jupyterhub_monitoring.store.matcher import Matcher, MatchType

MINUTE = 60_000
EQUAL, NOT_EQUAL = MatchType.EQUAL, MatchType.NOT_EQUAL
REGEX, NOT_REGEX = MatchType.REGEX, MatchType.NOT_REGEX
SET = Matching(Cardinality.MANY_TO_MANY)


def named(name: str, *matchers: Matcher, **more: object) -> Selector:
    """The selector of metric *name*."""
    return Selector(name, (*matchers, Matcher("__name__", EQUAL, name)), **more)


NAMES = ["sum", "avg", "by", "without", "offset", "and", "or", "unless", "start", "end", "step"]
NAMES += ["range", "max_of", "fill", "fill_left", "anchored", "smoothed", "count_values", "limitk"]
NAMES += ["quantile", "rate", "SUM", "By"]

A, B, C = named("a"), named("b"), named("c")
ONE, TWO, THREE = Number(1), Number(2), Number(3)


def minus(left: Expr, right: Expr) -> Binary:
    return Binary("-", left, right, matching=Matching())


def check_tree(query: str, expected: Expr) -> None:
    assert parse(query) == expected


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5),
        ("1_000_000.000_1", 1_000_000.0001),
        ("1e3", 1000),
        ("1E-3", 0.001),
        ("0x1F", 31),
        ("0Xff_ff", 65535),
        ("017", 15),
        ("089", 89),
        ("017.5", 17.5),
        ("inf", math.inf),
        ("-Inf", -math.inf),
        ("+1", 1),
        ("-1", -1),
        ("- -1", 1),
        ("9223372036854775808", 2.0**63),
        ("5m", 300),
        ("1h30m", 5400),
        ("1y2w3d", 365 * 86400 + 17 * 86400),
        ("1s500ms", 1.5),
        ("-5m", -300),
    ],
)
def test_numbers(query, value):
    """Every way of writing a number or a duration gives its value; a sign belongs to it."""
    check_tree(query, Number(value))


def test_nan():
    """NaN in any case is a number, and trees with it can be compared."""
    assert math.isnan(parse("nAn").value)
    assert parse("NaN") == parse("-nan")


@pytest.mark.parametrize(
    ("query", "value"),
    [
        (r'"a\nb"', "a\nb"),
        (r"'it\'s'", "it's"),
        (r"`a\nb`", r"a\nb"),
        ("`two\nlines`", "two\nlines"),
        (r'"\x41\101\u00e9\U0001F600"', "AAé😀"),
        (r'"\xc3\xa9"', "é"),
        (r'"\xff"', "\udcff"),
        ('"é 😀 # no comment"', "é 😀 # no comment"),
        ('""', ""),
    ],
)
def test_strings(query, value):
    """Quotes and Go's escapes; bytes that are no UTF-8 are kept apart from every character."""
    check_tree(query, Text(value))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a", A),
        ("a{}", A),
        ("job:rate:5m", named("job:rate:5m")),
        (":a", named(":a")),
        (
            """a{x="1", y != '2', z=~`3|4`, w !~ "5",}""",
            named(
                "a",
                Matcher("x", EQUAL, "1"),
                Matcher("y", NOT_EQUAL, "2"),
                Matcher("z", REGEX, "3|4"),
                Matcher("w", NOT_REGEX, "5"),
            ),
        ),
        ('{x="1"}', Selector(None, (Matcher("x", EQUAL, "1"),))),
        ('{__name__=~"a|b"}', Selector(None, (Matcher("__name__", REGEX, "a|b"),))),
        ('{"a.b"}', Selector(None, (Matcher("__name__", EQUAL, "a.b"),))),
        (
            '{"a.b", "c d"="1"}',
            Selector(None, (Matcher("__name__", EQUAL, "a.b"), Matcher("c d", EQUAL, "1"))),
        ),
        ('a{"ü"=~"x"}', named("a", Matcher("ü", REGEX, "x"))),
        (
            'a{by="1", sum="2", bool="3"}',
            named(
                "a",
                *(
                    Matcher(*m)
                    for m in (("by", EQUAL, "1"), ("sum", EQUAL, "2"), ("bool", EQUAL, "3"))
                ),
            ),
        ),
    ],
)
def test_selectors(query, expected):
    """Names and matchers, quoted or not."""
    check_tree(query, expected)


@pytest.mark.parametrize("name", NAMES)
def test_keywords_are_metrics_where_nothing_else_makes_sense(name):
    """A metric may have a keyword's or a function's name, in the case in which it is written."""
    check_tree(name, named(name))
    check_tree(f'{name}{{a="b"}}', named(name, Matcher("a", EQUAL, "b")))
    check_tree(f"{name} - {name}", minus(named(name), named(name)))


@pytest.mark.parametrize(
    ("query", "offset_ms", "at"),
    [
        ("a offset 5m", 5 * MINUTE, None),
        ("a OFFSET -5m", -5 * MINUTE, None),
        ("a offset 1.5", 1500, None),
        ("a offset 0.0006", 0, None),
        ("a offset 0s", 0, None),
        ("a @ 10", 0, At(10_000)),
        ("a @ -10.0015", 0, At(-10_002)),
        ("a @ 1e9", 0, At(10**12)),
        ("a @ start()", 0, At(bound="start")),
        ("a @ END()", 0, At(bound="end")),
        ("a @ 10 offset 5m", 5 * MINUTE, At(10_000)),
        ("a offset 5m @ 10", 5 * MINUTE, At(10_000)),
    ],
)
def test_offset_and_at(query, offset_ms, at):
    """Both may be given in either order, also below zero, on all that reads series."""
    head, _, modifiers = query.partition(" ")
    moved = named("a", offset_ms=offset_ms, at=at)
    check_tree(query, moved)
    check_tree(f"{head}[1m] {modifiers}", RangeSelector(moved, MINUTE))
    check_tree(f"{head}[1m:] {modifiers}", Subquery(A, MINUTE, None, offset_ms, at))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a[5m]", RangeSelector(A, 5 * MINUTE)),
        ("a[ 300 ]", RangeSelector(A, 5 * MINUTE)),
        ("a[1.5]", RangeSelector(A, 1500)),
        ("a[8999999999999ms]", RangeSelector(A, 8_999_999_999_999)),
        ("a[1h:5m]", Subquery(A, 60 * MINUTE, 5 * MINUTE)),
        ("a[1h : 300]", Subquery(A, 60 * MINUTE, 5 * MINUTE)),
        ("a[1h:]", Subquery(A, 60 * MINUTE, None)),
        ("(a)[1h:]", Subquery(Paren(A), 60 * MINUTE, None)),
        ("a offset 1m [1h:]", Subquery(named("a", offset_ms=MINUTE), 60 * MINUTE, None)),
        (
            "rate(a[1m:])",
            Call("rate", (Subquery(A, MINUTE, None),)),
        ),
        (
            "max_over_time(rate(a[1m])[1h:1m] offset 1m)",
            Call(
                "max_over_time",
                (Subquery(Call("rate", (RangeSelector(A, MINUTE),)), 60 * MINUTE, MINUTE, MINUTE),),
            ),
        ),
    ],
)
def test_ranges_and_subqueries(query, expected):
    """A range belongs to what stands right before it."""
    check_tree(query, expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("a - b - c", minus(minus(A, B), C)),
        ("1 + 2 * 3", Binary("+", ONE, Binary("*", TWO, THREE))),
        ("1 * 2 + 3", Binary("+", Binary("*", ONE, TWO), THREE)),
        ("1 ^ 2 ^ 3", Binary("^", ONE, Binary("^", TWO, THREE))),
        ("1 atan2 2 % 3", Binary("%", Binary("atan2", ONE, TWO), THREE)),
        ("-1 ^ 2", Unary("-", Binary("^", ONE, TWO))),
        ("2 ^ -1", Binary("^", TWO, Number(-1))),
        ("-a * b", Binary("*", Unary("-", A), B, matching=Matching())),
        ("+-a", Unary("+", Unary("-", A))),
        ("-(1)", Unary("-", Paren(ONE))),
        ("a or b and c", Binary("or", A, Binary("and", B, C, matching=SET), matching=SET)),
        (
            "a unless b and c",
            Binary("and", Binary("unless", A, B, matching=SET), C, matching=SET),
        ),
        (
            "a and 1 < bool 2 + b",
            Binary("and", A, Binary("<", ONE, Binary("+", TWO, B), True), matching=SET),
        ),
        ("a == 1 != 2", Binary("!=", Binary("==", A, ONE), TWO)),
        ("1 >= bool 2", Binary(">=", ONE, TWO, return_bool=True)),
    ],
)
def test_operators(query, expected):
    """Precedence and grouping, signs included; matching only between vectors."""
    check_tree(query, expected)


@pytest.mark.parametrize(
    ("modifiers", "matching"),
    [
        ("", Matching()),
        ("on()", Matching(on=True)),
        ("ON (x, y)", Matching(labels=("x", "y"), on=True)),
        ("ignoring (x,)", Matching(labels=("x",))),
        ("on (x) group_left", Matching(Cardinality.MANY_TO_ONE, ("x",), on=True)),
        ("on (x) group_left ()", Matching(Cardinality.MANY_TO_ONE, ("x",), on=True)),
        ("ignoring () group_right (y)", Matching(Cardinality.ONE_TO_MANY, include=("y",))),
        ('on ("x.y", by, Sum)', Matching(labels=("x.y", "by", "Sum"), on=True)),
        ("on (a:b)", Matching(labels=("a:b",), on=True)),
    ],
)
def test_vector_matching(modifiers, matching):
    """`on`, `ignoring` and the group modifiers, with labels of any name."""
    check_tree(f"a - {modifiers} b", Binary("-", A, B, matching=matching))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("sum(a)", Aggregation("sum", A)),
        ("SUM (a)", Aggregation("sum", A)),
        ("sum by (x, y) (a)", Aggregation("sum", A, grouping=("x", "y"))),
        ("sum(a) by (x, y)", Aggregation("sum", A, grouping=("x", "y"))),
        ("sum without () (a)", Aggregation("sum", A, without=True)),
        ('avg by ("x.y") (a)', Aggregation("avg", A, grouping=("x.y",))),
        ("topk(3, a)", Aggregation("topk", A, THREE)),
        ("topk by (x) (3, a)", Aggregation("topk", A, THREE, ("x",))),
        ('count_values("v", a)', Aggregation("count_values", A, Text("v"))),
        (
            "sum(sum by (x) (a)) by (y)",
            Aggregation("sum", Aggregation("sum", A, grouping=("x",)), grouping=("y",)),
        ),
    ],
)
def test_aggregations(query, expected):
    """The grouping may stand before or after what is aggregated."""
    check_tree(query, expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("time()", Call("time", ())),
        ("hour()", Call("hour", ())),
        ("hour(a)", Call("hour", (A,))),
        ("round(a, 2)", Call("round", (A, TWO))),
        ('label_join(a, "x", "-")', Call("label_join", (A, Text("x"), Text("-")))),
        (
            'label_join(a, "x", "-", "y", "z")',
            Call("label_join", (A, Text("x"), Text("-"), Text("y"), Text("z"))),
        ),
        ("first_over_time(a[1m])", Call("first_over_time", (RangeSelector(A, MINUTE),))),
    ],
)
def test_calls(query, expected):
    """Arguments stay as written; those that may be left out are not filled in."""
    check_tree(query, expected)


def test_comments_and_space():
    """Comments and blank lines mean nothing; a # inside quotes is part of the text."""
    query = 'sum by (x) # totals\n(\n\ta{l="#"} # end\r\n)\n# more'
    check_tree(query, Aggregation("sum", named("a", Matcher("l", EQUAL, "#")), grouping=("x",)))


def test_spans():
    """Each node knows which characters it was read from, counted as characters, not bytes."""
    query = 'sum by (x) (a{l="é"} offset 1m) / 2'
    binary = parse(query)
    text = {node: query[node.span.start : node.span.end] for node in (binary, binary.lhs)}
    assert text == {binary: query, binary.lhs: 'sum by (x) (a{l="é"} offset 1m)'}
    assert binary.lhs.expr.span == Span(12, 30)
    assert binary.rhs.span == Span(34, 35)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1 + 2", ValueType.SCALAR),
        ("(1) + -scalar(a)", ValueType.SCALAR),
        ("1 + a", ValueType.VECTOR),
        ("-(1 + (a))", ValueType.VECTOR),
        ("a + b", ValueType.VECTOR),
        ("sum(a)", ValueType.VECTOR),
        ("a[5m]", ValueType.MATRIX),
        ("(a[5m:])", ValueType.MATRIX),
        ('("x")', ValueType.STRING),
        ("time()", ValueType.SCALAR),
    ],
)
def test_value_type(query, expected):
    """A query says what it will give before it is run."""
    assert value_type(parse(query)) is expected


def test_selector_for_match():
    """`match[]` takes what a query takes as a selector, without a name too, and `{}`."""
    assert parse_selector('up{job=~"a|b"}') == (
        Matcher("job", REGEX, "a|b"),
        Matcher("__name__", EQUAL, "up"),
    )
    assert parse_selector("{}") == ()
    assert parse_selector('{"a.b"}') == (Matcher("__name__", EQUAL, "a.b"),)


@pytest.mark.parametrize("text", ["", "up offset 5m", "up[5m]", "sum(up)", "1", "up up"])
def test_no_selector(text):
    """`match[]` refuses everything else."""
    with pytest.raises(ValueError, match="parse error"):
        parse_selector(text)
