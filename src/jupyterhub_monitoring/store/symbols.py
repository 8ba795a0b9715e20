"""Strings as small integers, so that label sets compare and group as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

EMPTY = 0
"""The symbol of the empty string, which in PromQL is the same as a label that is not there."""


class Symbols:
    """Strings and their numbers. A query's `overlay()` adds its own, which are negative.

    The base table only grows, under the store's write lock; readers need no lock.
    """

    def __init__(self, base: Symbols | None = None) -> None:
        self._base = base
        self._texts: list[str] = [""]
        self._ids: dict[str, int] = {"": EMPTY}

    def __len__(self) -> int:
        return len(self._texts)

    def since(self, count: int) -> list[str]:
        """Return the strings that came after the first *count*, in order."""
        return self._texts[count:]

    def overlay(self) -> Symbols:
        """Return a table for one query: what it interns is forgotten with it."""
        return Symbols(self if self._base is None else self._base)

    def intern(self, text: str) -> int:
        """Return the number of *text*, a new one if it has none."""
        known = self.find(text)
        if known is not None:
            return known
        number = len(self._texts)
        self._texts.append(text)  # before its number is known: a reader never misses it
        number = number if self._base is None else -number
        self._ids[text] = number
        return number

    def find(self, text: str) -> int | None:
        """Return the number of *text*, or None where nobody interned it."""
        known = self._ids.get(text)
        if known is None and self._base is not None:
            return self._base.find(text)
        return known

    def text(self, number: int) -> str:
        """Return the string of *number*."""
        if number > 0 and self._base is not None:
            return self._base.text(number)
        return self._texts[abs(number)]

    def texts(self, numbers: Iterable[int] | NDArray[np.int32]) -> list[str]:
        """Return the strings of *numbers*, in order."""
        return [self.text(int(number)) for number in numbers]
