"""Selectors: which samples of which series a step sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable
from ..store.selection import STALE_BITS, Tile, there
from .ast import At, RangeSelector, Selector
from .bounds import BlockSize, Bounds, BoundsCache, size_of
from .broken import Reads, computed
from .evaluation import Evaluation, labels_size
from .gaps import Gaps
from .stream import Part, Stream, Task
from .tile_rows import TileRows
from .window import Bools, Floats, Spans, Window

RAW_BYTES = 40
"""Of a sample of a range that is asked for as such: as read, whether it is one, as given."""

Steps = slice | NDArray[np.intp]
Found = tuple[Floats, "Bools | None"]

Look = Callable[[Window, Steps], Found]
"""Gives (p, S) values and presence of a block's windows; *steps* are where they end."""


@dataclass(frozen=True, slots=True)
class Source:
    """Samples to look at through windows of *range_ms*, of which step p's ends at `ends[p]`."""

    ctx: Evaluation
    labels: LabelTable
    tiles: list[Tile]
    ends: NDArray[np.int64]
    range_ms: int

    def stream(self, look: Look, *, reads: Reads, markers: bool = False) -> Stream:
        """Return what *look*, which *reads* so much of each window, makes of all blocks.

        *markers*: it takes staleness markers for samples.
        """
        cache = BoundsCache(self.ends, self.range_ms)
        size = BlockSize.within(self.ctx.budget.limits.max_memory_bytes)

        def task_of(tile: Tile) -> Task:
            def task() -> Iterator[Part]:
                bounds = cache.of(tile.timestamps)
                gaps = Gaps(tile, self.ctx.budget, markers, reads is Reads.ENDS)
                for steps in bounds.blocks(len(tile.positions), size):
                    for positions, window in self._windows(tile, bounds, steps, size, gaps):
                        for columns, found in computed(look, window, steps, reads):
                            mine = positions if columns is None else positions[columns]
                            yield Part(mine, steps, *found)
                gaps.release()

            return task

        steps = len(self.ctx.steps)
        cells = sum(len(t.positions) * (len(t.timestamps) + steps) for t in self.tiles)
        return Stream(self.ctx, self.labels, [task_of(tile) for tile in self.tiles], cells)

    def samples(self) -> Iterator[tuple[int, NDArray[np.int64], Floats]]:
        """Yield (row of the labels, timestamps, values) of each series in the first step's window.

        For an instant query of a range.
        """
        cache = BoundsCache(self.ends[:1], self.range_ms)
        for tile in self.tiles:
            found = cache.of(tile.timestamps)
            low, high = int(found.low[0]), int(found.high[0])
            self.ctx.budget.hold(RAW_BYTES * (high - low) * len(tile.positions))
            rows = TileRows(self.ctx.budget, tile, low, high).whole
            valid = there(rows, markers=False)
            for column in np.flatnonzero(valid.any(axis=0)).tolist():
                self.ctx.budget.check()
                chosen = valid[:, column]
                times = tile.timestamps[low:high][chosen]
                yield int(tile.positions[column]), times, rows[chosen, column]

    def _windows(
        self, tile: Tile, bounds: Bounds, steps: slice, size: BlockSize, gaps: Gaps
    ) -> Iterator[tuple[NDArray[np.intp], Window]]:
        """Yield which series, and their windows at *steps*.

        All of a tile at once, unless there are gaps or a long window.
        """
        budget = self.ctx.budget
        low, high = bounds.low[steps], bounds.high[steps]
        start, stop = int(low[0]), int(high[-1])
        if start == stop:
            return
        spans = Spans(
            tile.timestamps[start:stop],
            low - start,
            high - start,
            self.ends[steps],
            self.ctx.steps[steps],
            self.range_ms,
        )
        rows, series = TileRows(budget, tile, start, stop), len(tile.positions)
        width = max(1, size.samples // (stop - start))
        for first in range(0, series, width):
            columns = slice(first, min(first + width, series))
            count = columns.stop - columns.start
            taken = size_of(stop - start, len(low), count)
            budget.hold(taken)
            positions = tile.positions[columns]
            read = rows.read if count == series else partial(rows.columns, columns)
            if tile.dense:
                window = Window(spans, count, read, ascending=tile.ascending, check=budget.check)
                yield positions, window
            else:
                for chosen, window in gaps.windows(slice(start, stop), columns, spans, read):
                    yield positions[chosen], window
            budget.hold(-taken)
        rows.release()


def window_ends(ctx: Evaluation, at: At | None, offset_ms: int) -> NDArray[np.int64]:
    """Return where the windows of all steps end, given a selector's `@` and offset."""
    if at is None:
        return ctx.steps - offset_ms
    bounds = {"start": ctx.start_ms, "end": ctx.end_ms}
    fixed = bounds[at.bound] if at.bound else at.timestamp_ms
    return np.full(len(ctx.steps), (fixed or 0) - offset_ms, dtype=np.int64)


def source(ctx: Evaluation, selector: Selector, range_ms: int) -> Source:
    """Select the series of *selector*, and what its windows of *range_ms* can reach."""
    ends = window_ends(ctx, selector.at, selector.offset_ms)
    ctx.budget.check()
    selection = ctx.storage.select(selector.matchers, int(ends[0]) - range_ms + 1, int(ends[-1]))
    labels = LabelTable(ctx.symbols, selection.labels.columns, selection.labels.size)
    ctx.budget.hold(labels_size(labels))
    return Source(ctx, labels, list(selection.tiles), ends, range_ms)


def range_source(ctx: Evaluation, node: RangeSelector) -> Source:
    """Return the samples of `selector[range]`."""
    return source(ctx, node.selector, node.range_ms)


def instant(ctx: Evaluation, node: Selector) -> Stream:
    """Return each series' newest sample in the lookback; none where it is a staleness marker."""
    return source(ctx, node, ctx.lookback_ms).stream(_newest, markers=True, reads=Reads.ENDS)


def sample_times(ctx: Evaluation, node: Selector) -> Stream:
    """Return the time of each series' newest sample, in seconds: `timestamp(selector)`."""

    def look(window: Window, steps: Steps) -> Found:
        values, present = _newest(window, steps)
        return np.broadcast_to(window.time(window.last) / 1000, values.shape), present

    return source(ctx, node, ctx.lookback_ms).stream(look, markers=True, reads=Reads.ENDS)


def _newest(window: Window, _steps: Steps) -> Found:
    values, present = window.last_values, window.present()
    if np.isnan(values).any():
        fresh = values.view(np.int64) != STALE_BITS
        present = fresh if present is None else present & fresh
    return values, present
