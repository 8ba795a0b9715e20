"""Sealing: two hours of the head become pages, in one transaction; their rows go afterwards."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .page import encode
from .segment import PRESENT, Segment, columns_that_fall, whole_group
from .selection import ABSENT_BITS, STALE_BITS
from .slots import Groups, Slots
from .timeline import encode_timeline


@dataclass(frozen=True, slots=True)
class SealedPage:
    """One page, ready to be written."""

    stream: int
    group: int
    body: bytes
    samples: int
    columns: int  # bit masks, as in `Masks`
    holes: int
    falls: int


@dataclass(frozen=True, slots=True)
class SealedBlock:
    """Streams of a block, ready to be written."""

    block: int
    first_ms: int
    last_ms: int
    timelines: dict[int, bytes]
    pages: list[SealedPage]

    def updated(self, other: SealedBlock) -> SealedBlock:
        """Return this block with the streams of *other* in the place of its own."""
        return SealedBlock(
            self.block,
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
            self.timelines | other.timelines,
            [p for p in self.pages if p.stream not in other.timelines] + other.pages,
        )


def seal(
    block: int,
    streams: Mapping[int, Sequence[Segment]],
    slots: Slots,
    rest: Callable[[], None],
) -> SealedBlock:
    """Return the rows of *streams*, segments by time, as a block; *rest* is called between pages.

    Takes seconds, in any thread: segments do not change.
    """
    timelines: dict[int, bytes] = {}
    pages: list[SealedPage] = []
    for stream, segments in sorted(streams.items()):
        times = np.concatenate([segment.timestamps for segment in segments])
        timelines[stream] = encode_timeline(times)
        for page in _pages(stream, segments, slots.groups(stream)):
            pages.append(page)
            rest()
    first = min(int(segments[0].timestamps[0]) for segments in streams.values())
    last = max(int(segments[-1].timestamps[-1]) for segments in streams.values())
    return SealedBlock(block, first, last, timelines, pages)


def _pages(stream: int, segments: Sequence[Segment], groups: Groups) -> Iterator[SealedPage]:
    present = np.bitwise_or.reduce([segment.masks(groups)[PRESENT] for segment in segments])
    chosen = np.flatnonzero(present)
    for group, place in zip(
        groups.numbers[chosen].tolist(), groups.places[chosen].tolist(), strict=True
    ):
        every = whole_group(group, place)
        parts = [segment.read(every, slice(None)) for segment in segments]
        page = page_of(stream, group, np.concatenate(parts))
        if page is not None:
            yield page


def page_of(stream: int, group: int, values: NDArray[np.float64]) -> SealedPage | None:
    """Return the page of *values*, shape (T, 64), or None where there is no sample."""
    bits = values.view(np.int64)
    gaps = bits == ABSENT_BITS
    columns = np.flatnonzero(~gaps.all(axis=0))
    if not len(columns):
        return None
    holes = (gaps | (bits == STALE_BITS)).any(axis=0)
    falls = columns_that_fall(values)
    body = encode(columns.astype(np.uint8), np.ascontiguousarray(values[:, columns]))
    samples = gaps.size - int(np.count_nonzero(gaps))
    present = _mask(~gaps.all(axis=0))
    return SealedPage(stream, group, body, samples, present, _mask(holes), _mask(falls))


def _mask(columns: NDArray[np.bool_]) -> int:
    """Return *columns*, shape (64,), as the signed integer that SQLite keeps."""
    return int(np.packbits(columns, bitorder="little").view("<i8")[0])


def write_block(connection: sqlite3.Connection, sealed: SealedBlock) -> None:
    """Write the streams of *sealed* in place of what is there of them, within a transaction."""
    for stream, timeline in sealed.timelines.items():
        delete_stream(connection, sealed.block, stream)
        connection.execute(
            "INSERT INTO timelines (block, stream, body) VALUES (?, ?, ?)",
            (sealed.block, stream, timeline),
        )
    for page in sealed.pages:
        number = connection.execute("INSERT INTO bodies (body) VALUES (?)", (page.body,)).lastrowid
        masks = (page.columns, page.holes, page.falls)
        connection.execute(
            "INSERT INTO pages (block, series_group, stream, body, samples, columns, holes, falls)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (sealed.block, page.group, page.stream, number, page.samples, *masks),
        )
    connection.execute(SUMMARY, (sealed.block, sealed.first_ms, sealed.last_ms))


SUMMARY = """
INSERT INTO blocks (id, first_ms, last_ms, samples, pages, bytes)
SELECT ?1, ?2, ?3, sum(samples), count(*), sum(length(bodies.body))
FROM pages JOIN bodies ON bodies.id = pages.body WHERE block = ?1
ON CONFLICT (id) DO UPDATE SET
    first_ms = min(first_ms, excluded.first_ms), last_ms = max(last_ms, excluded.last_ms),
    samples = excluded.samples, pages = excluded.pages, bytes = excluded.bytes
"""


def delete_stream(connection: sqlite3.Connection, block: int, stream: int) -> None:
    """Delete one stream of a block, within a transaction."""
    _delete(connection, "block = ? AND stream = ?", (block, stream))


def delete_block(connection: sqlite3.Connection, block: int) -> None:
    """Delete a block and its pages, within a transaction."""
    _delete(connection, "block = ?", (block,))
    connection.execute("DELETE FROM blocks WHERE id = ?", (block,))


def _delete(connection: sqlite3.Connection, which: str, values: tuple[int, ...]) -> None:
    """Delete pages and timelines; the bytes stay until nobody reads them (`delete_dropped`)."""
    connection.execute(f"INSERT INTO dropped (body) SELECT body FROM pages WHERE {which}", values)  # noqa: S608 -- our own words
    for table in ("pages", "timelines"):
        connection.execute(f"DELETE FROM {table} WHERE {which}", values)  # noqa: S608 -- likewise


def delete_dropped(connection: sqlite3.Connection, most: int) -> int:
    """Delete the bytes of *most* pages that were dropped, within a transaction; return how many."""
    numbers = connection.execute("SELECT body FROM dropped LIMIT ?", (most,)).fetchall()
    connection.executemany("DELETE FROM bodies WHERE id = ?", numbers)
    connection.executemany("DELETE FROM dropped WHERE body = ?", numbers)
    return len(numbers)


OBSOLETE = "block IN (SELECT id FROM blocks)"
"""Which rows of the head are in pages, and count no more: a block is in one of the two."""


def delete_obsolete(connection: sqlite3.Connection, most: int) -> int:
    """Delete *most* rows of the head that are in pages, within a transaction; return how many.

    After the last one go the layouts that no row has any more.
    """
    deleted = connection.execute(
        f"DELETE FROM head WHERE id IN (SELECT id FROM head WHERE {OBSOLETE} LIMIT ?)",  # noqa: S608 -- our own words
        (most,),
    ).rowcount
    if deleted < most:
        connection.execute("DELETE FROM layouts WHERE id NOT IN (SELECT layout FROM head)")
    return deleted
