"""From a node of the query's tree to what evaluates it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .aggregation import ACCUMULATORS, aggregate, quantile, seen
from .ast import (
    Aggregation,
    Binary,
    Call,
    Expr,
    Number,
    Paren,
    RangeSelector,
    Selector,
    Subquery,
    Text,
    Unary,
    left_chain,
)
from .binary import binary
from .broken import Reads
from .evaluation import Evaluation, size
from .functions.arguments import bare, numbers
from .functions.elementwise import ELEMENTWISE
from .functions.vectors import VECTOR_FUNCTIONS, absence
from .invariance import is_invariant
from .operators import COMPARISONS, calculate, holds
from .quantiles import warn_of_quantile
from .ranges import COUNTERS, KEEP_NAME, RANGE_FUNCTIONS, READS
from .ranking import top
from .selectors import Found, Source, Steps, instant, range_source, sample_times
from .slabs import in_slabs
from .stream import Part, Stream, of_vector
from .subquery import subquery_source
from .unique import merge_equal, nameless
from .value_counts import count_values
from .values import Scalar, String, Value, Vector
from .window import Window

Floats = NDArray[np.float64]

COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")


def evaluate(ctx: Evaluation, expr: Expr) -> Value:
    """Return the value of *expr* at all steps; what is the same at all is evaluated once."""
    found = _lazily(ctx, expr)
    return found.vector() if isinstance(found, Stream) else found


def _lazily(ctx: Evaluation, expr: Expr) -> Stream | Value:  # noqa: PLR0911 -- one a kind
    """Return a stream where *expr* works on each series by itself, else its value."""
    if len(ctx.steps) > 1 and is_invariant(expr):
        return _repeated(ctx, ctx.at(ctx.steps[:1], ctx.step_ms).evaluate(expr))
    match expr:
        case Number(value=value):
            return Scalar(np.full(len(ctx.steps), value))
        case Text(value=text):
            return String(text)
        case Paren(expr=inner):
            return _lazily(ctx, inner)
        case Unary():
            return _unary(ctx, expr, _lazily(ctx, expr.expr))
        case Binary():
            return _chain(ctx, expr)
        case Selector():
            return instant(ctx, expr)
        case Aggregation():
            return _aggregation(ctx, expr)
        case Call():
            return _call(ctx, expr)
        case _:
            raise TypeError(f"{type(expr).__name__} has no value at a step")


def _call(ctx: Evaluation, expr: Call) -> Stream | Value:
    name = expr.function
    if name == "timestamp" and isinstance(asked := bare(expr.args[0]), Selector):
        return sample_times(ctx, asked).nameless()
    if name == "absent_over_time":
        return _absent_over_time(ctx, expr)
    if name in RANGE_FUNCTIONS:
        return _over_range(ctx, expr)
    if name in ELEMENTWISE:
        return _elementwise(ctx, expr)
    return VECTOR_FUNCTIONS[name](ctx, [ctx.evaluate(arg) for arg in expr.args], expr)


def _repeated(ctx: Evaluation, value: Value) -> Value:
    """Return *value* of one step at all steps, as views of the same numbers."""
    steps = len(ctx.steps)
    if isinstance(value, Scalar):
        return Scalar(np.broadcast_to(value.values, (steps,)))
    if isinstance(value, String):
        return value
    shape = (steps, len(value.labels))
    present = None if value.present is None else np.broadcast_to(value.present, shape)
    return Vector(value.labels, np.broadcast_to(value.values, shape), present)


def _flow(ctx: Evaluation, expr: Expr) -> Stream:
    """Return *expr*, a vector, as a stream in any case."""
    return _as_stream(ctx, _lazily(ctx, expr))


def _as_stream(ctx: Evaluation, found: Stream | Value) -> Stream:
    if isinstance(found, Vector):
        ctx.budget.hold(size(found))
        return of_vector(ctx, found)
    if not isinstance(found, Stream):
        raise TypeError(f"not a vector: {found}")
    return found


def _unary(ctx: Evaluation, expr: Unary, found: Stream | Value) -> Stream | Value:
    if expr.op == "+" or isinstance(found, String):
        return found
    if isinstance(found, Scalar):
        return Scalar(-found.values)
    if isinstance(found, Vector):
        values = in_slabs(ctx, np.negative, found.values)
        return merge_equal(ctx, Vector(nameless(found.labels), values, found.present))
    return found.nameless().map(
        lambda part: Part(part.positions, part.steps, -part.values, part.present)
    )


def _chain(ctx: Evaluation, expr: Binary) -> Stream | Value:
    """Evaluate `a + b + c` from its left end, however long it is, without recursion."""
    first, links = left_chain(expr)
    before = ctx.budget.memory
    found = _lazily(ctx, first)
    for link in links:
        ctx.budget.check()
        found = _combined(ctx, link, found, _lazily(ctx, link.rhs))
        if not isinstance(found, Stream):
            ctx.settle(before, found)
    return found


def _combined(
    ctx: Evaluation, node: Binary, left: Stream | Value, right: Stream | Value
) -> Stream | Value:
    if isinstance(left, Stream) and isinstance(right, Scalar):
        return _with_scalar(node, left, right.values[:, None], scalar_first=False)
    if isinstance(left, Scalar) and isinstance(right, Stream):
        return _with_scalar(node, right, left.values[:, None], scalar_first=True)
    sides = [s.vector() if isinstance(s, Stream) else s for s in (left, right)]
    return binary(ctx, node, sides[0], sides[1])


def _with_scalar(node: Binary, stream: Stream, scalar: Floats, *, scalar_first: bool) -> Stream:
    """Return a stream and a number (P, 1) combined, block by block."""

    def sides(part: Part) -> tuple[Floats, Floats]:
        number = scalar[part.steps]
        return (number, part.values) if scalar_first else (part.values, number)

    def kept(part: Part) -> Part:
        there = holds(node.op, *sides(part))
        present = there if part.present is None else there & part.present
        return Part(part.positions, part.steps, part.values, present)

    def computed(part: Part) -> Part:
        if node.op in COMPARISONS:
            values = holds(node.op, *sides(part)).astype(np.float64)
        else:
            values = calculate(node.op, *sides(part))
        return Part(part.positions, part.steps, values, part.present)

    if node.op in COMPARISONS and not node.return_bool:
        return stream.map(kept)
    return stream.nameless().map(computed)


def _elementwise(ctx: Evaluation, expr: Call) -> Stream:
    function = ELEMENTWISE[expr.function]
    scalars = [numbers(ctx.evaluate(arg))[:, None] for arg in expr.args[1:]]

    def change(part: Part) -> Part:
        values = function(part.values, *(scalar[part.steps] for scalar in scalars))
        return Part(part.positions, part.steps, values, part.present)

    return _flow(ctx, expr.args[0]).nameless().map(change)


def _source(ctx: Evaluation, expr: Expr) -> Source:
    expr = bare(expr)
    if isinstance(expr, Subquery):
        return subquery_source(ctx, expr)
    if not isinstance(expr, RangeSelector):
        raise TypeError("the parser lets only ranges into a function over a range")
    return range_source(ctx, expr)


def _over_range(ctx: Evaluation, expr: Call) -> Stream:
    function = RANGE_FUNCTIONS[expr.function]
    scalars = [numbers(ctx.evaluate(a))[:, None] for a in expr.args if not _is_range(a)]
    (asked,) = (arg for arg in expr.args if _is_range(arg))
    source = _source(ctx, asked)
    if expr.function == "quantile_over_time" and source.tiles:
        warn_of_quantile(ctx, scalars[0][:, 0], expr.args[0])

    def look(window: Window, steps: Steps) -> Found:
        with np.errstate(all="ignore"):
            return function(window, *(scalar[steps] for scalar in scalars))

    stream = source.stream(look, reads=READS[expr.function])
    if expr.function in COUNTERS:
        stream = _telling_gauges(stream, asked)
    return stream if expr.function in KEEP_NAME else stream.nameless()


def _is_range(expr: Expr) -> bool:
    return isinstance(bare(expr), RangeSelector | Subquery)


def _telling_gauges(stream: Stream, asked: Expr) -> Stream:
    """Return *stream*, which tells about names that do not look like counters' when it is read."""
    ctx, names = stream.ctx, stream.labels.column("__name__")
    distinct = names[:1] if (names == names[:1]).all() else np.unique(names)
    texts = dict(zip(distinct.tolist(), ctx.symbols.texts(distinct), strict=True))
    gauges = {n for n, text in texts.items() if text and not text.endswith(COUNTER_SUFFIXES)}
    if not gauges:
        return stream

    def tell(part: Part) -> Part:
        there = part.positions
        if part.present is not None:
            seen = np.logical_or.reduce(part.present, axis=0)
            there = there[np.broadcast_to(seen, there.shape)]
        for name in sorted(gauges.intersection(names[there].tolist())):
            ctx.annotations.inform(
                "PromQL info: metric might not be a counter, name does not end in "
                f'_total/_sum/_count/_bucket: "{texts[name]}" ({ctx.where(asked.span)})'
            )
        return part

    return stream.map(tell)


def _absent_over_time(ctx: Evaluation, expr: Call) -> Vector:
    (asked,) = expr.args
    present = RANGE_FUNCTIONS["present_over_time"]

    def look(window: Window, _steps: Steps) -> Found:
        return present(window)

    found = _source(ctx, asked).stream(look, reads=Reads.ENDS).vector()
    return seen(absence(ctx, np.logical_not(np.any(found.mask, axis=1)), asked))


def _aggregation(ctx: Evaluation, expr: Aggregation) -> Vector:
    param = None if expr.param is None else ctx.evaluate(expr.param)
    stream = _flow(ctx, expr.expr)
    if expr.op in ACCUMULATORS:
        return aggregate(ctx, expr, stream)
    if isinstance(param, String):
        return count_values(ctx, expr, stream, param)
    if not isinstance(param, Scalar):
        raise TypeError("the parser lets only numbers and strings be parameters")
    if expr.op == "quantile":
        return quantile(ctx, expr, stream, param)
    return top(ctx, expr, stream, param)
