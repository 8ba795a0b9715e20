"""Blocks: some children of one metric, and the bytes that they had at the last scrape.

What is quick here: values are compared by identity, for a float that was not touched is the same
object as before. A block of a few hundred lines is looked over in C (`map`, `compress`), and only
the children that changed are written anew.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

LINES_PER_BLOCK = 256

VALUE = operator.attrgetter("_value")
EXEMPLAR = operator.attrgetter("_exemplar")
CREATED = operator.attrgetter("_created")

_NEVER_SEEN = object()


class Column:
    """One attribute of *sources*, of which each child has *width*; it knows what it was."""

    __slots__ = ("_get", "_seen", "_sources", "_width")

    def __init__(self, get: Callable[[Any], Any], sources: Sequence[Any], width: int) -> None:
        self._get = get
        self._sources = sources
        self._width = width
        self._seen: list[Any]
        self.forget()

    def changed(self) -> Iterator[int]:
        """Read anew; yield the places of the children that are not as they were."""
        now = list(map(self._get, self._sources))
        places = itertools.compress(itertools.count(), map(operator.is_not, now, self._seen))
        self._seen = now
        width = self._width
        return (place // width for place in places)

    def forget(self) -> None:
        """Take every child for changed at the next reading."""
        self._seen = [_NEVER_SEEN] * len(self._sources)

    def of(self, child: int) -> list[Any]:
        """Return what was read last for the child at this place."""
        return self._seen[child * self._width : (child + 1) * self._width]


class Block:
    """Children of one metric in their order. Never changed: another set is another block."""

    __slots__ = ("_columns", "_lines", "_text", "_write", "children")

    def __init__(
        self,
        children: Sequence[Any],
        columns: Sequence[Column],
        write: Callable[[Any, list[list[Any]]], bytes],
    ) -> None:
        self.children = children
        self._columns = columns
        self._write = write
        self._lines = [b""] * len(children)
        self._text = b""

    def text(self) -> bytes:
        """Return the lines as they are now. No other scrape can come between."""
        stale: set[int] = set()
        try:
            for column in self._columns:
                stale.update(column.changed())
            for place in stale:
                read = [column.of(place) for column in self._columns]
                self._lines[place] = self._write(self.children[place], read)
        except BaseException:
            for column in self._columns:
                column.forget()  # half written: whoever reads next writes all of it anew
            raise
        if stale:
            self._text = b"".join(self._lines)
        return self._text
