"""How long people waited for their servers: exactly, where each start is known.

A histogram knows only between which bounds a wait was; of one start of 5.6 s its median is 7.5 s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..activity import Activity

MOST = 10_000
"""Beyond as many starts the histogram is good enough."""


def quantiles_of_waits(
    activity: Activity, start: float, end: float, shares: Sequence[float]
) -> list[float] | None:
    """Return for each of *shares* the wait, in seconds, that so many did not exceed.

    None where nothing succeeded in the time, where there is too much, or some waits are not known.
    Raises `StoreError`.
    """
    spawns = activity.spawns(start, end, limit=MOST)
    good = [spawn.waited_seconds for spawn in spawns if spawn.outcome == "success"]
    waits = sorted(wait for wait in good if wait is not None)
    if not waits or len(waits) < len(good) or len(spawns) == MOST:
        return None
    return [waits[max(0, math.ceil(share * len(waits)) - 1)] for share in shares]
