"""Figures about what the store holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .database import Database
from .head import View
from .index import SeriesIndex
from .sealed import Summaries


@dataclass(frozen=True, slots=True)
class StoreStats:
    """What the store holds at one moment."""

    series: int  # known, ended ones included
    samples: int  # sealed ones
    bytes: int  # of the files, -wal and -shm included
    page_bytes: int  # of pages and timelines
    pages: int
    head_rows: int  # not sealed yet; one for each target and scrape
    oldest_ms: int | None
    newest_ms: int | None
    damaged: int  # things that were set aside
    waiting_bytes: int  # of scrapes that the disk did not take yet
    label_pairs: int
    metrics: tuple[tuple[str, int], ...]  # name and series, most first
    labels: tuple[tuple[str, int], ...]  # name and distinct values, most first


def stats_of(  # noqa: PLR0913 -- all that there is
    index: SeriesIndex,
    blocks: Summaries,
    head: View,
    *,
    database: Database,
    damaged: int,
    waiting_bytes: int,
) -> StoreStats:
    """Return the figures."""
    segments = [segment for stream in head.values() for segment in stream]
    starts = [summary.first_ms for summary in blocks.values()]
    starts += [int(segment.timestamps[0]) for segment in segments]
    ends = [summary.last_ms for summary in blocks.values()]
    ends += [int(segment.timestamps[-1]) for segment in segments]
    metrics, labels = _largest(index)
    return StoreStats(
        series=len(index),
        samples=sum(summary.samples for summary in blocks.values()),
        bytes=database.file_bytes(),
        page_bytes=sum(summary.bytes for summary in blocks.values()),
        pages=sum(summary.pages for summary in blocks.values()),
        head_rows=sum(len(segment.timestamps) for segment in segments),
        oldest_ms=min(starts, default=None),
        newest_ms=max(ends, default=None),
        damaged=damaged,
        waiting_bytes=waiting_bytes,
        label_pairs=sum(values for _, values in labels),
        metrics=metrics,
        labels=labels,
    )


def _largest(
    index: SeriesIndex,
) -> tuple[tuple[tuple[str, int], ...], tuple[tuple[str, int], ...]]:
    """Return (series by metric, values by label), both most first."""
    table = index.matching(()).labels
    names, counts = np.unique(table.column("__name__"), return_counts=True)
    metrics = zip(table.symbols.texts(names), counts.tolist(), strict=True)
    labels = ((name, len(np.unique(c[c != 0]))) for name, c in table.columns.items())
    return _sorted(metrics), _sorted(labels)


def _sorted(pairs: object) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))  # type: ignore[call-overload]
