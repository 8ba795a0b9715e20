"""Which path is answered by which handler."""

from __future__ import annotations

from typing import Any

from .context import ApiContext
from .elsewhere import elsewhere
from .federate import Federate
from .handler import ApiHandler
from .lookups import LabelNames, LabelValues, MetricMetadata, Series
from .operations import Healthy, OwnMetrics, Ready, Unknown
from .query import InstantQuery, RangeQuery
from .query_text import Exemplars, FormatQuery, ParseQuery
from .rules import Alerts, Rules
from .status import BuildInfo, Flags, RuntimeInfo, TsdbStatus
from .targets import Targets

HANDLERS: tuple[type[ApiHandler], ...] = (
    InstantQuery,
    RangeQuery,
    Exemplars,
    FormatQuery,
    ParseQuery,
    LabelNames,
    LabelValues,
    Series,
    MetricMetadata,
    Targets,
    Rules,
    Alerts,
    BuildInfo,
    RuntimeInfo,
    TsdbStatus,
    Flags,
    Federate,
    Healthy,
    Ready,
    OwnMetrics,
)
"""Every endpoint; its class says its path."""

Route = tuple[str, type[ApiHandler], dict[str, Any]]


def handlers(context: ApiContext, prefix: str = "", series_at: str = "") -> list[Route]:
    """Return the routes below *prefix*, which may end with a slash or not.

    Below `/api/` whatever is unknown is answered, too; elsewhere others may add their pages.
    *series_at* is where the series are, if that is not here.
    """
    below, arguments = prefix.rstrip("/"), {"context": context}
    known: list[Route] = [
        (
            below + handler.endpoint.replace(":name", "([^/]+)") + "$",
            elsewhere(handler, series_at) if series_at else handler,
            arguments,
        )
        for handler in HANDLERS
    ]
    return [*known, (f"{below}/api/.*", Unknown, arguments)]
