"""The functions that every template has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

from .calls import GoFunction, bounded
from .comparison import eq, ge, gt, le, lt, ne
from .formatting import sprint, sprintln, written
from .printf import sprintf
from .values import as_bytes, as_text, is_slice, missing, truth, type_name


def _both(first: Any, *others: Any) -> Any:
    """`and`, where it is called as a function; see `evaluator` for how it stops early."""
    return next((value for value in (first, *others) if not truth(value)), (first, *others)[-1])


def _either(first: Any, *others: Any) -> Any:
    return next((value for value in (first, *others) if truth(value)), (first, *others)[-1])


def _not(value: Any) -> bool:
    return not truth(value)


def _len(value: Any) -> int:
    """Return the number of elements; of a string its bytes."""
    if isinstance(value, str):
        return len(as_bytes(value))
    if is_slice(value) or isinstance(value, Mapping):
        return len(value)
    if value is None:
        raise ValueError("len of nil pointer")
    raise ValueError(f"len of type {type_name(value)}")


def _index(value: Any, *indices: Any) -> Any:
    """`index x 1 2` is x[1][2]."""
    if value is None:
        raise ValueError("index of untyped nil")
    for index in indices:
        value = _indexed(value, index)
    return value


def _indexed(value: Any, index: Any) -> Any:
    if value is None:
        raise ValueError("index of nil pointer")
    if isinstance(value, Mapping):
        if not isinstance(index, str):
            reason = f"value has type {type_name(index)}; should be string"
            raise ValueError(reason)  # noqa: TRY004 -- how a function ends a rendering
        return value[index] if index in value else missing(value)
    if isinstance(value, str):
        data = as_bytes(value)
        return data[_position(index, len(data) - 1)]
    if is_slice(value):
        return value[_position(index, len(value) - 1)]
    raise ValueError(f"can't index item of type {type_name(value)}")


def _position(index: Any, last: int) -> int:
    if index is None:
        raise ValueError("cannot index slice/array with nil")
    if type(index) is not int:
        raise ValueError(f"cannot index slice/array with type {type_name(index)}")
    if not 0 <= index <= last:
        raise ValueError(f"index out of range: {index}")
    return index


def _slice(value: Any, *bounds: Any) -> Any:
    """`slice x 1 2` is x[1:2]; of a string its bytes. A third bound is a slice's capacity."""
    if value is None:
        raise ValueError("slice of untyped nil")
    if not isinstance(value, str) and not is_slice(value):
        raise ValueError(f"can't slice item of type {type_name(value)}")
    if len(bounds) > 3:
        raise ValueError(f"too many slice indexes: {len(bounds)}")
    if len(bounds) == 3 and isinstance(value, str):
        raise ValueError("cannot 3-index slice a string")
    whole = as_bytes(value) if isinstance(value, str) else value
    positions = [_position(bound, len(whole)) for bound in bounds]
    if positions != sorted(positions):
        raise ValueError(f"invalid slice index: {positions[0]} > {positions[1]}")
    part = whole[positions[0] if positions else 0 : positions[1] if len(positions) > 1 else None]
    return as_text(part) if isinstance(part, bytes) else part


_HTML = str.maketrans(
    {'"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;", "\0": "\ufffd"}
)
_JS_SPECIAL = re.compile(r"[\\'\"<>&=\x00-\x1f\x80-\U0010ffff]")


def _html(*args: Any) -> str:
    return _text_of(args).translate(_HTML)


def _js(*args: Any) -> str:
    return _JS_SPECIAL.sub(_js_escape, _text_of(args))


def _js_escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in "\\'\"":
        return f"\\{character}"
    if ord(character) >= 0x80 and character.isprintable():
        return character
    return f"\\u{ord(character):04X}"


def _urlquery(*args: Any) -> str:
    return quote_plus(as_bytes(_text_of(args)), safe="~")


def _text_of(args: tuple[Any, ...]) -> str:
    """Return *args* as `print` writes them, nil as `<no value>`."""
    text = sprint(*(written(value) if value is None else value for value in args))
    bounded(6 * len(text))
    return text


def _call(function: Any, *args: Any) -> Any:  # noqa: ARG001 -- no value of ours is a function
    raise ValueError(f"non-function of type {type_name(function)}")


BUILTINS: Mapping[str, GoFunction] = {
    "and": _both,
    "call": _call,
    "eq": eq,
    "ge": ge,
    "gt": gt,
    "html": _html,
    "index": _index,
    "js": _js,
    "le": le,
    "len": _len,
    "lt": lt,
    "ne": ne,
    "not": _not,
    "or": _either,
    "print": sprint,
    "printf": sprintf,
    "println": sprintln,
    "slice": _slice,
    "urlquery": _urlquery,
}
SHORT_CIRCUIT = {"and": False, "or": True}
"""At which truth they stop, with what comes after not evaluated."""
