"""Sums that keep what rounding takes away (Neumaier's), as Prometheus's do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DOUBTFUL = 1e-3
"""A plain sum that is smaller than this part of the sum of its magnitudes has cancelled.

Above, pairwise summation is right to about 1e-13.
"""


def add(total: Floats, lost: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Return (total, lost) with *value* added; what is infinite or NaN loses nothing."""
    with np.errstate(all="ignore"):
        new = total + value
        larger = np.abs(total) >= np.abs(value)
        rest = np.where(larger, (total - new) + value, (value - new) + total)
        return new, np.where(np.isfinite(new), lost + rest, 0.0)


def folded(values: Floats) -> Floats:
    """Return the sums along the first axis: halves are added to each other until one row is left.

    For few sums of many: as many turns as their number has bits. That of nothing is 0.
    """
    if not len(values):
        return np.zeros(values.shape[1:])
    total, lost = values, np.zeros(values.shape)
    while len(total) > 1:
        half = (len(total) + 1) // 2
        upper = len(total) - half  # of an odd number the one in the middle waits
        added, missing = add(total[:upper], lost[:upper] + lost[half:], total[half:])
        total = np.concatenate([added, total[upper:half]])
        lost = np.concatenate([missing, lost[upper:half]])
    return np.asarray(total[0] + lost[0])


def doubtful(total: Floats, magnitude: Floats) -> NDArray[np.bool_]:
    """Return where *total* may have lost digits, given the sum of the magnitudes."""
    with np.errstate(all="ignore"):
        return np.asarray(np.abs(total) < DOUBTFUL * magnitude)


def one_sign(values: Floats) -> bool:
    """Whether no two of *values* can cancel. Those with a NaN may be told to."""
    return not values.size or bool(values.min() >= 0 or values.max() <= 0)
