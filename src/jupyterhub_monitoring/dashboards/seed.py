"""The page's `DASHBOARD_METRICS` and `generate_grafana_queries()`: views of the panels.

See docs/reference/seed.md for what is different here from the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from . import hub_panels as hub
from . import people_panels as people
from . import request_panels as requests
from . import spawn_panels as spawns
from .panel import Panel

WINDOW = "5m"
"""The range of the page's rates."""

_METRIC = re.compile(r"\bjupyterhub_\w+")
_PART = re.compile(r"_(bucket|sum|count)$")

_GROUPS: dict[str, tuple[Panel, ...]] = {
    "user_metrics": (people.TOTAL_USERS, hub.ACTIVE_USERS, people.USER_LOGINS, hub.LOGINS),
    "server_metrics": (hub.SERVERS, hub.SPAWN_DURATIONS, hub.SPAWN_OUTCOMES, hub.SPAWN_PHASES),
    "performance_metrics": (hub.REQUESTS, requests.API_REQUESTS, hub.RESPONSE_TIME, hub.LOOP),
    "system_metrics": (hub.MEMORY, hub.CPU, hub.DISK),
}
_QUERIES = {
    "active_users_24h": hub.ACTIVE_USERS,
    "average_spawn_time": spawns.SPAWN_TIME,
    "server_success_rate": spawns.SPAWN_SUCCESS,
    "api_request_rate": requests.API_REQUESTS,
}


def metrics_of(panels: Sequence[Panel]) -> list[str]:
    """Return the metrics that *panels* ask for, each once; histograms without their endings."""
    found = (
        _PART.sub("", name)
        for panel in panels
        for curve in panel.curves
        for name in _METRIC.findall(curve.expr)
    )
    return list(dict.fromkeys(found))


DASHBOARD_METRICS: dict[str, list[str]] = {
    group: metrics_of(panels) for group, panels in _GROUPS.items()
}
"""Which metrics the dashboards draw, by what they are about."""


def generate_grafana_queries() -> dict[str, str]:
    """Return the page's four queries: each the first of a panel, over five minutes."""
    return {name: panel.curves[0].query({"window": WINDOW}) for name, panel in _QUERIES.items()}
