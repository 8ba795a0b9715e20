"""Dropping the oldest blocks: those past their time, and as many as the size asks for."""

from __future__ import annotations

import logging
import threading

import numpy as np
from numpy.typing import NDArray

from .catalog import Catalog
from .database import Database
from .head import Head
from .patience import Patience
from .seal import delete_block
from .sealed import SealedBlocks
from .segment import PRESENT
from .settings import StoreSettings

log = logging.getLogger(__name__)

Columns = NDArray[np.uint64]
"""Sets of columns, by group."""

RECORDS = 1 << 16


class Retention:
    """What has to go, by age and size; *writing* is held by who writes."""

    def __init__(self, settings: StoreSettings, writing: threading.RLock) -> None:
        self._settings, self._writing = settings, writing
        self._patience = Patience(settings.settle_seconds)

    def enforce(
        self, database: Database, sealed: SealedBlocks, catalog: Catalog, head: Head, now_ms: int
    ) -> int:
        """Drop blocks, oldest first, and series that have no sample left; return how many blocks.

        The head is never dropped. Where blocks were written meanwhile nothing is done: the next
        call does it.
        """
        summaries = sealed.summaries
        gone = sorted({*self._too_old(sealed, now_ms), *self._too_much(sealed, database)})
        if not gone:
            return 0
        kept = _in_pages(database, set(gone))  # a second for a year of blocks: outside the lock
        with self._writing:
            if sealed.summaries is not summaries:
                return 0
            ended = _without_samples(catalog, head, kept)
            with database.transaction() as connection:
                for block in gone:
                    delete_block(connection, block)
                catalog.discard(connection, ended)
            with database.reading() as connection:
                sealed.load(connection)
            catalog.forget(ended)
        log.info("Retention: %d blocks and %d series were dropped", len(gone), len(ended))
        return len(gone)

    def _too_old(self, sealed: SealedBlocks, now_ms: int) -> list[int]:
        limit = now_ms - self._settings.retention_ms
        expired = [n for n, summary in sealed.summaries.items() if summary.last_ms < limit]
        return self._patience.due(expired)

    def _too_much(self, sealed: SealedBlocks, database: Database) -> list[int]:
        with self._writing:
            if database.has_dropped():  # what was dropped last is still there for its readers
                return []
            excess = database.used_bytes() - self._settings.retention_bytes
        gone = []
        for number, summary in sealed.summaries.items():
            if excess <= 0:
                break
            gone.append(number)
            excess -= summary.bytes
        return gone


def _in_pages(database: Database, gone: set[int]) -> Columns:
    """Return the columns that are in pages, but for those of the blocks *gone*."""
    present = np.zeros(1024, dtype=np.uint64)
    with database.reading() as connection:
        found = connection.execute("SELECT series_group, columns, block FROM pages")
        while records := found.fetchmany(RECORDS):
            groups, columns, blocks = np.array(records, dtype=np.int64).T
            kept = ~np.isin(blocks, list(gone))
            present = _wide_enough(present, int(groups.max()))
            np.bitwise_or.at(present, groups[kept], columns[kept].view(np.uint64))
    return present


def _wide_enough(present: Columns, group: int) -> Columns:
    more = max(0, group + 1 - len(present))
    return np.append(present, np.zeros(more and more + len(present), dtype=np.uint64))


def _without_samples(catalog: Catalog, head: Head, present: Columns) -> list[int]:
    """Return the series that are neither *present* in pages nor in the head."""
    present = _wide_enough(present, len(catalog.slots.stream_of))
    for stream, segments in head.view.items():
        groups = catalog.slots.groups(stream)
        for segment in segments:
            present[groups.numbers] |= segment.masks(groups)[PRESENT]
    ids = catalog.index.ids
    has = (present[ids >> 6] >> (ids & 63).astype(np.uint64)) & np.uint64(1)
    ended: list[int] = ids[has == 0].tolist()
    return ended
