"""A value that is computed when it is first asked for, and kept.

`functools.cached_property` of Python 3.10 and 3.11 takes a lock each first time, which costs more
than most of what small queries keep. Where two threads ask at once, both compute the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

Value = TypeVar("Value")


class _Lazy(Generic[Value]):
    """Computes an attribute with *compute* and puts it in its own place."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self._compute, self._name, self.__doc__ = compute, compute.__name__, compute.__doc__

    def __get__(self, owner: Any, _of: type | None = None) -> Any:
        if owner is None:
            return self
        value = owner.__dict__[self._name] = self._compute(owner)
        return value


lazy = cached_property if TYPE_CHECKING or sys.version_info >= (3, 12) else _Lazy
