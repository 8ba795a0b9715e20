"""A tree as text again: on one line, or laid out as Prometheus's `format_query` does.

What is printed parses to the same tree, but for the order of a selector's matchers: they are
sorted.
"""

from __future__ import annotations

import re

from ..store.matcher import Matcher
from .ast import (
    Aggregation,
    At,
    Binary,
    Call,
    Cardinality,
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
from .go_format import format_float
from .numbers import format_duration
from .quoting import quote

LINE = 100
"""Characters beyond which an expression is broken into lines, as in Prometheus."""

_PLAIN_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_GROUPS = {Cardinality.MANY_TO_ONE: "group_left", Cardinality.ONE_TO_MANY: "group_right"}


def format_query(expr: Expr, line: int = LINE) -> str:
    """Return *expr* as text; what is longer than *line* characters in lines, indented by level."""
    return _Layout(line).pretty(expr, 0)


def one_line(expr: Expr) -> str:
    """Return *expr* as text on one line."""
    return _Layout(LINE).flat(expr)


class _Layout:
    """Prints one tree. Each node is written flat once, to know whether it has to be split."""

    def __init__(self, line: int) -> None:
        self.line = line
        self._flat: dict[int, str] = {}

    # -- on one line ------------------------------------------------------------------------------

    def flat(self, expr: Expr) -> str:
        known = self._flat.get(id(expr))
        if known is None:
            known = self._flat[id(expr)] = self._write(expr)
        return known

    def _write(self, expr: Expr) -> str:  # noqa: PLR0911 -- only dispatches
        match expr:
            case Number(value=value, duration=duration):
                return format_duration(round(value * 1000)) if duration else format_float(value)
            case Text(value=value):
                return quote(value)
            case Selector():
                return _selector(expr) + _modifiers(expr)
            case RangeSelector(selector=selector, range_ms=range_ms):
                return f"{_selector(selector)}[{format_duration(range_ms)}]{_modifiers(selector)}"
            case Paren(expr=inner):
                return f"({self.flat(inner)})"
            case Unary(op=op, expr=inner):
                return op + self.flat(inner)
            case Subquery(expr=inner):
                return self.flat(inner) + _window(expr)
            case Call() | Aggregation():
                return f"{_head(expr)}({', '.join(map(self.flat, _arguments(expr)))})"
            case Binary():
                return self._chain(expr)

    def _chain(self, binary: Binary) -> str:
        first, links = left_chain(binary)
        text = self.flat(first)
        if links[0].op == "^":
            text = text.removeprefix("+")  # `+Inf ^ 2` would be read as `+(Inf ^ 2)`
        for link in links:
            text = f"{text} {_operator(link)} {self.flat(link.rhs)}"
            self._flat[id(link)] = text
        return text

    # -- in lines ---------------------------------------------------------------------------------

    def pretty(self, expr: Expr, level: int) -> str:
        """Return *expr* indented by *level*, in lines if one is not enough."""
        indent, flat = "  " * level, self.flat(expr)
        if isinstance(expr, Unary):
            return indent + expr.op + self.pretty(expr.expr, level).strip()
        return indent + flat if len(flat) <= self.line else self._split(expr, level, indent)

    def _split(self, expr: Expr, level: int, indent: str) -> str:
        match expr:
            case Call() | Aggregation():
                arguments = ",\n".join(self.pretty(arg, level + 1) for arg in _arguments(expr))
                return f"{indent}{_head(expr)}(\n{arguments}\n{indent})"
            case Paren(expr=inner):
                return f"{indent}(\n{self.pretty(inner, level + 1)}\n{indent})"
            case Subquery(expr=inner):
                return self.pretty(inner, level) + _window(expr)
            case Binary():
                return self._pretty_chain(expr, level)
            case _:
                return indent + self.flat(expr)

    def _pretty_chain(self, binary: Binary, level: int) -> str:
        """Return a chain of operators; each that is too long stands one level further left."""
        first, links = left_chain(binary)
        split = [link for link in links if len(self.flat(link)) > self.line]
        inner = links[-len(split) - 1] if len(split) < len(links) else first
        parts = [self.pretty(inner, level + len(split))]
        if inner is first and split[0].op == "^":
            parts[0] = parts[0].replace("+Inf", "Inf")
        for depth, link in zip(range(level + len(split) - 1, level - 1, -1), split, strict=True):
            parts += ["  " * depth + _operator(link), self.pretty(link.rhs, depth + 1)]
        return "\n".join(parts)


def _head(expr: Call | Aggregation) -> str:
    """Return what stands before the parenthesis."""
    if isinstance(expr, Call):
        return expr.function
    if expr.without:
        return f"{expr.op} without ({_labels(expr.grouping)}) "
    return f"{expr.op} by ({_labels(expr.grouping)}) " if expr.grouping else expr.op


def _arguments(expr: Call | Aggregation) -> tuple[Expr, ...]:
    if isinstance(expr, Call):
        return expr.args
    return (expr.expr,) if expr.param is None else (expr.param, expr.expr)


def _operator(binary: Binary) -> str:
    """Return the operator with its modifiers."""
    text = f"{binary.op} bool" if binary.return_bool else binary.op
    matching = binary.matching
    if matching is None:
        return text
    group = _GROUPS.get(matching.cardinality)
    if matching.labels or matching.on or group:
        text += f" {'on' if matching.on else 'ignoring'} ({_labels(matching.labels)})"
    return f"{text} {group} ({_labels(matching.include)})" if group else text


def _labels(names: tuple[str, ...]) -> str:
    return ", ".join(map(_label, names))


def _label(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else quote(name)


def _selector(selector: Selector) -> str:
    matchers = selector.matchers if selector.name is None else selector.matchers[:-1]
    braces = "{" + ",".join(sorted(map(_matcher, matchers))) + "}" if matchers else ""
    return (selector.name or "") + braces


def _matcher(matcher: Matcher) -> str:
    return f"{_label(matcher.name)}{matcher.type.value}{quote(matcher.value)}"


def _window(subquery: Subquery) -> str:
    step = "" if subquery.step_ms is None else format_duration(subquery.step_ms)
    return f"[{format_duration(subquery.range_ms)}:{step}]{_modifiers(subquery)}"


def _modifiers(expr: Selector | Subquery) -> str:
    """Return ` @ …` and ` offset …` where *expr* has them."""
    offset = f" offset {format_duration(expr.offset_ms)}" if expr.offset_ms else ""
    return _at(expr.at) + offset


def _at(at: At | None) -> str:
    if at is None:
        return ""
    if at.timestamp_ms is None:
        return f" @ {at.bound}()"
    seconds, thousandths = divmod(abs(at.timestamp_ms), 1000)
    sign = "-" if at.timestamp_ms < 0 else ""
    return f" @ {sign}{seconds}.{thousandths:03}"
