"""Blocks that are sealed: which pages they have, and reading them."""

from __future__ import annotations

import itertools
import logging
import sqlite3
import threading
import time
import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryError, StoreDamaged
from .database import Database, is_damage
from .page import DecodedPage
from .page_cache import PageCache
from .segment import (
    PRESENT,
    Floats,
    Index,
    Masks,
    Part,
    falls_of_members,
    next_serial,
    read_members,
    stretches_of_members,
)
from .slots import Groups
from .stretches import Falls, Stretches
from .timeline import decode_timeline

log = logging.getLogger(__name__)

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that cannot be read, and is served as if it were not there."""

    place: str
    reason: str
    found_ms: int

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class DamageList:
    """What was found damaged since the store was opened. Any thread may add."""

    def __init__(self) -> None:
        self._found: dict[str, Damage] = {}

    def add(self, place: str, reason: object) -> None:
        """Take something once, and name it in the log."""
        if place not in self._found:
            self._found[place] = Damage(place, str(reason), int(time.time() * 1000))
            log.error("The store is damaged: %s: %s. It is set aside.", place, reason)

    def all(self) -> list[Damage]:
        """Return everything, in the order in which it was found."""
        return list(self._found.values())


class SealedSegment:
    """One stream in one block; a `Segment`."""

    def __init__(  # noqa: PLR0913, PLR0917 -- where its pages are, and who reads them
        self,
        block: int,
        timestamps: Ids,
        pages: NDArray[np.int64],
        database: Database,
        cache: PageCache,
        damage: DamageList,
    ) -> None:
        self.timestamps = timestamps
        self._block = block
        self.serial = next_serial()
        self._groups, self._bodies = pages[:, 0].copy(), pages[:, 1].copy()
        self._masks: Masks = np.ascontiguousarray(pages[:, 2:].T).view(np.uint64)
        self._checked = np.zeros(len(pages), dtype=np.bool_)
        self._database, self._cache, self._damage = database, cache, damage

    @property
    def groups(self) -> Ids:
        """Return the groups that have a page, ascending."""
        return self._groups

    def masks(self, groups: Groups) -> Masks:
        """Return what is known of these groups."""
        at = np.minimum(self._groups.searchsorted(groups.numbers), len(self._groups) - 1)
        found = self._masks[:, at]
        other = self._groups[at] != groups.numbers
        if other.any():
            found[:, other] = 0
        return found

    def read(self, part: Part, index: Index) -> Floats:
        """Return the cells of these rows and columns, shape (len, columns)."""
        return read_members(part, index, len(self.timestamps), self._page)

    def stretches(self, part: Part, *, markers: bool) -> Stretches | None:
        """Return where the columns of *part* have samples; None where that is not worth it."""
        return stretches_of_members(part, self._page, markers=markers)

    def falls(self, part: Part) -> Falls | None:
        """Return where the columns of *part* fall; None where that is not worth it."""
        return falls_of_members(part, self._page)

    def _place(self, group: int) -> int | None:
        """Return where the page of *group* stands in the list, or None where there is none."""
        at = int(self._groups.searchsorted(group))
        return at if at < len(self._groups) and self._groups[at] == group else None

    def _page(self, group: int) -> DecodedPage | None:
        """Return the page of *group*, or None where there is none, or none that can be read."""
        at = self._place(group)
        if at is None or not self._masks[PRESENT, at]:
            return None
        body = int(self._bodies[at])
        try:
            page = self._cache.page(body, lambda: self._body(body))
            _check_length(page, len(self.timestamps))
        except (StoreDamaged, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.DatabaseError) and not is_damage(error):
                raise
            self._set_aside(at, error)
            return None
        self._checked[at] = True
        return page

    def _body(self, number: int) -> bytes:
        body = self._database.body(number)
        if body is not None:
            return body
        if self._database.read_only:  # the process that writes knows nothing of our queries
            raise QueryError("samples were dropped or written anew while a query read them")
        raise StoreDamaged("its bytes are not there")

    def _set_aside(self, at: int, reason: Exception) -> None:
        self._masks[PRESENT, at] = 0
        self._checked[at] = True
        self.serial = next_serial()  # after the masks: who sees the new one sees them as they are
        group = int(self._groups[at])
        self._damage.add(f"page of group {group}, block {self._block}", reason)

    def intact(self, part: Part) -> bool:
        """Return whether all samples of *part* can be read; looks at most once."""
        for member in part.members:
            at = self._place(member.group)
            if at is not None and not self._checked[at]:
                self._page(member.group)
            if at is None or not self._masks[PRESENT, at]:
                return False
        return True


def _check_length(page: DecodedPage, length: int) -> None:
    if page.header.length != length:
        raise StoreDamaged("it has another length than its timeline")


Block = dict[int, SealedSegment]
"""The segments of one block, by stream."""


@dataclass(frozen=True, slots=True)
class BlockSummary:
    """One row of the table `blocks`."""

    block: int
    first_ms: int
    last_ms: int
    samples: int
    pages: int
    bytes: int


Summaries = dict[int, BlockSummary]
"""By block, ascending. Never changed: a new one replaces it."""


class SealedBlocks:
    """All sealed blocks. Their page lists are read when a query first needs them."""

    def __init__(self, database: Database, cache: PageCache, damage: DamageList) -> None:
        self._database, self._cache, self._damage = database, cache, damage
        self._loaded: dict[int, Block] = {}
        self._lock = threading.Lock()  # a list is read before a block changes, or after it
        self._outdated: weakref.WeakSet[SealedSegment] = weakref.WeakSet()
        self.summaries: Summaries = {}

    def load(self, connection: sqlite3.Connection) -> None:
        """Read which blocks there are; called again whenever that changed."""
        found = [BlockSummary(*r) for r in connection.execute("SELECT * FROM blocks ORDER BY id")]
        with self._lock:
            before, self.summaries = self.summaries, {summary.block: summary for summary in found}
            for block in [b for b in self._loaded if before.get(b) != self.summaries.get(b)]:
                self._outdated.update(self._loaded.pop(block).values())

    @property
    def are_read(self) -> bool:
        """Whether a query still has segments of blocks that were dropped or written anew."""
        return len(self._outdated) > 0

    def block(self, number: int) -> Block:
        """Return the segments of a block; any thread may ask."""
        loaded = self._loaded.get(number)
        if loaded is None:
            with self._lock:
                loaded = self._loaded.get(number)
                if loaded is None:
                    loaded = self._loaded[number] = self._read(number)
        return loaded

    def _read(self, number: int) -> Block:
        try:
            with self._database.reading() as connection:
                timelines = connection.execute(
                    "SELECT stream, body FROM timelines WHERE block = ?", (number,)
                ).fetchall()
                pages = connection.execute(
                    "SELECT stream, series_group, body, columns, holes, falls FROM pages"
                    " WHERE block = ? ORDER BY stream, series_group",
                    (number,),
                ).fetchall()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            self._damage.add(f"block {number}", error)
            return {}
        by_stream = itertools.groupby(pages, key=lambda page: page[0])
        lists = {stream: np.array([p[1:] for p in part], np.int64) for stream, part in by_stream}
        return self._segments(number, dict(timelines), lists)

    def _segments(
        self, number: int, timelines: dict[int, bytes], pages: dict[int, NDArray[np.int64]]
    ) -> Block:
        segments: Block = {}
        for stream, table in pages.items():
            try:
                timestamps = decode_timeline(timelines[stream])
            except (KeyError, StoreDamaged) as error:
                self._damage.add(f"timeline of stream {stream}, block {number}", error)
                continue
            segments[stream] = SealedSegment(
                number, timestamps, table, self._database, self._cache, self._damage
            )
        return segments
