"""What the store gives to a query: labels by column, samples in tiles. And what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .label_table import LabelTable
from .matcher import Matcher
from .stretches import Falls, Stretches
from .symbols import Symbols

STALE_BITS = 0x7FF0000000000002
"""Prometheus's staleness marker: a NaN that says "this series ended here". Compare bits."""

ABSENT_BITS = 0x7FF0000000000003
"""Our mark for a cell without a sample. It never leaves a tile."""

STALE = np.array(STALE_BITS, dtype=np.int64).view(np.float64)
ABSENT = np.array(ABSENT_BITS, dtype=np.int64).view(np.float64)


def there(values: NDArray[np.float64], *, markers: bool) -> NDArray[np.bool_]:
    """Return which cells are samples; staleness markers are, if *markers*."""
    bits = values.view(np.int64)
    found: NDArray[np.bool_] = bits != ABSENT_BITS
    if not markers:
        found &= bits != STALE_BITS
    return found


Labels = tuple[tuple[str, str], ...]
"""One label set, sorted by name, `__name__` included, without empty values."""


class Tile(Protocol):
    """Some series of a selection that share their timestamps: a matrix, one row per timestamp.

    A series is in exactly one tile. Tiles of the same targets share the *same* timestamp array
    object, so that what is computed from it can be kept by `id()`.
    """

    positions: NDArray[np.intp]
    """Which rows of the selection's labels the S columns are, shape (S,), ascending."""
    timestamps: NDArray[np.int64]
    """Milliseconds since 1970, strictly ascending, shape (T,); all within the asked range."""

    @property
    def dense(self) -> bool:
        """No cell is ABSENT or STALE."""

    @property
    def ascending(self) -> bool:
        """No sample is less than the one before in its series, none is NaN: no counter reset."""

    def rows(self, index: slice | NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the samples at these timestamps, shape (len, S), C-contiguous; decodes lazily.

        Cells may be ABSENT or STALE where the tile is not `dense`. The array is the caller's to
        read, not to change.
        """

    def stretches(self, *, markers: bool) -> Stretches | None:
        """Return where the series have samples; None where they are too scattered for a list.

        *markers*: staleness markers are taken for samples.
        """

    def falls(self) -> Falls | None:
        """Return where a sample is less than the one in the row before; None where often."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The series that match, and their samples. Some may have no sample in the range."""

    labels: LabelTable
    tiles: Sequence[Tile]


class Selectable(Protocol):
    """What can be queried: the store, or anything of its shape in a test."""

    @property
    def symbols(self) -> Symbols:
        """The table that the labels of every selection use; a query overlays it."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the series that satisfy all *matchers*; samples in [start_ms, end_ms]."""


@dataclass(frozen=True, slots=True)
class Row:
    """Samples of one instant: *values[i]* belongs to series *series[i]* at *timestamp_ms*."""

    timestamp_ms: int
    series: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the samples of one `append`, by count. They add up to what was given."""

    stored: int = 0
    duplicate: int = 0  # the same timestamp, another value: the first one stays
    repeated: int = 0  # the same timestamp and value: nothing to do
    too_old: int = 0  # before the head begins
    no_space: int = 0  # the disk is full, and so is the memory set aside for that


class Appendable(Protocol):
    """What can be written to, as the scrape loop sees it. Called from one thread at a time."""

    def series_ids(self, labels: Sequence[Labels]) -> NDArray[np.int64]:
        """Return the id of each label set, made where it is new."""

    def append(self, rows: Sequence[Row]) -> Appended:
        """Keep *rows*, all or none, durably before this returns (a kill -9 does not lose them)."""

    def describe(self, metadata: dict[str, tuple[str, str, str]]) -> None:
        """Keep (type, help, unit) of each metric family."""
