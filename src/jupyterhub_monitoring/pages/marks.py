"""What happened to the Hub, as marks on every plot of a page: restarts and new versions."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import numpy as np

from ..metrics.spec import PREFIX
from ..querier import Matrix, Querier, Span
from .period import Period

MOST = 50
STARTS = f"max by (instance) (process_start_time_seconds and on (job, instance) {PREFIX}_hub_info)"
"""Of the Hub, whatever its job is called."""

VERSIONS = f"count by (version) ({PREFIX}_hub_info)"


@dataclass(frozen=True, slots=True)
class Mark:
    """At *at*, in Unix seconds, *what* happened."""

    at: float
    what: str


async def marks(querier: Querier, period: Period) -> list[Mark]:
    """Return the marks of *period*, the latest `MOST`. Raises what the querier raises."""
    span = Span(period.start, period.end, period.step)
    starts, versions = await asyncio.gather(
        querier.range(STARTS, span), querier.range(VERSIONS, span)
    )
    found = _restarts(starts, period) + _upgrades(versions)
    return sorted(found, key=lambda mark: mark.at)[-MOST:]


def _restarts(starts: Matrix, period: Period) -> list[Mark]:
    times = {
        float(at) for line in starts.lines for at in np.unique(line.values[~np.isnan(line.values)])
    }
    return [Mark(at, "the Hub started") for at in times if period.start <= at <= period.end]


def _upgrades(versions: Matrix) -> list[Mark]:
    """Return when a version was seen first, but for what was there from the beginning."""
    found = []
    for line in versions.lines:
        seen = np.flatnonzero(~np.isnan(line.values))
        others = any(other is not line for other in versions.lines)
        if seen.size and seen[0] > 0 and others:
            version = line.labels.get("version", "")
            found.append(Mark(float(versions.times[seen[0]]), f"JupyterHub {version}"))
    return found
