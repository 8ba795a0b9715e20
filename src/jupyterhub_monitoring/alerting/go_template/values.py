"""Go's values in Python, and what a template may see of them.

    Go                    Python                    of a map: a key that is missing is
    nil                   None
    bool, string          bool, str
    int, float64          int, float
    slice                 list, tuple
    map[string]any        any other Mapping         None, written `<no value>`
    map[string]string     StringMap                 ""
    struct, methods       GoObject

A value of any other type cannot be looked into. Bytes that are no UTF-8 are kept in a str as lone
surrogates, as everywhere in this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Method = Callable[..., Any]

LARGEST_INT = (1 << 63) - 1


class GoObject:
    """A value with fields and methods for templates; they see nothing else of it.

    It can be a slice or a map as well:

        class Alerts(GoObject, tuple[AlertView, ...]):
            go_type = "template.Alerts"

            def go_methods(self):
                return {"Firing": self.firing}

    A method is called when a template names it, with the arguments that follow. Annotations of its
    parameters are checked as those of functions are (see `calls`).
    """

    __slots__ = ()

    go_type = "struct"
    """What errors and `printf "%T"` call it."""

    def go_fields(self) -> Mapping[str, Any]:
        """Return the fields by name, in the order in which Go prints them."""
        return {}

    def go_methods(self) -> Mapping[str, Method]:
        """Return the methods by name; a method goes before a field of the same name."""
        return {}

    def go_string(self) -> str | None:
        """Return what Go's `String()` gives, which is how it is written; None without one."""
        return None


class StringMap(dict[str, str]):
    """A `map[string]string`, such as a label set: a key that is missing is the empty string."""

    __slots__ = ()
    go_type = "map[string]string"


def type_name(value: Any) -> str:
    """Return what Go calls the type of *value*."""
    if value is None:
        return "<nil>"
    named = getattr(value, "go_type", None) if isinstance(value, (GoObject, StringMap)) else None
    if named is not None:
        return str(named)
    for python, go in _TYPE_NAMES:
        if isinstance(value, python):
            return go
    return type(value).__name__


_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float64"),
    (str, "string"),
    (list, "[]interface {}"),
    (tuple, "[]interface {}"),
    (Mapping, "map[string]interface {}"),
)


def is_slice(value: Any) -> bool:
    """Say whether *value* is one of Go's slices."""
    return isinstance(value, (list, tuple))


def is_struct(value: Any) -> bool:
    """Say whether *value* is a struct: an object that is no slice and no map."""
    return isinstance(value, GoObject) and not isinstance(value, (list, tuple, Mapping))


def truth(value: Any) -> bool:
    """Say whether *value* is not the zero value of its type; a struct is always true."""
    if is_struct(value):
        return True
    return bool(value)


def missing(entries: Mapping[str, Any]) -> Any:
    """Return what a key that is not in *entries* gives, with Go's option `missingkey=zero`."""
    return "" if isinstance(entries, StringMap) else None


def as_bytes(text: str) -> bytes:
    """Return the bytes of a Go string."""
    return text.encode(errors="surrogateescape")


def as_text(data: bytes) -> str:
    """Return the str of a Go string's bytes."""
    return data.decode(errors="surrogateescape")
