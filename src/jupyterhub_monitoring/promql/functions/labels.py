"""`label_replace` and `label_join`: labels written once per distinct value, not per series."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import BadMatcher, QueryError
from ...store.label_table import LabelTable
from ...store.matcher import compiled
from ..ast import Call
from ..quoting import as_utf8, is_utf8
from ..unique import merge_equal
from ..values import Value, Vector
from .arguments import text, vector

if TYPE_CHECKING:
    from ..evaluation import Evaluation


def label_replace(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """Set a label to what a template makes of another one, where that matches.

    Raises `QueryError` where the regular expression or the label's name is none, or where two
    series come to have the same labels at one step.
    """
    series, target = vector(args[0]), text(args[1])
    template, source, pattern = text(args[2]), text(args[3]), text(args[4])
    try:
        regex = compiled(pattern)
    except (BadMatcher, UnicodeEncodeError):
        shown = as_utf8(pattern)
        raise QueryError(f"invalid regular expression in {call.function}(): {shown}") from None
    _check_name(target, "destination", call)
    parts = _template_parts(template, regex.groupindex, regex.groups)
    symbols, inverse = np.unique(series.labels.column(source), return_inverse=True)
    written = np.zeros(len(symbols), dtype=np.int32)
    matches = np.zeros(len(symbols), dtype=np.bool_)
    for row, value in enumerate(ctx.symbols.texts(symbols)):
        if found := regex.fullmatch(value):
            groups = (found.group(0), *found.groups(default=""))
            filled = [part if isinstance(part, str) else groups[part] for part in parts]
            written[row], matches[row] = _written(ctx, "", filled), True
    column = np.where(matches[inverse], written[inverse], series.labels.column(target))
    return _with_label(ctx, series, target, column.astype(np.int32))


def label_join(ctx: Evaluation, args: Sequence[Value], call: Call) -> Vector:
    """Set a label to the values of others, a separator between them.

    Raises `QueryError` where a label's name is none, or where two series come to have the same
    labels at one step.
    """
    series, target, separator = vector(args[0]), text(args[1]), text(args[2])
    sources = [text(arg) for arg in args[3:]]
    for source in sources:
        _check_name(source, "source", call)
    _check_name(target, "destination", call)
    table = LabelTable(ctx.symbols, series.labels.columns, len(series.labels))
    group, first = table.keep(sources).group()
    values = table.take(first).keep(sources).rows()
    joined = [[labels.get(name, "") for name in sources] for labels in values]
    written = np.array([_written(ctx, separator, one) for one in joined], dtype=np.int32)
    return _with_label(ctx, series, target, written[group])


def _written(ctx: Evaluation, separator: str, parts: Sequence[str]) -> int:
    """Return the symbol of *parts* joined. They are measured first: `$1$1$1...` can be long."""
    ctx.budget.check()
    ctx.budget.write(sum(map(len, parts)) + len(separator) * len(parts))
    return ctx.symbols.intern(as_utf8(separator.join(parts)))


def _with_label(ctx: Evaluation, series: Vector, name: str, column: NDArray[np.int32]) -> Vector:
    columns = {**series.labels.columns, name: column}
    labels = LabelTable(ctx.symbols, columns, len(series.labels))
    return merge_equal(ctx, Vector(labels, series.values, series.present))


def _check_name(name: str, which: str, call: Call) -> None:
    if not name or not is_utf8(name):
        raise QueryError(f"invalid {which} label name in {call.function}(): {as_utf8(name)}")


_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


def _template_parts(template: str, names: dict[str, int], groups: int) -> list[str | int]:
    """Split `a-$1-${name}` as Go's `Regexp.Expand` does: texts, and numbers of groups.

    A name is as long as can be (`$1x` is the group "1x"); what there is no group for is nothing;
    `$$` is a dollar, as is one that begins no name.
    """
    parts: list[str | int] = []
    position = 0
    for found in _REFERENCE.finditer(template):
        parts.append(template[position : found.start()])
        position = found.end()
        dollar, bare, braced = found.groups()
        if dollar:
            parts.append("$")
        elif (number := _group_number(bare or braced, names)) <= groups:
            parts.append(number)
    parts.append(template[position:])
    return parts


def _group_number(name: str, names: dict[str, int]) -> int:
    """Return the number of group *name*, one that no pattern has where there is none."""
    if re.fullmatch("0|[1-9][0-9]{0,7}", name):
        return int(name)
    return names.get(name, 10**8)
