"""Where the series of a block have samples: stretches without a gap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Stretches:
    """Rows [start[i], stop[i]) of *column[i]* hold samples; the rows before and after do not.

    Sorted by column, then by row; arrays of shape (N,).
    """

    column: Rows
    start: Rows
    stop: Rows

    @classmethod
    def of(cls, there: Bools) -> Stretches:
        """Return the stretches of the cells (T, S) that are *there*."""
        rows, series = there.shape
        padded = np.zeros((series, rows + 2), dtype=np.bool_)
        padded[:, 1:-1] = there.T
        # Between two neighbours in memory; the first and last cell of a series are not there.
        flat = padded.reshape(-1)
        edges = np.flatnonzero(flat[1:] != flat[:-1])
        column, start = np.divmod(edges[::2], rows + 2)
        return cls(column, start, edges[1::2] - column * (rows + 2))

    @cached_property
    def follows(self) -> Bools:
        """Whether a stretch is of the same series as the one before it."""
        follows = np.zeros(len(self.column), dtype=np.bool_)
        np.equal(self.column[1:], self.column[:-1], out=follows[1:])
        return follows

    def gaps(self) -> tuple[Rows, Rows, Rows]:
        """Return the last row before each gap, the first row after it, and the series."""
        after = np.flatnonzero(self.follows)
        return self.stop[after - 1] - 1, self.start[after], self.column[after]
