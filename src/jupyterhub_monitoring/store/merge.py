"""Samples of any age into a block that is sealed, or that nobody has heard of yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .samples import Samples
from .seal import SealedBlock, SealedPage, page_of
from .sealed import SealedSegment
from .segment import whole_group
from .selection import ABSENT_BITS, Appended
from .slots import WIDTH, Slots
from .timeline import encode_timeline

Int64s = NDArray[np.int64]


@dataclass(slots=True)
class _Counts:
    stored: int = 0
    duplicate: int = 0
    repeated: int = 0


@dataclass(slots=True)
class _Merged:
    timelines: dict[int, bytes] = field(default_factory=dict)
    pages: list[SealedPage] = field(default_factory=list)
    first_ms: list[int] = field(default_factory=list)
    last_ms: list[int] = field(default_factory=list)
    counts: _Counts = field(default_factory=_Counts)


def merge(
    block: int, existing: Mapping[int, SealedSegment], samples: Samples, slots: Slots
) -> tuple[SealedBlock, Appended]:
    """Return the streams of *block* to which *samples* add something, and the samples' counts.

    A sample that is there already, in *existing*, stays as it is.
    """
    streams = slots.stream_of[samples.series >> 6]
    merged = _Merged()
    for stream in np.unique(streams).tolist():
        mine = streams == stream
        part = Samples(samples.series[mine], samples.timestamps[mine], samples.values[mine])
        _merge_stream(stream, existing.get(stream), part, merged)
    sealed = SealedBlock(
        block,
        min(merged.first_ms),
        max(merged.last_ms),
        merged.timelines,
        merged.pages,
    )
    counts = merged.counts
    return sealed, Appended(counts.stored, counts.duplicate, counts.repeated)


def _merge_stream(
    stream: int, existing: SealedSegment | None, part: Samples, merged: _Merged
) -> None:
    before = np.empty(0, dtype=np.int64) if existing is None else existing.timestamps
    times = np.union1d(before, part.timestamps)
    at = np.searchsorted(times, before)
    groups = np.unique(part.series >> 6)
    if existing is not None:
        groups = np.union1d(groups, existing.groups)
    for group in groups.tolist():
        values = np.full((len(times), WIDTH), ABSENT_BITS).view(np.float64)
        if existing is not None:
            values[at] = existing.read(whole_group(group, 0), slice(None))
        first, last = np.searchsorted(part.series, [group * WIDTH, (group + 1) * WIDTH])
        chosen = slice(int(first), int(last))
        rows = np.searchsorted(times, part.timestamps[chosen])
        cells = rows * WIDTH + (part.series[chosen] & (WIDTH - 1))
        _put(values.view(np.int64).reshape(-1), cells, part.values[chosen], merged.counts)
        page = page_of(stream, group, values)
        if page is not None:
            merged.pages.append(page)
    merged.timelines[stream] = encode_timeline(times)
    merged.first_ms.append(int(times[0]))
    merged.last_ms.append(int(times[-1]))


def _put(flat: Int64s, cells: Int64s, values: NDArray[np.float64], counts: _Counts) -> None:
    """Put *values* into the *cells* of a page that are ABSENT; of equal cells the first counts."""
    bits = np.ascontiguousarray(values).view(np.int64)
    free = flat[cells] == ABSENT_BITS
    flat[cells[free][::-1]] = bits[free][::-1]
    firsts = np.zeros(len(cells), dtype=np.bool_)
    firsts[np.unique(cells, return_index=True)[1]] = True
    stored = free & firsts
    same = flat[cells] == bits
    counts.stored += int(np.count_nonzero(stored))
    counts.repeated += int(np.count_nonzero(~stored & same))
    counts.duplicate += int(np.count_nonzero(~stored & ~same))
