"""`eq`, `ne`, `lt`, `le`, `gt`, `ge`: basic types only, and both of the same type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .values import GoObject, is_slice, type_name

_INCOMPATIBLE = "incompatible types for comparison"
_INVALID = "invalid type for comparison"


def eq(first: Any, *others: Any) -> bool:
    """Say whether *first* equals one of *others*."""
    _comparable(first)
    if not others:
        raise ValueError("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _equal(first: Any, other: Any) -> bool:
    if first is None or other is None:
        return first is other
    kind, other_kind = _kind(first), _kind(other)
    if kind is not other_kind:
        raise ValueError(_INCOMPATIBLE)
    _comparable(other)
    return bool(first == other)


def _comparable(value: Any) -> None:
    if is_slice(value) or isinstance(value, Mapping):
        raise ValueError(f"uncomparable type {type_name(value)}")


def _kind(value: Any) -> type | None:
    """Return the basic type of *value*; None for all that have none."""
    if isinstance(value, GoObject):
        return None
    kind = type(value)
    return kind if kind in {bool, int, float, str} else None


def ne(first: Any, second: Any) -> bool:
    """Say whether they differ."""
    return not eq(first, second)


def lt(first: Any, second: Any) -> bool:
    """Say whether *first* is less: numbers by value, strings by their bytes."""
    kind, other = _kind(first), _kind(second)
    if kind is None or other is None:
        raise ValueError(_INVALID)
    if kind is not other:
        raise ValueError(_INCOMPATIBLE)
    if kind is bool:
        raise ValueError(_INVALID)
    return bool(first < second)


def le(first: Any, second: Any) -> bool:
    """Say whether *first* is less or equal."""
    return lt(first, second) or eq(first, second)


def gt(first: Any, second: Any) -> bool:
    """Say whether *first* is neither less nor equal; so NaN is greater than anything."""
    return not le(first, second)


def ge(first: Any, second: Any) -> bool:
    """Say whether *first* is not less."""
    return not lt(first, second)
