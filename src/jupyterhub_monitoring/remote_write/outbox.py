"""The queue of one receiver: what is new in the store, and the next batch of what is owed.

All of it is for one thread, which reads the store beside those who write.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..store.following import NEVER_MS, WRITTEN, Cells, Following, Ids
from ..store.selection import ABSENT_BITS
from .owed import Owed, Slice
from .owed_file import WrongFile, load, save
from .snappy import compress
from .write_request import Series, label_pieces, series_pieces

log = logging.getLogger(__name__)

MOST_SAMPLES = 5_000
"""Samples of a request; a batch is more only where one instant has more, in several requests."""

WINDOW_MS = 1_800_000
"""Time in which the next rows are looked for at once."""

LATE_MS = 3_600_000
"""At a start, rows that are older than the newest known one by more than this are known."""

MOST_LABELS = 100_000
"""Series whose labels are remembered as they are sent."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One request: its body, and how many samples are in it."""

    body: bytes
    samples: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What is acknowledged together; *again*: it may have been sent before."""

    pieces: Sequence[Piece]
    again: bool

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return sum(piece.samples for piece in self.pieces)


class Outbox:
    """What the receiver whose file is *path* gets out of the store that is followed."""

    def __init__(
        self,
        following: Following,
        path: Path,
        external_labels: Mapping[str, str],
        clock_ms: Callable[[], int],
    ) -> None:
        self._following, self._path, self._external = following, path, external_labels
        self._labels: dict[int, tuple[bytes, ...]] = {}
        self._changed = False
        self.problem = ""
        """What is wrong with the file, empty where nothing is."""
        self.lost_ms: int | None = None
        """Before this, retention dropped what was owed; None: it never did."""
        try:
            found = load(path)
        except WrongFile as wrong:
            found = None
            self.problem = (
                f"{path} cannot be read ({wrong}); what was not sent before is not sent any more"
            )
        self._owed = self._begin(clock_ms()) if found is None else found
        self._again = bool(self._owed.sending)
        self._catch_up()
        self.oldest_ms = self._owed.oldest_ms
        """Since when something is owed, None where nothing is."""

    def _begin(self, now_ms: int) -> Owed:
        """Return that nothing is owed: what is in the store already stays there."""
        owed, self._changed = Owed(now_ms, self._following.newest()), True
        for name in self._following.streams():
            rows = self._following.rows(name, now_ms - LATE_MS, NEVER_MS)
            if len(rows.timestamps):
                owed.stream(name).top_ms = int(rows.timestamps[-1])
        return owed

    def _catch_up(self) -> None:
        """Take note of what was written while nobody followed; it may be in pages by now."""
        newest = self._following.newest()  # before the samples: what comes meanwhile is in the log
        floor = max(self._owed.began_ms, self._owed.seen_ms - LATE_MS)
        for name in self._following.streams():
            known = self._owed.streams.get(name)
            start = max(floor, known.top_ms if known else floor) + 1
            times = self._following.rows(name, start, NEVER_MS).timestamps
            if len(times):
                self._owed.stream(name).note(int(times[0]), int(times[-1]))
                self._changed = True
        if newest < self._owed.noted:  # the log was empty, and begins anew
            self._owed.noted, self._changed = newest, True

    def note(self) -> None:
        """Take note of what is new, durably."""
        self._take_note()
        self._save()

    def _take_note(self) -> None:
        while True:
            rows = self._following.written(self._owed.noted)
            for row in rows:
                self._owed.stream(row.stream).note(row.timestamp_ms, row.timestamp_ms)
            if rows:
                self._owed.noted, self._changed = rows[-1].number, True
            if len(rows) < WRITTEN:
                return

    def next(self) -> Batch | None:
        """Return what goes out next, durably named as such; None where nothing is owed."""
        while True:
            if not self._owed.sending:
                self._take_note()
                until = self._cut()
                if until is None:
                    self._save()
                    return None
                self._owed.send(until)
                self._again, self._changed = False, True
            self._save()
            if pieces := self._pieces(self._owed.sending):
                again, self._again = self._again, True
                return Batch(pieces, again)
            self.done()  # retention was quicker

    def done(self) -> None:
        """Take note that what went out is settled; `next` or `note` make that durable."""
        self._owed.sending, self._changed = [], True

    def _save(self) -> None:
        """Write what changed. Where the disk is full sending goes on: it is tried again."""
        self.oldest_ms = self._owed.oldest_ms
        if not self._changed:
            return
        try:
            save(self._owed, self._path)
        except OSError as error:
            self.problem = (
                f"{self._path} cannot be written ({error.strerror}): what was sent is sent once"
                " more after a restart"
            )
        else:
            self._changed, self.problem = False, ""

    def _cut(self) -> int | None:
        """Return up to when the oldest rows fit into a request; None where none is owed."""
        self._forget_what_is_gone()
        window = WINDOW_MS
        while (start := self._owed.oldest_ms) is not None:
            end = start + window
            times, widths = self._sizes(self._owed.within(start, end))
            if len(times):
                order = np.argsort(times, kind="stable")
                fits = int(np.cumsum(widths[order]).searchsorted(MOST_SAMPLES, "right"))
                return int(times[order][max(fits, 1) - 1])
            self._owed.forget(end)
            window *= 2  # nobody scraped for long
        return None

    def _sizes(self, slices: Iterable[Slice]) -> tuple[Ids, Ids]:
        """Return (time, samples at most) of each row of *slices*."""
        times, widths = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        for one in slices:
            rows = self._following.rows(one.stream, one.start_ms, one.end_ms)
            times.append(rows.timestamps)
            widths.append(np.full(len(rows.timestamps), rows.width))
        return np.concatenate(times), np.concatenate(widths)

    def _forget_what_is_gone(self) -> None:
        oldest, owed = self._following.oldest_ms(), self._owed.oldest_ms
        if owed is not None and owed < oldest != NEVER_MS:
            gone = self._owed.forget(oldest - 1)
            self.lost_ms, self._changed = oldest, True
            for one in gone:
                log.warning("Retention dropped what was not sent: %s", one)

    def _pieces(self, slices: Sequence[Slice]) -> list[Piece]:
        """Return the requests of *slices*, of which the same rows always give the same ones."""
        found: list[Series] = []
        for one in slices:
            for cells in self._following.read(one.stream, one.start_ms, one.end_ms):
                found += self._series(cells)
        pieces: list[Piece] = []
        start = count = 0
        for place, series in enumerate(found):
            if count and count + len(series) > MOST_SAMPLES:
                pieces.append(Piece(compress(series_pieces(found[start:place])), count))
                start, count = place, 0
            count += len(series)
        if count:
            pieces.append(Piece(compress(series_pieces(found[start:])), count))
        return pieces

    def _series(self, cells: Cells) -> Iterable[Series]:
        there = cells.values.view(np.int64) != ABSENT_BITS
        columns = np.flatnonzero(there.any(axis=0))
        self._learn(cells.ids[columns])
        for column in columns.tolist():
            labels = self._labels.get(int(cells.ids[column]))
            if labels is not None:  # None: retention takes the series back just now
                mine = there[:, column]
                yield Series(labels, cells.timestamps[mine].tolist(), cells.values[mine, column])

    def _learn(self, ids: Ids) -> None:
        new = [number for number in ids.tolist() if number not in self._labels]
        if not new:
            return
        if len(self._labels) + len(new) > MOST_LABELS:
            self._labels.clear()
            new = ids.tolist()
        for number, labels in self._following.labels(np.array(new, dtype=np.int64)).items():
            self._labels[number] = label_pieces(labels, self._external)
