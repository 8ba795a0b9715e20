"""Samples in bulk, as import hands them to the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from .selection import Appended, Labels, Row


@dataclass(frozen=True, slots=True)
class Samples:
    """*values[i]* of series *series[i]* at *timestamps[i]*; arrays of shape (N,).

    Sorted by series, then timestamp. The same series and timestamp may come twice: the first
    one counts. STALE is a value here; ABSENT is not.
    """

    series: NDArray[np.int64]
    timestamps: NDArray[np.int64]  # milliseconds
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.series)

    @classmethod
    def sorted(
        cls,
        series: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> Samples:
        """Return these samples in order."""
        order = np.lexsort((timestamps, series))
        return cls(series[order], timestamps[order], values[order])

    def rows(self) -> list[Row]:
        """Return the samples of each instant, by time."""
        order = np.argsort(self.timestamps, kind="stable")
        times = self.timestamps[order]
        parts = np.split(order, np.flatnonzero(np.diff(times)) + 1)
        return [
            Row(int(self.timestamps[part[0]]), self.series[part], self.values[part])
            for part in parts
        ]


class Importable(Protocol):
    """What samples of any age can be put into."""

    def series_ids(self, labels: Sequence[Labels]) -> NDArray[np.int64]:
        """Return the id of each label set, made where it is new."""

    def import_samples(self, samples: Samples) -> Appended:
        """Keep *samples*, all of one block, durably before this returns.

        Into the pages of a block that is sealed, or in which nothing is yet; into the head where
        the block is there. What is there already stays as it is.
        """

    def describe(self, metadata: dict[str, tuple[str, str, str]]) -> None:
        """Keep (type, help, unit) of each metric family."""
