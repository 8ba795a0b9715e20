"""Which series there are, in memory and on disk, and the ids, groups and streams that they have."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .allocation import MIXED, Allocator, NewGroup
from .index import SeriesIndex
from .journal import Journal
from .selection import Labels
from .slots import WIDTH, Slots

Ids = NDArray[np.int64]
WRITER = "(writer)"
"""In the place of a job, where the instance names who writes the stream's series."""

Metadata = dict[str, tuple[str, str, str]]


class Catalog:
    """The series index and what belongs to it; what is new goes to the journal."""

    def __init__(self, journal: Journal) -> None:
        self.index = SeriesIndex()
        self.slots = Slots()
        self.families: Metadata = {}
        self._journal = journal
        self._allocator = Allocator()
        self._streams: dict[tuple[str, str], int] = {}
        self._alive = np.zeros(WIDTH, dtype=np.bool_)  # by id
        self._symbols_kept = 1  # the empty string needs no record

    def load(self, connection: sqlite3.Connection) -> None:
        """Read everything from the file."""
        symbols = self.index.symbols
        for number, text in connection.execute("SELECT id, text FROM symbols ORDER BY id"):
            while len(symbols) < number:
                symbols.intern(f"\0lost {len(symbols)}")  # keeps the numbers of the others
            symbols.intern(text)
        self._symbols_kept = len(symbols)
        for number, job, instance in connection.execute("SELECT * FROM streams"):
            self._streams[job, instance] = number
        found = connection.execute("SELECT id, labels FROM series ORDER BY id").fetchall()
        ids = [number for number, _ in found]
        self.index.add(ids, [key for _, key in found])
        self._live(ids)
        self._load_groups(connection, np.array(ids, dtype=np.int64))
        for name, *rest in connection.execute("SELECT name, type, help, unit FROM families"):
            self.families[name] = (rest[0], rest[1], rest[2])

    def _load_groups(self, connection: sqlite3.Connection, ids: Ids) -> None:
        names = self.index.symbols.texts(self._names())
        metrics = dict(zip(self.index.ids.tolist(), names, strict=True))
        for record in connection.execute("SELECT id, stream, metric FROM groups ORDER BY id"):
            group = NewGroup(*record)
            self.slots.add(group.group, group.stream)
            low, high = np.searchsorted(ids, [group.group * WIDTH, (group.group + 1) * WIDTH])
            last = int(ids[high - 1]) if high > low else group.group * WIDTH + WIDTH - 1
            self._allocator.learn_group(group, last)
            if group.metric == MIXED:
                for number in ids[low:high].tolist():
                    self._allocator.learn_mixed(group.stream, metrics[number])

    def _names(self) -> NDArray[np.int32]:
        """Return the metric name of each series, in the order of `index.ids`."""
        matched = self.index.matching(())
        order = np.searchsorted(matched.ids, self.index.ids)
        names: NDArray[np.int32] = matched.labels.column("__name__")[order]
        return names

    def ids(self, labels: Sequence[Labels], writer: str = "") -> Ids:
        """Return the id of each label set, made where it is new.

        Series of a stream have their samples at the same times: those that *writer* makes, or
        without one those of a target.
        """
        keys = [self.index.key(one) for one in labels]
        known = [self.index.find(key) for key in keys]
        new = {key: one for key, one, has in zip(keys, labels, known, strict=True) if has is None}
        if new:
            made = self._make(new, writer)
            known = [made.get(key, has) for key, has in zip(keys, known, strict=True)]
        return np.array(known, dtype=np.int64)

    def _make(self, new: dict[bytes, Labels], writer: str) -> dict[bytes, int]:
        homes = []
        for labels in new.values():
            texts = dict(labels)
            target = texts.get("job", ""), texts.get("instance", "")
            stream = self._stream(*((WRITER, writer) if writer else target))
            homes.append((stream, texts.get("__name__", MIXED)))
        ids, begun = self._allocator.allocate(homes)
        for group in begun:
            self.slots.add(group.group, group.stream)
            self._journal.add("groups", (group.group, group.stream, group.metric))
        kept, symbols = self._symbols_kept, self.index.symbols
        self._symbols_kept = len(symbols)
        self._journal.add("symbols", *enumerate(symbols.since(kept), start=kept))
        self._journal.add("series", *zip(ids, new, strict=True))
        self.index.add(ids, list(new))
        self._live(ids)
        return dict(zip(new, ids, strict=True))

    def _stream(self, job: str, instance: str) -> int:
        number = self._streams.get((job, instance))
        if number is None:
            number = self._streams[job, instance] = max(self._streams.values(), default=0) + 1
            self._journal.add("streams", (number, job, instance))
        return number

    def streams(self) -> dict[tuple[str, str], int]:
        """Return the number of each stream, by job and instance; for any thread."""
        return self._streams.copy()

    def knows(self, ids: Ids) -> bool:
        """Return whether all *ids* are of series that there are."""
        if not len(ids):
            return True
        if int(ids.max()) >= len(self._alive) or int(ids.min()) < 0:
            return False
        return bool(self._alive[ids].all())

    def _live(self, ids: Sequence[int]) -> None:
        if ids and max(ids) >= len(self._alive):
            more = max(2 * len(self._alive), max(ids) + 1) - len(self._alive)
            self._alive = np.append(self._alive, np.zeros(more, dtype=np.bool_))
        self._alive[ids] = True

    def describe(self, metadata: Metadata) -> None:
        """Keep (type, help, unit) of metric families."""
        for name, described in metadata.items():
            if self.families.get(name) != described:
                self.families[name] = described
                self._journal.add("families", (name, *described))

    def discard(self, connection: sqlite3.Connection, ids: Iterable[int]) -> None:
        """Delete series from the file; `forget` follows when that is committed."""
        connection.executemany("DELETE FROM series WHERE id = ?", [(number,) for number in ids])

    def forget(self, ids: Sequence[int]) -> None:
        """Let series leave the index; who still has their ids has to ask again."""
        if ids:
            self.index.discard(ids)
            self._alive[ids] = False
