"""Which series a row of the head holds: kept once for all rows that hold the same ones."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

REMEMBERED = 1024


class Layouts:
    """Numbers of layouts. A layout is an array of series ids, in the order of a row's values."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[bytes, int] = OrderedDict()
        self._next = 1

    def learn(self, number: int, ids: Ids) -> None:
        """Take a layout that is on disk."""
        self._next = max(self._next, number + 1)
        self._remember(ids.tobytes(), number)

    def number(self, ids: Ids) -> tuple[int, bool]:
        """Return the number of this layout, and whether it is new."""
        key = ids.tobytes()
        known = self._numbers.get(key)
        if known is not None:
            self._numbers.move_to_end(key)
            return known, False
        number, self._next = self._next, self._next + 1
        self._remember(key, number)
        return number, True

    def forget(self) -> None:
        """Start over: rows to come bring their layouts again. Numbers are not used twice."""
        self._numbers.clear()

    def _remember(self, key: bytes, number: int) -> None:
        self._numbers[key] = number
        if len(self._numbers) > REMEMBERED:
            self._numbers.popitem(last=False)
