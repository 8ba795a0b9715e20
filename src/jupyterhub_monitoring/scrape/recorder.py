"""What becomes of one scrape: its samples, the series about it, and the ends of series.

Everything goes to the store in one `append`: a crash keeps the whole scrape or nothing of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import BadExposition, ScrapeError, ScrapeOverLimit, UnknownSeries
from ..metrics.service_catalogue import (
    SAMPLES_APPENDED,
    SAMPLES_DROPPED,
    DropReason,
    ScrapeOutcome,
)
from ..store.selection import STALE, Appendable, Row
from .exposition import ExpositionReader, Reading
from .exposition_pass import NO_TIMESTAMP
from .http_get import Answer
from .state import Metadata
from .target import Target
from .target_labels import TargetLabels

REPORTS = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
"""The series about each scrape, which get the target's labels only."""

AHEAD_MS = 600_000
"""How far ahead of the clock a target's own timestamps may be, as in Prometheus."""

_HOUR_SECONDS = 3600
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Recorded:
    """How a scrape ended. *metadata* is that of the last success; *error* is "" for a success."""

    outcome: ScrapeOutcome
    error: str
    samples: int
    seconds: float
    metadata: Metadata


@dataclass(frozen=True, slots=True)
class _Samples:
    """The samples of one scrape at its own time, one for each series; and those with another."""

    ids: NDArray[np.int64]
    values: NDArray[np.float64]
    others: tuple[Row, ...] = ()
    scraped: int = 0
    duplicates: int = 0
    too_new: int = 0


