"""Values as Go writes them: `%v`, `Sprint` and `Sprintln`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...promql.go_format import format_general
from .calls import bounded
from .values import GoObject, is_slice, is_struct

_DEEPEST = 20


def written(value: Any) -> str:
    """Return what `{{ value }}` writes: as `%v`, and `<no value>` for nil."""
    return "<no value>" if value is None else format_value(value)


def format_value(value: Any, depth: int = 0) -> str:
    """Return *value* as `%v` writes it: `1e+06`, `map[a:1 b:2]`, `[1 2]`, `{x 1}`, `<nil>`."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_general(value)
    if isinstance(value, GoObject) and (text := value.go_string()) is not None:
        return text
    return str(value) if isinstance(value, int) else _composite(value, depth + 1)


def _composite(value: Any, depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError(f"a value nests deeper than {_DEEPEST} levels")
    parts, opening, closing = [], "[", "]"
    length = 0
    if isinstance(value, Mapping):
        opening = "map["
        pieces = ((f"{_part(key, depth)}:", value[key]) for key in sorted(value))
    elif is_slice(value):
        pieces = (("", element) for element in value)
    elif is_struct(value):
        opening, closing = "{", "}"
        pieces = (("", field) for field in value.go_fields().values())
    else:
        raise ValueError(f"can't print a value of type {type(value).__name__}")
    for prefix, element in pieces:
        parts.append(prefix + _part(element, depth))
        length += len(parts[-1]) + 1
        bounded(length)
    return f"{opening}{' '.join(parts)}{closing}"


def _part(value: Any, depth: int) -> str:
    return format_value(value, depth)


def sprint(*args: Any) -> str:
    """Return *args* as `fmt.Sprint` writes them: a space between two that are no strings."""
    texts: list[str] = []
    for position, value in enumerate(args):
        neither = position > 0 and not isinstance(value, str)
        if neither and not isinstance(args[position - 1], str):
            texts.append(" ")
        texts.append(format_value(value))
    return _joined(texts)


def sprintln(*args: Any) -> str:
    """Return *args* with spaces between them and a newline after."""
    return _joined([" ".join(map(format_value, args)), "\n"])


def _joined(texts: list[str]) -> str:
    bounded(sum(map(len, texts)))
    return "".join(texts)
