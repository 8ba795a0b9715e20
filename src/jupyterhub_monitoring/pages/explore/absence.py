"""Why an expression that is right gives nothing: most often a name is not quite the metric's."""

from __future__ import annotations

import difflib

from ...querier import Querier
from .place import metrics

LONGEST = 100
"""Characters of a name that is said."""


async def absence(querier: Querier, expr: str) -> str:
    """Return a sentence on why *expr* gives nothing now. Raises what the querier raises."""
    found = await querier.metric_names()
    unknown = [name for name in metrics(expr) if name not in found.names]
    if not unknown or found.more:
        return "No series has a value at this moment."
    alike = difflib.get_close_matches(unknown[0], found.names, 1, 0.7)
    hint = f" Did you mean {alike[0][:LONGEST]}?" if alike else ""
    return f"There is no metric {unknown[0][:LONGEST]}.{hint}"
