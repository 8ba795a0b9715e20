"""The head on disk: a row for each stream and instant, each kind of row with its layout."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreDamaged
from .head import Part
from .journal import Journal
from .layouts import Layouts
from .row_codec import decode_integers, decode_values, encode_integers, encode_values
from .seal import OBSOLETE
from .sealed import DamageList
from .slots import NOBODY, Slots


class HeadRows:
    """Turns parts into records of the journal, and the file's records into parts."""

    def __init__(self, journal: Journal, block_ms: int) -> None:
        self._journal, self._block_ms = journal, block_ms
        self._layouts = Layouts()
        self.obsolete = False
        """Whether there may be rows on disk that are in pages."""

    def add(self, parts: Sequence[Part]) -> None:
        """Let *parts* wait for the next commit."""
        for part in parts:
            layout, new = self._layouts.number(part.series)
            if new:
                self._journal.add("layouts", (layout, encode_integers(part.series)))
            block, body = part.timestamp_ms // self._block_ms, encode_values(part.values)
            self._journal.add("head", (block, part.stream, part.timestamp_ms, layout, body))

    def forget_layouts(self) -> None:
        """Take note that layouts may have been deleted with the rows that had them."""
        self._layouts.forget()

    def load(
        self, connection: sqlite3.Connection, slots: Slots, damage: DamageList
    ) -> Iterator[Part]:
        """Yield what is on disk, by time."""
        layouts: dict[int, NDArray[np.int64]] = {}
        for number, ids in connection.execute("SELECT id, ids FROM layouts ORDER BY id"):
            try:
                layouts[number] = decode_integers(ids)
            except StoreDamaged as error:  # noqa: PERF203 -- the others are to be read
                damage.add(f"layout {number} of the head", error)
            else:
                self._layouts.learn(number, layouts[number])
        rows = connection.execute(
            "SELECT id, stream, timestamp, layout, body FROM head"  # noqa: S608 -- our own words
            f" WHERE NOT {OBSOLETE} ORDER BY timestamp, id"
        )
        (self.obsolete,) = connection.execute(
            f"SELECT EXISTS (SELECT 1 FROM head WHERE {OBSOLETE})"  # noqa: S608 -- likewise
        ).fetchone()
        for number, stream, timestamp, layout, body in rows:
            try:
                yield _part(stream, timestamp, layouts.get(layout), decode_values(body), slots)
            except StoreDamaged as error:  # noqa: PERF203 -- the others are to be read
                damage.add(f"row {number} of the head", error)


def _part(
    stream: int,
    timestamp: int,
    ids: NDArray[np.int64] | None,
    values: NDArray[np.float64],
    slots: Slots,
) -> Part:
    if ids is None or len(ids) != len(values):
        raise StoreDamaged("its layout is not there")
    if (
        len(ids)
        and (slots.stream_of[np.minimum(ids >> 6, len(slots.stream_of) - 1)] == NOBODY).any()
    ):
        raise StoreDamaged("its series are not there")
    return Part(stream, timestamp, ids, values)