class Recorder:
    """Keeps what one target says. All methods run in the writer's thread, one at a time."""

    def __init__(
        self, store: Appendable, target: Target, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._target, self._clock = store, target, clock
        self._new = NewSeriesLimit(target.limits.new_series_per_hour, clock)
        self._asking_again = False
        self._ask_for_ids()
        self._last = _NONE  # sorted: the series of the last scrape that succeeded
        self._described: Metadata = {}

    def _ask_for_ids(self) -> None:
        """Begin without ids from the store but those of the reports."""
        labels, limits = TargetLabels(self._target), self._target.limits
        self._reader = ExpositionReader(labels, limits, self._store.series_ids, self._allow_new)
        self._reports = self._store.series_ids([labels.report(name) for name in REPORTS])
        self._live = _NONE  # sorted: the series that end if they are not in the next scrape

    def record(self, answer: Answer | ScrapeError, at_ms: int, began: float) -> Recorded:
        """Keep the scrape that was due at *at_ms* and began at *began* of the clock."""
        try:
            return self._record(answer, at_ms, began)
        except UnknownSeries:  # retention took back what had no sample for long: once more
            self._asking_again = True
            try:
                self._ask_for_ids()
                return self._record(answer, at_ms, began)
            finally:
                self._asking_again = False

    def _allow_new(self, count: int) -> None:
        """Count new series; those that are asked for once more are none."""
        if not self._asking_again:
            self._new.take(count)

    def _record(self, answer: Answer | ScrapeError, at_ms: int, began: float) -> Recorded:
        try:
            if isinstance(answer, ScrapeError):
                raise answer
            reading = self._reader.read(answer.body, answer.format)
            samples = self._split(reading, at_ms)
        except ScrapeError as error:
            return self._failed(error, at_ms, began)
        added = len(np.setdiff1d(samples.ids, self._last, assume_unique=True))
        seconds = self._clock() - began
        counts = (samples.scraped, samples.scraped, added)
        self._append(samples, at_ms, (1.0, seconds, *counts))
        self._last = self._live
        self._describe()
        return Recorded(ScrapeOutcome.SUCCESS, "", samples.scraped, seconds, self._reader.metadata)

    def _failed(self, error: ScrapeError, at_ms: int, began: float) -> Recorded:
        seconds = self._clock() - began
        found = 0
        if isinstance(error, ScrapeOverLimit) and error.what == "samples":
            found = error.wanted or 0
        self._append(_Samples(_NONE, np.empty(0)), at_ms, (0.0, seconds, found, 0, 0))
        return Recorded(outcome_of(error), str(error), found, seconds, self._reader.metadata)

    def end(self, at_ms: int) -> None:
        """Mark every series of the target as ended: it was taken away."""
        ids = np.concatenate([self._reports, self._live])
        with contextlib.suppress(UnknownSeries):  # what retention took back has ended
            self._store.append([Row(at_ms, ids, np.full(len(ids), STALE))])
        self._live = self._last = _NONE

    def _split(self, reading: Reading, at_ms: int) -> _Samples:
        """Split off the samples with a timestamp, and those of a series that came before."""
        ids, values, timestamps = reading.ids, reading.values, reading.timestamps
        others: tuple[Row, ...] = ()
        duplicates = too_new = 0
        if timestamps is not None and self._target.honor_timestamps:
            own = timestamps == NO_TIMESTAMP
            taken = ~own & (timestamps <= at_ms + AHEAD_MS)
            too_new = len(ids) - int(own.sum()) - int(taken.sum())
            others, duplicates = _rows(ids[taken], values[taken], timestamps[taken])
            ids, values = ids[own], values[own]
        unique, first = np.unique(ids, return_index=True)
        duplicates += len(ids) - len(unique)
        return _Samples(unique, values[first], others, len(reading.ids), duplicates, too_new)

    def _append(self, samples: _Samples, at_ms: int, reports: tuple[float, ...]) -> None:
        """Write one scrape; remember its series only if that went well."""
        live = np.setdiff1d(samples.ids, self._reports, assume_unique=True)
        if len(live) < len(samples.ids):  # the target speaks of itself as we do: we are right
            kept = np.isin(samples.ids, live, assume_unique=True)
            samples = replace(samples, ids=live, values=samples.values[kept])
        gone = np.setdiff1d(self._live, live, assume_unique=True)
        ids = np.concatenate([self._reports, live, gone])
        values = np.concatenate([np.array(reports), samples.values, np.full(len(gone), STALE)])
        appended = self._store.append([Row(at_ms, ids, values), *samples.others])
        self._live = live
        SAMPLES_APPENDED.inc(appended.stored)
        for reason, count in (
            (DropReason.DUPLICATE, appended.duplicate + samples.duplicates),
            (DropReason.TOO_OLD, appended.too_old),
            (DropReason.NO_SPACE, appended.no_space),
            (DropReason.TOO_NEW, samples.too_new),
        ):
            if count:
                SAMPLES_DROPPED.labels(reason.value).inc(count)

    def _describe(self) -> None:
        metadata = self._reader.metadata
        if metadata is not self._described:
            known = self._described.items()
            changed = dict(metadata.items() - known)
            if changed:
                self._store.describe(changed)
            self._described = metadata


class NewSeriesLimit:
    """Counts new series by the hour; each hour begins anew with the first that comes after it."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit, self._clock = limit, clock
        self._since, self._count = clock(), 0

    def take(self, count: int) -> None:
        """Count *count* new series, or raise `ScrapeOverLimit` and count none."""
        now = self._clock()
        if now - self._since >= _HOUR_SECONDS:
            self._since, self._count = now, 0
        if self._count + count > self._limit:
            raise ScrapeOverLimit("new series in an hour", self._limit, self._count + count)
        self._count += count


def outcome_of(error: ScrapeError) -> ScrapeOutcome:
    """Return under which outcome a failed scrape is counted."""
    if isinstance(error, ScrapeOverLimit):
        return ScrapeOutcome.OVER_LIMIT
    return (
        ScrapeOutcome.MALFORMED if isinstance(error, BadExposition) else ScrapeOutcome.UNREACHABLE
    )


def _rows(
    ids: NDArray[np.int64], values: NDArray[np.float64], timestamps: NDArray[np.int64]
) -> tuple[tuple[Row, ...], int]:
    """Return a row for each timestamp, oldest first, and how many samples came twice."""
    order = np.lexsort((ids, timestamps))  # stable: of two, the first line comes first
    ids, values, timestamps = ids[order], values[order], timestamps[order]
    again = np.zeros(len(ids), dtype=np.bool_)
    again[1:] = (ids[1:] == ids[:-1]) & (timestamps[1:] == timestamps[:-1])
    ids, values, timestamps = ids[~again], values[~again], timestamps[~again]
    moments, starts = np.unique(timestamps, return_index=True)
    ends = [*starts[1:].tolist(), len(ids)]
    rows = tuple(
        Row(int(moment), ids[start:end], values[start:end])
        for moment, start, end in zip(moments, starts.tolist(), ends, strict=True)
    )
    return rows, int(again.sum())
