"""A store of series in memory, for tests of what reads a store: any shape of tiles that there is.

Series of one *target* share their timestamps and stand in one tile; a series that has no sample
where another one of its target has is ABSENT there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jupyterhub_monitoring.store.label_table import LabelTable
from jupyterhub_monitoring.store.matcher import Matcher
from jupyterhub_monitoring.store.selection import (
    ABSENT,
    ABSENT_BITS,
    STALE,
    STALE_BITS,
    Selection,
    Tile,
    there,
)
from jupyterhub_monitoring.store.stretches import Falls, Stretches
from jupyterhub_monitoring.store.symbols import Symbols

Samples = Mapping[int, float | str]
"""Values by their timestamps in milliseconds; "stale" is a staleness marker."""

Name = str | tuple[tuple[str, str], ...]
"""A metric's name, or a whole label set."""


class MemoryTile:
    """Columns of a matrix; notes how many rows were read in `read`."""

    def __init__(
        self,
        positions: NDArray[np.intp],
        timestamps: NDArray[np.int64],
        values: NDArray[np.float64],
        *,
        flags: tuple[bool, bool] | None = None,
    ) -> None:
        self.positions, self.timestamps, self.values = positions, timestamps, values
        self.dense, self.ascending = flags or _flags(values)

    def rows(self, index: slice | NDArray[np.intp]) -> NDArray[np.float64]:
        if isinstance(index, slice):
            return self.values[index]
        return self.values.take(index, axis=0)

    def stretches(self, *, markers: bool) -> Stretches:
        return Stretches.of(self.values, there(self.values, markers=markers))

    def falls(self) -> Falls:
        return Falls.of(self.values)


def _flags(values: NDArray[np.float64]) -> tuple[bool, bool]:
    """Whether *values* are dense, and ascending in each series."""
    bits = values.view(np.int64)
    there = (bits != ABSENT_BITS) & (bits != STALE_BITS)
    ascending = all(
        not np.isnan(column[ok]).any() and bool((column[ok][1:] >= column[ok][:-1]).all())
        for column, ok in zip(values.T, there.T, strict=True)
    )
    return bool(there.all()), ascending


@dataclass
class Target:
    """Series that share *timestamps* (T,): *values* are (T, N)."""

    labels: list[dict[str, str]]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: dict[tuple[int, ...], tuple[bool, bool]] = field(default_factory=dict)


class MemoryStore:
    """A `Selectable` of *targets*, in tiles of at most *tile_series* series."""

    def __init__(self, targets: Sequence[Target] = (), *, tile_series: int = 256) -> None:
        self.symbols = Symbols()
        self.tile_series = tile_series
        self.targets: list[Target] = []
        self._table = LabelTable.of(self.symbols, [])
        for target in targets:
            self.add(target)

    @classmethod
    def of(
        cls,
        series: Mapping[Name, Samples] | Sequence[tuple[dict[str, str], Samples]],
        *,
        tile_series: int = 256,
    ) -> MemoryStore:
        """Return a store of one target: label sets, or metric names, with their samples."""
        pairs = series.items() if isinstance(series, Mapping) else series
        sets = [(_labels(labels), samples) for labels, samples in pairs]
        times = sorted({at for _, samples in sets for at in samples})
        values = np.full((len(times), len(sets)), ABSENT)
        where = {at: row for row, at in enumerate(times)}
        for column, (_, samples) in enumerate(sets):
            for at, value in samples.items():
                values[where[at], column] = STALE if value == "stale" else value
        timestamps = np.array(times, dtype=np.int64)
        target = Target([labels for labels, _ in sets], timestamps, values)
        return cls([target], tile_series=tile_series)

    def add(self, target: Target) -> None:
        """Keep the series of *target*."""
        for labels in target.labels:
            for value in labels.values():
                self.symbols.intern(value)
        self.targets.append(target)
        self._table = LabelTable.of(self.symbols, [s for t in self.targets for s in t.labels])

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        chosen = np.ones(sum(len(t.labels) for t in self.targets), dtype=np.bool_)
        for matcher in matchers:
            column, test = self._table.column(matcher.name), matcher.test()
            numbers = np.unique(column)
            fits = [n for n in numbers.tolist() if test(self.symbols.text(n))]
            chosen &= np.isin(column, fits)
        tiles: list[Tile] = []
        start = found = 0
        for target in self.targets:
            columns = np.flatnonzero(chosen[start : start + len(target.labels)])
            tiles += self._tiles(target, columns, found, start_ms, end_ms)
            start, found = start + len(target.labels), found + len(columns)
        return Selection(self._table.take(chosen), tiles)

    def _tiles(
        self,
        target: Target,
        columns: NDArray[np.intp],
        found: int,
        start_ms: int,
        end_ms: int,
    ) -> list[Tile]:
        low = int(np.searchsorted(target.timestamps, start_ms, side="left"))
        high = int(np.searchsorted(target.timestamps, end_ms, side="right"))
        times = target.timestamps[low:high]
        tiles: list[Tile] = []
        for first in range(0, len(columns), self.tile_series):
            part = columns[first : first + self.tile_series]
            positions = np.arange(found + first, found + first + len(part))
            values = np.ascontiguousarray(target.values[low:high, part])
            tiles.append(MemoryTile(positions, times, values))
        return tiles


def _labels(labels: Name | dict[str, str]) -> dict[str, str]:
    return {"__name__": labels} if isinstance(labels, str) else dict(labels)
