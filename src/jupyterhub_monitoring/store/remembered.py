"""What was found out of segments, for as long as they are what they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from .segment import Segment

Value = TypeVar("Value")

MOST = 8
"""Of so many runs of segments at most: a rule's ranges of some minutes, an hour, days."""


class Remembered(Generic[Value]):
    """Values by the serials of the segments they were found in. For any thread.

    Segments are not kept alive: the bytes of dropped ones could not be deleted.
    """

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values: dict[tuple[int, ...], Value] = {}

    def of(self, segments: Sequence[Segment], find: Callable[[], Value]) -> Value:
        """Return what *find* returned for *segments*; it is called where nobody knows."""
        serials = tuple([segment.serial for segment in segments])  # before what they stand for
        try:
            return self._values[serials]
        except KeyError:
            value = find()
        if len(self._values) >= MOST:
            self._values.clear()
        self._values[serials] = value
        return value
