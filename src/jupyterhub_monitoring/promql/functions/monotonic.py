"""Cumulative counts that fall from one bucket to the next: made level, and told about.

Scrapes that race with observations, and sums of rates, give such counts. A difference within
rounding is removed silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from numpy.typing import NDArray

from ..go_format import format_general
from .buckets import Bools, Histograms, Matrix

TOLERANCE = 1e-12
"""Counts that differ by less, relative to their sum, are the same (Prometheus's figure)."""


@dataclass(slots=True)
class Correction:
    """What had to be made level, over all steps and histograms of a query."""

    samples: int = 0  # histograms, counted at each step
    first_ms: int = 0
    last_ms: int = 0
    lowest_bound: float = np.inf
    highest_bound: float = -np.inf
    largest_fall: float = 0.0

    def bucket(self, fallen: Bools, bound: Matrix, fall: Matrix) -> None:
        """Note that counts *fallen* (P, G) were less by *fall* at the buckets of *bound* (G,)."""
        bounds = bound[np.logical_or.reduce(fallen, axis=0)]
        self.lowest_bound = min(self.lowest_bound, float(bounds.min()))
        self.highest_bound = max(self.highest_bound, float(bounds.max()))
        self.largest_fall = max(self.largest_fall, float(fall[fallen].max()))

    def histograms(self, fallen: Bools, times: NDArray[np.int64]) -> None:
        """Note which histograms that was about (P, G), at later *times* (P,) than before."""
        when = times[np.logical_or.reduce(fallen, axis=1)]
        if not self.samples:
            self.first_ms = int(when[0])
        self.last_ms = int(when[-1])
        self.samples += int(np.count_nonzero(fallen))

    def __str__(self) -> str:
        return (
            f"from buckets {format_general(self.lowest_bound)} to "
            f"{format_general(self.highest_bound)}, with a max diff of {self.largest_fall:.2g}, "
            f"over {self.samples} samples from {_rfc3339(self.first_ms)} "
            f"to {_rfc3339(self.last_ms)}"
        )


def made_monotonic(
    histograms: Histograms, valid: Bools, times: NDArray[np.int64], correction: Correction
) -> list[Matrix]:
    """Return each bucket's counts (P, G), none below the one before; note in *correction*.

    Where a bucket is absent, its counts are those of the bucket before. Only what is *valid* is
    noted.
    """
    counts: list[Matrix] = []
    known = np.zeros(valid.shape, dtype=np.bool_)
    before = np.zeros(valid.shape)
    wrong = np.zeros(valid.shape, dtype=np.bool_)
    for bucket in histograms.buckets:
        with np.errstate(all="ignore"):
            fall = before - bucket.count
            scale = TOLERANCE * (np.abs(before) + np.abs(bucket.count))
            level = known & (fall > -scale)  # or within rounding: the count before stands
            fallen = level & (fall >= scale) & (fall > 0) & bucket.there & valid
        if fallen.any():
            correction.bucket(fallen, bucket.bound, fall)
            wrong |= fallen
        before = np.where(level | ~bucket.there, before, bucket.count)
        known |= bucket.there
        counts.append(before)
    if wrong.any():
        correction.histograms(wrong, times)
    return counts


def _rfc3339(milliseconds: int) -> str:
    whole = datetime.fromtimestamp(milliseconds // 1000, tz=timezone.utc)
    return whole.strftime("%Y-%m-%dT%H:%M:%SZ")
