"""Functions that templates call: how many arguments they take, and of which types.

A function's annotations are its Go types: `str`, `int`, `float`, `bool` and classes take values of
that type only, `Any` takes all. `*args` is variadic; a parameter with a default may be left out,
which Go does not know. A function raises ValueError (or an error of this package) to end the
rendering with that text.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_origin
from weakref import WeakKeyDictionary, WeakSet

from .values import is_slice, type_name

LONGEST_TEXT = 1 << 18
"""Characters that a text made by a function may have."""

GoFunction = Callable[..., Any]


def bounded(length: int) -> None:
    """Refuse to make a text of *length* characters, where that is too long. Raises ValueError."""
    if length > LONGEST_TEXT:
        raise ValueError(f"text of more than {LONGEST_TEXT:,} characters")


_F = TypeVar("_F", bound=GoFunction)
_costly: WeakSet[GoFunction] = WeakSet()


def costly(function: _F) -> _F:
    """Mark a function that does much for each character that it gets, such as replacing all."""
    _costly.add(function)
    return function


def is_costly(function: GoFunction) -> bool:
    """Say whether each character counts as a step of its own."""
    return getattr(function, "__func__", function) in _costly


@dataclass(frozen=True, slots=True)
class Signature:
    """The types of a function's parameters; *rest* is that of `*args`, None without."""

    fixed: tuple[Any, ...]
    optional: int
    rest: Any

    def check_count(self, name: str, count: int) -> None:
        """Refuse a number of arguments. Raises ValueError with Go's words."""
        most, least = len(self.fixed), len(self.fixed) - self.optional
        if self.rest is not None and count < least:
            raise ValueError(f"wrong number of args for {name}: want at least {least} got {count}")
        if self.rest is None and not least <= count <= most:
            raise ValueError(f"wrong number of args for {name}: want {most} got {count}")

    def expected(self, position: int) -> Any:
        """Return the type of the argument at *position*."""
        return self.fixed[position] if position < len(self.fixed) else self.rest


_known: WeakKeyDictionary[Any, Signature] = WeakKeyDictionary()


def signature_of(function: GoFunction) -> Signature:
    """Return what *function* takes; a method's `self` is left out."""
    plain = getattr(function, "__func__", function)
    if plain not in _known:
        _known[plain] = _signature(function)
    return _known[plain]


def _signature(function: GoFunction) -> Signature:
    parameters = inspect.signature(function, eval_str=True).parameters.values()
    fixed = [p for p in parameters if p.kind is not p.VAR_POSITIONAL]
    rest = [_type(p) for p in parameters if p.kind is p.VAR_POSITIONAL]
    optional = sum(p.default is not p.empty for p in fixed)
    return Signature(tuple(map(_type, fixed)), optional, rest[0] if rest else None)


def _type(parameter: inspect.Parameter) -> Any:
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return Any
    return get_origin(annotation) or annotation


def fitting(value: Any, expected: Any, *, literal: bool) -> Any:
    """Return *value* as an argument of the type *expected*; an integer *literal* can be a float.

    Raises ValueError with Go's words where it does not fit.
    """
    if expected is Any or expected is object:
        return value
    if expected is float and literal and type(value) is int:
        return float(value)
    if _fits(value, expected):
        return value
    wanted = _GO_NAMES.get(expected) or getattr(expected, "go_type", expected.__name__)
    if value is None:
        raise ValueError(f"invalid value; expected {wanted}")
    if literal:
        raise ValueError(f"expected {wanted}; found {value!r:.40}")
    raise ValueError(f"wrong type for value; expected {wanted}; got {type_name(value)}")


def _fits(value: Any, expected: Any) -> bool:
    if expected is int or expected is float:
        return type(value) is expected
    if expected is list or expected is tuple or expected is Sequence:
        return is_slice(value)
    return isinstance(value, expected)


_GO_NAMES = {str: "string", int: "int", float: "float64", bool: "bool"}
