"""A store in memory, for what writes: it keeps every row that it is given, and can fail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jupyterhub_monitoring.store.selection import STALE_BITS, Appended, Labels, Row


class MemoryAppendable:
    """`samples[labels]` is what a series got: {timestamp: value}, None for a staleness marker."""

    def __init__(self) -> None:
        self.labels: list[Labels] = []
        self.appends: list[list[Row]] = []
        self.metadata: dict[str, tuple[str, str, str]] = {}
        self.fails: Exception | None = None
        self._ids: dict[Labels, int] = {}
        self._samples: dict[int, dict[int, float]] = {}

    # --- Appendable -------------------------------------------------------------------------

    def series_ids(self, labels: Sequence[Labels]) -> NDArray[np.int64]:
        for one in labels:
            assert list(one) == sorted(one), "label sets are sorted"
            assert all(value for _, value in one), "an empty value is no label"
            if one not in self._ids:
                self._ids[one] = len(self.labels)
                self.labels.append(one)
        return np.array([self._ids[one] for one in labels], dtype=np.int64)

    def append(self, rows: Sequence[Row]) -> Appended:
        if self.fails is not None:
            raise self.fails
        stored = duplicate = repeated = 0
        for row in rows:
            assert len(np.unique(row.series)) == len(row.series), "a series once in a row"
            bits = row.values.view(np.int64)
            for series, value in zip(row.series.tolist(), bits.tolist(), strict=True):
                kept = self._samples.setdefault(series, {})
                if row.timestamp_ms not in kept:
                    kept[row.timestamp_ms] = value
                    stored += 1
                elif kept[row.timestamp_ms] == value:
                    repeated += 1
                else:
                    duplicate += 1
        self.appends.append(list(rows))
        return Appended(stored=stored, duplicate=duplicate, repeated=repeated)

    def describe(self, metadata: dict[str, tuple[str, str, str]]) -> None:
        self.metadata.update(metadata)

    # --- What a test asks -------------------------------------------------------------------

    def series(self, name: str, **labels: str) -> dict[int, float | None]:
        """The samples of the one series of this name that has (at least) these labels."""
        wanted = {("__name__", name), *labels.items()}
        found = [one for one in self._ids if wanted <= set(one)]
        assert len(found) == 1, f"{len(found)} series are {name} {labels}: {found}"
        return self._of(found[0])

    def names(self) -> set[str]:
        """The names of all series that were ever given an id."""
        return {dict(one)["__name__"] for one in self._ids}

    def values(self, name: str, **labels: str) -> list[float | None]:
        """The values of that series, oldest first."""
        return [value for _, value in sorted(self.series(name, **labels).items())]

    def last(self, name: str, **labels: str) -> float | None:
        return self.values(name, **labels)[-1]

    def _of(self, labels: Labels) -> dict[int, float | None]:
        return {
            at: None if bits == STALE_BITS else float(np.int64(bits).view(np.float64))
            for at, bits in self._samples.get(self._ids[labels], {}).items()
        }
