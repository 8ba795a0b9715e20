"""Random PromQL trees of the right types, as the parser builds them, for Hypothesis."""

from __future__ import annotations

import math

from hypothesis import strategies as st

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
    Subquery,
    Text,
    Unary,
    ValueType,
)
from jupyterhub_monitoring.promql.signatures import AGGREGATIONS, SIGNATURES
from jupyterhub_monitoring.store.matcher import Matcher, MatchType

SIGNED = 5.5
"""How tightly a sign binds: less than `^`, more than `*`."""

PRECEDENCE = {
    "or": 1,
    "and": 2,
    "unless": 2,
    "==": 3,
    "<": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
    "atan2": 5,
    "^": 6,
}
COMPARISONS, SETS = {"==", "<"}, {"and", "or", "unless"}

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["\udcff", "a\udc80", "$1$0${x}", "(.*)", "(?P<x>.)(.*)", "le", "job", "ünïcode", ""]
)
metrics = st.sampled_from(
    ["up", "a:b:rate5m", "sum", "offset", "and", "Start", "by", "fill", "range"]
)
labels = st.sampled_from(["job", "le", "on", "group_left", "service.name", "ünïcode", "sum"])
label_lists = st.lists(labels, max_size=3, unique=True).map(tuple)
durations = st.integers(1, 10**12)
offsets = st.integers(-(10**11), 10**11)
ats = st.none() | st.one_of(
    st.builds(At, timestamp_ms=st.integers(-(10**13), 10**13)),
    st.builds(At, bound=st.sampled_from(["start", "end"])),
)
matchers = st.builds(
    Matcher,
    labels,
    st.sampled_from([MatchType.EQUAL, MatchType.NOT_EQUAL]),
    texts,
) | st.builds(Matcher, labels, st.just(MatchType.REGEX), st.sampled_from(["a|b", r"\d+\.x", ""]))


@st.composite
def selectors(draw: st.DrawFn) -> Selector:
    """A selector with its matchers in the order in which they are printed."""
    found = sorted(draw(st.lists(matchers, max_size=3, unique_by=printed_name)), key=printed_name)
    named = draw(st.booleans())
    name = draw(metrics)
    if named:
        found.append(Matcher("__name__", MatchType.EQUAL, name))
    else:
        found = sorted(
            [*found, Matcher("__name__", MatchType.EQUAL, name + ".x")], key=printed_name
        )
    return Selector(name if named else None, tuple(found), draw(offsets), draw(ats))


def printed_name(matcher: Matcher) -> str:
    """The text by which matchers of different labels are sorted."""
    plain = matcher.name.isascii() and matcher.name.isidentifier()
    return matcher.name if plain else f'"{matcher.name}"'


def binds(expr: Expr) -> float:
    """How tightly the outermost operator of *expr* binds."""
    if isinstance(expr, Binary):
        return PRECEDENCE[expr.op]
    if isinstance(expr, Unary) or (isinstance(expr, Number) and str(expr.value).startswith("-")):
        return SIGNED
    return 9


def guarded(expr: Expr, least: float) -> Expr:
    """*expr*, in parentheses where it would otherwise be read differently."""
    return expr if binds(expr) >= least else Paren(expr)


numbers = st.floats(allow_nan=False).map(Number) | st.just(Number(math.nan))


def trees(wanted: ValueType, depth: int = 3) -> st.SearchStrategy[Expr]:
    """Trees that give *wanted*, at most *depth* operators or calls inside each other."""
    if wanted is ValueType.STRING:
        return texts.map(Text)
    if wanted is ValueType.MATRIX:
        ranges = st.builds(RangeSelector, selectors(), durations)
        return ranges | subqueries(depth - 1) if depth > 0 else ranges
    leaf = numbers if wanted is ValueType.SCALAR else selectors()
    if depth <= 0:
        return leaf
    inner = st.deferred(lambda: trees(wanted, depth - 1))
    forms = [leaf, inner.map(Paren), signed(inner), binaries(wanted, depth - 1)]
    forms.append(calls(wanted, depth - 1))
    if wanted is ValueType.VECTOR:
        forms.append(aggregations(depth - 1))
    return st.one_of(forms)


@st.composite
def signed(draw: st.DrawFn, inner: st.SearchStrategy[Expr]) -> Expr:
    """A sign before an operand; before a number there is none, for it would be part of it."""
    expr = guarded(draw(inner), SIGNED)
    if isinstance(expr, Number):
        expr = Paren(expr)
    return Unary(draw(st.sampled_from("+-")), expr)


@st.composite
def subqueries(draw: st.DrawFn, depth: int) -> Subquery:
    expr = guarded(draw(trees(ValueType.VECTOR, depth)), 9)
    return Subquery(expr, draw(durations), draw(st.none() | durations), draw(offsets), draw(ats))


@st.composite
def binaries(draw: st.DrawFn, wanted: ValueType, depth: int) -> Binary:
    types = [wanted, wanted]
    if wanted is ValueType.VECTOR:
        types[draw(st.integers(0, 1))] = draw(st.sampled_from([ValueType.SCALAR, ValueType.VECTOR]))
    vectors = types == [ValueType.VECTOR, ValueType.VECTOR]
    ops = PRECEDENCE if vectors else PRECEDENCE.keys() - SETS
    op = draw(st.sampled_from(sorted(ops)))
    strength, right_first = PRECEDENCE[op], op == "^"
    left = guarded(draw(trees(types[0], depth)), strength + right_first)
    right = guarded(draw(trees(types[1], depth)), strength + (not right_first))
    if isinstance(right, (Unary, Number)) and right_first:
        right = Paren(right)
    scalars = wanted is ValueType.SCALAR
    return_bool = op in COMPARISONS and (scalars or draw(st.booleans()))
    return Binary(op, left, right, return_bool, draw(matchings(op)) if vectors else None)


@st.composite
def matchings(draw: st.DrawFn, op: str) -> Matching:
    on, names = draw(st.booleans()), draw(label_lists)
    if op in SETS:
        return Matching(Cardinality.MANY_TO_MANY, names, on)
    cardinality = draw(st.sampled_from(list(Cardinality)[:3]))
    if cardinality is Cardinality.ONE_TO_ONE:
        return Matching(cardinality, names, on)
    include = tuple(name for name in draw(label_lists) if name not in names)
    return Matching(cardinality, names, on, include)


@st.composite
def calls(draw: st.DrawFn, wanted: ValueType, depth: int) -> Call:
    fitting = sorted(name for name, known in SIGNATURES.items() if known.returns is wanted)
    signature = SIGNATURES[draw(st.sampled_from(fitting))]
    most = signature.least + 3 if signature.most is None else signature.most
    count = draw(st.integers(signature.least, most))
    return Call(
        signature.name, tuple(draw(trees(signature.argument(i), depth)) for i in range(count))
    )


@st.composite
def aggregations(draw: st.DrawFn, depth: int) -> Aggregation:
    op = draw(st.sampled_from(sorted(AGGREGATIONS)))
    param_type = AGGREGATIONS[op]
    param = None if param_type is None else draw(trees(param_type, depth))
    expr = draw(trees(ValueType.VECTOR, depth))
    return Aggregation(op, expr, param, draw(label_lists), draw(st.booleans()))


queries = st.sampled_from(list(ValueType)).flatmap(trees)
"""Trees of every type."""
