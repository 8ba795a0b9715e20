"""The store: what a scrape appends, a query selects, and what keeps it on disk and in bounds."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import StoreDamaged, StoreError, UnknownSeries
from ..metrics.service_catalogue import STORE_COMMIT_SECONDS, STORE_SEAL_SECONDS
from . import lookups
from .catalog import Catalog, Metadata
from .database import FILE, Database
from .following import Following
from .head import Admitted, Head
from .head_rows import HeadRows
from .index import Matched
from .journal import Journal
from .label_table import LabelTable
from .lock import FolderLock
from .matcher import Matcher
from .merge import merge
from .pace import Pace, Stopped
from .page_cache import PageCache
from .patience import Patience
from .plan import StreamPlan, plans
from .prune import prune
from .rescue import rescue, set_aside
from .retention import Retention
from .samples import Samples
from .seal import SealedBlock, delete_dropped, delete_obsolete, write_block
from .sealed import Damage, DamageList, SealedBlocks
from .sealer import Sealer
from .segment import Segment
from .selection import Appended, Labels, Row, Selection
from .settings import StoreSettings
from .snapshot import Snapshot
from .stats import StoreStats, stats_of
from .symbols import Symbols
from .tiles import StoreTile, tiles

__all__ = ["FILE", "Snapshot", "Store", "StoreStats", "wall_clock_ms"]

log = logging.getLogger(__name__)

DROPPED = 100  # pages whose bytes are deleted in one transaction
OBSOLETE = 32  # rows of the head that are deleted in one transaction


def wall_clock_ms() -> int:
    """Return the milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Store:
    """The series in *folder*. Threads write one after the other; any number query meanwhile.

    `maintain` is for a thread of its own: it takes seconds, in which others write and query.
    """

    def __init__(
        self,
        folder: Path,
        settings: StoreSettings,
        now_ms: Callable[[], int],
        *,
        read_only: bool,
    ) -> None:
        self.folder, self.settings, self._now_ms = folder, settings, now_ms
        self._damage = DamageList()
        self._lock = None if read_only else FolderLock(folder)
        try:
            self._open_file(read_only=read_only)
        except BaseException:
            self._unlock()
            raise

    def _open_file(self, *, read_only: bool) -> None:
        """Read the file; where it is damaged, what can be read of it; or else begin a new one."""
        try:
            self._read(Database(self.folder, read_only=read_only))
        except StoreDamaged as first:
            if read_only:
                raise
            try:
                self._read(rescue(self.folder, first, self._damage))
            except StoreDamaged as second:
                aside = set_aside(self.folder)
                self._damage.add(str(aside), f"what was read of the damaged file: {second}")
                self._read(Database(self.folder))

    def _read(self, database: Database) -> None:
        """Take *database* and what is in it; raise StoreDamaged where that makes no sense."""
        settings, self._database = self.settings, database
        self._cache = PageCache(settings.cache_bytes)
        self._journal = Journal(self._database)
        self._catalog = Catalog(self._journal)
        self._rows = HeadRows(self._journal, settings.block_ms)
        self._head = Head(self._catalog.slots, self._cache, settings.block_ms)
        self._sealed = SealedBlocks(self._database, self._cache, self._damage)
        self._writing, self._maintaining = threading.RLock(), threading.Lock()
        self._retention = Retention(settings, self._writing)
        self._patience = Patience(settings.settle_seconds)
        self._pace = Pace()
        self._sealer = Sealer(self._head, self._catalog.slots, self._writing, self._pace)
        try:
            self._load()
        except BaseException as error:
            database.close()
            unreadable = (sqlite3.DatabaseError, LookupError, TypeError, ValueError, OverflowError)
            if isinstance(error, unreadable):
                raise StoreDamaged(f"{database.path}: {error}") from error
            raise

    @classmethod
    def open(
        cls,
        folder: Path,
        settings: StoreSettings = StoreSettings(),  # noqa: B008 -- frozen
        *,
        now_ms: Callable[[], int] = wall_clock_ms,
        read_only: bool = False,
    ) -> Store:
        """Open the store in *folder*, made where there is none.

        Raises `StoreLocked` where another process writes to it, `StoreError` where a newer version
        did, OSError where the folder cannot be used. A damaged file is set aside, what can be read
        of it is served. *read_only* opens a store that another process may be writing to, as it
        is at this moment.
        """
        if not read_only:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        return cls(folder, settings, now_ms, read_only=read_only)

    def _load(self) -> None:
        if not self._database.read_only:
            prune(self._database)
        with self._database.reading() as connection:
            self._catalog.load(connection)
            self._sealed.load(connection)
            self._head.put(self._rows.load(connection, self._catalog.slots, self._damage))
        self._show()

    def _show(self) -> None:
        """Let queries see the rows and blocks of now, both at once."""
        self._snapshot = Snapshot(self._head.view, self._sealed, self.settings.block_ms)

    # --- writing -----------------------------------------------------------------------------

    def series_ids(self, labels: Sequence[Labels], writer: str = "") -> NDArray[np.int64]:
        """Return the id of each label set, made where it is new.

        *writer* names who makes all of its series at the same times, such as a group of rules. By
        default that is the target that `job` and `instance` name.
        """
        with self._writing:
            return self._catalog.ids(labels, writer)

    def describe(self, metadata: Metadata) -> None:
        """Keep (type, help, unit) of each metric family, with the next `append`."""
        with self._writing:
            self._catalog.describe(metadata)

    def append(self, rows: Sequence[Row]) -> Appended:
        """Keep *rows*, all or none, durably before this returns (a kill -9 does not lose them).

        While the disk takes no writes they wait in memory, as far as `waiting_bytes` goes.
        Raises `UnknownSeries` for an id that `series_ids` did not give or that retention took back.
        """
        with self._writing:
            self._know(row.series for row in rows)
            sealed_until = self._sealed_until()
            admitted = self._head.admit(rows, lambda timestamp: timestamp < sealed_until)
            return self._keep(admitted)

    def _know(self, series: Iterable[NDArray[np.int64]]) -> None:
        if not all(map(self._catalog.knows, series)):
            raise UnknownSeries("samples of an unknown series: ask `series_ids` for its id again")

    def _sealed_until(self) -> int:
        """Return the time before which nothing is taken any more, in milliseconds."""
        return (max(self._sealed.summaries, default=-1) + 1) * self.settings.block_ms

    def _keep(self, admitted: Admitted) -> Appended:
        if not admitted.parts:
            return admitted.counts
        before = self._journal.rows
        self._rows.add(admitted.parts)
        began = time.perf_counter()
        try:
            written = self._journal.commit()
        except BaseException:
            self._journal.take_back(before)
            raise
        STORE_COMMIT_SECONDS.observe(time.perf_counter() - began)
        if not written and self._journal.waiting_bytes > self.settings.waiting_bytes:
            self._journal.take_back(before)
            counts = admitted.counts
            return replace(counts, stored=0, no_space=counts.stored)
        self._head.put(admitted.parts)
        self._show()
        return admitted.counts

    def flush_waiting(self) -> None:
        """Try to write what waits in memory because the disk took no writes."""
        with self._writing:
            if self._journal.refused:
                with contextlib.suppress(sqlite3.Error):
                    self._database.checkpoint_beside()  # its room in the log is used again
                self._journal.commit()

    def maintain(self) -> None:
        """Seal blocks that are over, drop what is too old or too much, give space back.

        For any thread. Writers wait only while what was prepared is put in its place.
        """
        with self._maintaining, contextlib.suppress(Stopped):
            self._pace.start()
            self.flush_waiting()
            self._sealer.freeze(self._show)
            if not self._journal.refused:
                try:
                    self._shrink()
                    self._database.checkpoint_beside()
                except sqlite3.Error as error:
                    with self._writing:
                        self._journal.refuse(error)

    def _shrink(self) -> None:
        """Seal and drop what is due; where the disk is full, what is not done stays as it was."""
        due = self._patience.due([block for block in self._head.blocks() if self._is_over(block)])
        for block in due:
            began = time.perf_counter()
            self._sealer.seal(block, self._write_block)
            STORE_SEAL_SECONDS.observe(time.perf_counter() - began)
        self._delete_obsolete()
        self._delete_dropped()
        gone = self._retention.enforce(
            self._database, self._sealed, self._catalog, self._head, self._now_ms()
        )
        with self._writing:
            self._show()
        if self._delete_dropped() or due or gone:
            self._give_back()

    def _delete_obsolete(self) -> None:
        """Delete the rows of the head that are in pages, a few at a time."""
        while self._rows.obsolete:
            with self._writing:
                if self._journal.refused:  # rows that wait may have layouts that no other row has
                    return
                with self._database.transaction() as connection:
                    deleted = delete_obsolete(connection, OBSOLETE)
                self._rows.forget_layouts()
                self._rows.obsolete = deleted == OBSOLETE
            self._pace.rest()

    def _delete_dropped(self) -> bool:
        """Delete the bytes of dropped pages unless a query reads some; return whether any."""
        deleted = False
        while True:
            with self._writing:
                if self._sealed.are_read or not self._database.has_dropped():
                    return deleted
                with self._database.transaction() as connection:
                    delete_dropped(connection, DROPPED)
                deleted = True
            self._pace.rest()

    def _give_back(self) -> None:
        """Give free pages back to the file system; a writer waits for a few at most."""
        more = True
        while more:
            with self._writing:
                more = self._database.give_back()
            self._pace.rest()
        self._database.checkpoint_beside()
        with self._writing:
            self._database.checkpoint()

    def _is_over(self, block: int) -> bool:
        """Return whether *block* has ended, and the time for late samples too."""
        over = self._now_ms() - self.settings.seal_after_ms
        return (block + 1) * self.settings.block_ms <= over

    def _write_block(self, sealed: SealedBlock) -> None:
        """Put *sealed* in the place of what was kept of its time, in one transaction."""
        with self._database.transaction() as connection:
            self._journal.write(connection)
            write_block(connection, sealed)
        self._journal.written()
        self._rows.obsolete = True
        with self._database.reading() as connection:
            self._sealed.load(connection)
        self._head.drop(sealed.block)
        self._show()

    def import_samples(self, samples: Samples) -> Appended:
        """Keep *samples*, all of one block, however old, durably before this returns.

        What is there already stays as it is. Blocks that are still open to scrapes are not sealed
        by this. Raises `StoreError` as `append` does, and that or sqlite3.Error where the disk
        takes no writes.
        """
        with self._writing:
            self._know([samples.series])
            block = int(samples.timestamps[0]) // self.settings.block_ms
            sealed_already = block in self._sealed.summaries
            if not sealed_already and (block in self._head.blocks() or not self._is_over(block)):
                counts = self._keep(self._head.admit(samples.rows(), lambda _: False))
                if self._journal.refused:  # a scrape may wait in memory, an import may not
                    raise StoreError(f"the disk takes no writes: {self._journal.refused}")
                return counts
            existing = self._sealed.block(block) if sealed_already else {}
            sealed, counts = merge(block, existing, samples, self._catalog.slots)
            if counts.stored:
                self._write_block(sealed)
            return counts

    # --- reading -----------------------------------------------------------------------------

    @property
    def symbols(self) -> Symbols:
        """The strings of all label tables."""
        return self._catalog.index.symbols

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the series that satisfy all *matchers*; samples in [start_ms, end_ms]."""
        snapshot = self._snapshot
        matched = self._catalog.index.matching(matchers)
        found: list[StoreTile] = []
        for plan in self._plans(matched):
            found += tiles(plan, snapshot.span(plan.stream, start_ms, end_ms))
        return Selection(matched.labels, found)

    def _plans(self, matched: Matched) -> Sequence[StreamPlan]:
        if matched.plans is None:
            matched.plans = plans(matched.ids, self._catalog.slots)
        return matched.plans

    def following(self) -> Following:
        """Return what reads samples in the order in which they come, to pass them on."""
        return Following(self._database, self._catalog, lambda: self._snapshot, self._writing)

    def label_names(self, sets: lookups.Selectors, start_ms: int, end_ms: int) -> list[str]:
        """Return the label names of series of one of *sets* with samples in the range, sorted."""
        return lookups.label_names(self._with_samples(sets, start_ms, end_ms))

    def label_values(
        self, name: str, sets: lookups.Selectors, start_ms: int, end_ms: int
    ) -> list[str]:
        """Return the values of label *name*, as `label_names` does."""
        return lookups.label_values(self._with_samples(sets, start_ms, end_ms), name)

    def series(self, sets: lookups.Selectors, start_ms: int, end_ms: int) -> list[dict[str, str]]:
        """Return the label sets, as `label_names` does."""
        return self._with_samples(sets, start_ms, end_ms).rows()

    def _with_samples(self, sets: lookups.Selectors, start_ms: int, end_ms: int) -> LabelTable:
        snapshot = self._snapshot
        matched = self._catalog.index.matching_any(sets)

        def segments(stream: int) -> list[Segment]:
            return snapshot.span(stream, start_ms, end_ms).segments

        return lookups.with_samples(matched, self._plans(matched), segments)

    def metadata(self) -> Metadata:
        """Return (type, help, unit) of each metric family."""
        return dict(self._catalog.families)

    def stats(self) -> StoreStats:
        """Return figures about what the store holds."""
        return stats_of(
            self._catalog.index,
            self._snapshot.blocks,
            self._snapshot.head,
            database=self._database,
            damaged=len(self.damage()),
            waiting_bytes=self._journal.waiting_bytes,
        )

    def damage(self) -> list[Damage]:
        """Return what was found damaged and is not served, since the store was opened."""
        return self._damage.all()

    def close(self) -> None:
        """Write what can be written and let the folder go. Safe to repeat."""
        self._pace.stop()
        with self._maintaining, self._writing:
            if self._lock is not None:
                try:
                    self.flush_waiting()
                except sqlite3.Error:
                    log.exception("What waited for room on the disk is lost")
            self._database.close()
            self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
