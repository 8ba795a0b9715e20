"""A vector on its way: made tile by tile when somebody asks, never whole unless it has to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.label_table import LabelTable
from .bounds import RESULTS
from .evaluation import Evaluation
from .unique import IDENTITY, merge_equal, nameless
from .values import Vector
from .workers import Done

ALONE = 1 << 17
"""Below so many cells, a millisecond or two, a second thread is not worth waking."""

COLUMNS = 256
"""Series of a part that is cut out of a whole vector: as many as a tile has."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some series of a stream at some of its steps: a block that fits into the CPU's cache.

    *positions* (S,) are rows of the stream's labels, ascending; *values* are (p, S), p the length
    of *steps*; *present* is None where all are, and may be a broadcast view.
    """

    positions: NDArray[np.intp]
    steps: slice
    values: NDArray[np.float64]
    present: NDArray[np.bool_] | None = None


Task = Callable[[], Iterator[Part]]
"""Makes the parts of one tile. Tasks may run in any thread, each at most once at a time."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A vector of `labels.size` series, of which each task makes some. Can be read several times.

    A series is in one task only. Cells that no part covers are absent.
    """

    ctx: Evaluation
    labels: LabelTable
    tasks: Sequence[Task]
    cells: int
    """How many samples and results all tasks go through, about."""

    def share(self, work: Callable[[Iterator[Task]], Done]) -> list[Done]:
        """Return what *work* makes of the tasks in each lane; little work has one."""
        return self.ctx.workers.share(self.tasks, work, alone=self.cells < ALONE)

    def parts(self, tasks: Iterator[Task]) -> Iterator[Part]:
        """Yield the parts of *tasks*, checking the budget in between."""
        for task in tasks:
            for part in task():
                self.ctx.budget.check()
                yield part

    def map(self, change: Callable[[Part], Part]) -> Stream:
        """Return the stream with *change* applied to each part."""

        def changed(task: Task) -> Task:
            return lambda: map(change, task())

        tasks = [changed(task) for task in self.tasks]
        return Stream(self.ctx, self.labels, tasks, self.cells)

    def nameless(self) -> Stream:
        """Return the stream without metric names; series that come to be equal are merged.

        Raises `QueryError` where two of them have a sample at the same step.
        """
        labels = nameless(self.labels)
        if one_name(self.labels) or len(labels.group()[1]) == len(labels):
            return Stream(self.ctx, labels, self.tasks, self.cells)
        whole = self.collect()
        return of_vector(
            self.ctx, merge_equal(self.ctx, Vector(whole.of_labels(labels), *whole.cells))
        )

    def vector(self) -> Vector:
        """Return all of it at once, without the series that are absent at every step."""
        whole = self.collect()
        return Vector(whole.of_labels(self.labels), *whole.cells)

    def collect(self) -> Whole:
        """Compute all parts, in all threads, into one matrix."""
        shape = (len(self.ctx.steps), len(self.labels))
        self.ctx.budget.hold(9 * shape[0] * shape[1])
        stream = self
        if self.cells < ALONE:
            parts = list(self.parts(iter(self.tasks)))
            if len(parts) == 1 and parts[0].values.shape == shape:  # so it is with most rules
                return Whole.of_part(self.ctx, parts[0])
            stream = Stream(self.ctx, self.labels, [lambda: iter(parts)], 0)
        values, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)

        def fill(tasks: Iterator[Task]) -> None:
            for part in self.parts(tasks):
                where = (part.steps, columns(part.positions))
                values[where] = part.values
                present[where] = True if part.present is None else part.present

        stream.share(fill)
        return Whole.of(self.ctx, values, present)


@dataclass(frozen=True, slots=True)
class Whole:
    """A stream's matrix: *rows* are the series that have a sample, *cells* values and presence.

    All series have one where *rows* is None.
    """

    rows: NDArray[np.intp] | None
    cells: tuple[NDArray[np.float64], NDArray[np.bool_] | None]

    def of_labels(self, labels: LabelTable) -> LabelTable:
        """Return what of the stream's *labels* is left."""
        return labels if self.rows is None else labels.take(self.rows)

    @classmethod
    def of_part(cls, ctx: Evaluation, part: Part) -> Whole:
        """Take *part*, which is all that there is."""
        present = part.present
        if present is not None and present.shape != part.values.shape:
            present = np.broadcast_to(present, part.values.shape)
        return cls.of(ctx, part.values, present)

    @classmethod
    def of(
        cls, ctx: Evaluation, values: NDArray[np.float64], present: NDArray[np.bool_] | None
    ) -> Whole:
        """Leave out what is never present."""
        if present is None or present.all():
            return cls(None, (values, None))
        rows = np.flatnonzero(present.any(axis=0))
        if len(rows) < present.shape[1]:
            ctx.budget.hold(9 * len(values) * len(rows))
            values, present = values[:, rows], present[:, rows]
        return cls(rows, (values, None if present.all() else present))


def of_vector(ctx: Evaluation, vector: Vector) -> Stream:
    """Return *vector* as a stream, for what reads streams."""

    def cut(start: int) -> Task:
        chosen = slice(start, start + COLUMNS)
        positions = np.arange(*chosen.indices(len(vector.labels)))
        height = max(1, RESULTS // len(positions))

        def task() -> Iterator[Part]:
            for first in range(0, len(ctx.steps), height):
                steps = slice(first, min(first + height, len(ctx.steps)))
                present = None if vector.present is None else vector.present[steps, chosen]
                yield Part(positions, steps, vector.values[steps, chosen], present)

        return task

    starts = range(0, len(vector.labels), COLUMNS)
    return Stream(ctx, vector.labels, [cut(start) for start in starts], vector.values.size)


def one_name(labels: LabelTable) -> bool:
    """Whether all series have the same name, so that they differ in something else."""
    if len(labels) < 2:
        return True
    identity = [labels.columns[name] for name in IDENTITY if name in labels.columns]
    return all((column == column[0]).all() for column in identity)


def columns(positions: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return *positions*, which ascend, as a slice if they are one: assigning by it is faster."""
    if not len(positions) or positions[-1] - positions[0] != len(positions) - 1:
        return positions
    return slice(int(positions[0]), int(positions[-1]) + 1)
