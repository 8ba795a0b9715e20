"""Quantiles where no bucket of any histogram is absent: the usual case, several times as fast.

The answers are those of `histograms.py` to the last bit; what is not usual is left to it.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .buckets import Layout, Matrix
from .monotonic import TOLERANCE


def whole_quantiles(layout: Layout, steps: slice, asked: Matrix) -> Matrix | None:
    """Return the quantiles *asked* (P, 1) of the histograms (P, G) at some steps.

    They are right where *asked* is within 0 and 1. None where a bucket is absent, or counts are not
    finite or fall from one bucket to the next by more than rounding.
    """
    counts = layout.whole(steps)
    if counts is None or len(counts) < 2 or not np.isfinite(counts[-1]).all():
        return None
    if not _level(counts):
        return None
    return _quantiles(asked, layout.bounds, counts)


def _level(counts: list[Matrix]) -> bool:
    """Make the counts of a bucket those of the one below, where they differ by rounding only.

    False where they fall by more, or are no numbers.
    """
    for below, count in pairwise(counts):
        fall = below - count
        scale = np.abs(below)
        scale += np.abs(count)
        scale *= TOLERANCE
        if not ((fall < scale) | (fall <= 0)).all():
            return False
        np.copyto(count, below, where=fall > -scale)
    return True


def _quantiles(asked: Matrix, bounds: Matrix, counts: list[Matrix]) -> Matrix:
    """Interpolate in the first bucket whose count reaches the rank; *bounds* are (B, G)."""
    observations, histograms = counts[-1], bounds.shape[1]
    rank = asked * observations
    hit = np.zeros(rank.shape, dtype=np.intp)
    for count in counts[:-1]:
        hit += count < rank
    bound = np.take(bounds, hit * histograms + np.arange(histograms))
    lowest = np.zeros((1, histograms))
    start = np.take(np.concatenate([lowest, bounds]), hit * histograms + np.arange(histograms))
    stacked = np.concatenate([np.zeros((1, rank.size)), *(c.reshape(1, -1) for c in counts)])
    cells = hit.reshape(-1) * rank.size + np.arange(rank.size)
    below = np.take(stacked, cells).reshape(rank.shape)
    count = np.take(stacked, cells + rank.size).reshape(rank.shape)
    with np.errstate(all="ignore"):
        values: Matrix = start + (bound - start) * ((rank - below) / (count - below))
    np.copyto(values, bound, where=(hit == 0) & (bound <= 0))
    np.copyto(values, start, where=bound == np.inf)
    np.copyto(values, np.nan, where=(observations == 0) | np.isnan(asked))
    return values
