"""What one chooses above a dashboard, and the marks in all its plots."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..alerting.rules.pack import PackParameters
from ..dashboards import Dashboard
from ..promql.numbers import format_duration
from .deployment import Deployment
from .grafana_panel import DATASOURCE, EVENTS, Json
from .grafana_query import fitted

STEPS_MS = (60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000)
SCRAPES = 4
"""A step has no fewer scrapes in it: see `grafana_query`."""

_ON_TIME_RANGE, _ALPHABETICAL = 2, 1
_EVERY = {"selected": True, "text": ["All"], "value": ["$__all"]}


def variables(dashboard: Dashboard, deployment: Deployment) -> list[Json]:
    """Return the variables that *dashboard* needs."""
    return [
        _datasource(deployment.grafana.datasource),
        *(_namespace(deployment) if dashboard.foreign else _hubs(deployment.pack)),
        *_people(dashboard, deployment.pack),
        *_interval(dashboard, deployment.scrape_interval_ms),
    ]


def marks(dashboard: Dashboard, pack: PackParameters) -> list[Json]:
    """Return the marks: what people wrote, and each start of a Hub with its version."""
    of_people = {
        "name": "Annotations & Alerts",
        "type": "dashboard",
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
    }
    return [of_people] if dashboard.foreign else [of_people, _starts(pack)]


def _starts(pack: PackParameters) -> Json:
    """Return a mark at each time at which a Hub began: another version is another series of it."""
    began = fitted(
        'max by (instance) (process_start_time_seconds{job="jupyterhub"})'
        " * on (instance) group_left (version)"
        " max by (instance, version) (jupyterhub_hub_info) * 1000",
        pack,
    )
    return {
        "name": "Starts of the Hub",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": "purple",
        "expr": began,
        "useValueForTime": "on",
        "titleFormat": "The Hub started",
        "textFormat": f"JupyterHub {{{{version}}}} {{{{{pack.hub_label}}}}}",
        "tagKeys": "version",
        "step": "60s",
    }


def _datasource(uid: str) -> Json:
    chosen = {"current": {"selected": True, "text": uid, "value": uid}} if uid else {}
    return {
        "type": "datasource",
        "name": "datasource",
        "label": "Data source",
        "query": "prometheus",
        "includeAll": False,
        "multi": False,
        "options": [],
        **chosen,
    }


def _hubs(pack: PackParameters) -> Iterator[Json]:
    ours = f"{pack.prefix}_total_users|{pack.prefix}_monitoring_service_healthy"
    # All are those that have our metrics, not those of whatever else this Prometheus scrapes.
    yield _query("job", "Job", f'label_values({{__name__=~"{ours}"}}, job)', every="")
    users = f'{pack.prefix}_total_users{{job=~"$job"}}'
    yield _query("hub", "Hub", f"label_values({users}, {pack.hub_label})")


def _people(dashboard: Dashboard, pack: PackParameters) -> Iterator[Json]:
    places = frozenset[str]().union(*(panel.places for panel in dashboard.panels))
    if "username" in places:
        servers = fitted("jupyterhub_server_memory_bytes", pack)
        yield _query("user", "User", f"label_values({servers}, username)")
    if "server_name" in places:
        servers = fitted('jupyterhub_server_memory_bytes{username=~"$username"}', pack)
        yield _query("server", "Server", f"label_values({servers}, server_name)")


def _namespace(deployment: Deployment) -> Iterator[Json]:
    name = deployment.cluster.namespace
    yield {
        **_query("namespace", "Namespace", "label_values(kube_pod_info, namespace)"),
        "multi": False,
        "includeAll": False,
        "current": {"selected": True, "text": name, "value": name},
    }


def _query(name: str, label: str, query: str, *, every: str = ".*") -> Json:
    """Return a variable whose values are those of a label. Without a choice it is all of them.

    *every* is a regular expression for "all", which has series without the label, too; where it is
    empty Grafana takes the values that it found.
    """
    return {
        "type": "query",
        "name": name,
        "label": label,
        "hide": 0,
        "datasource": DATASOURCE,
        "query": {"qryType": 1, "query": query, "refId": f"variable-{name}"},
        "refresh": _ON_TIME_RANGE,
        "sort": _ALPHABETICAL,
        "multi": True,
        "includeAll": True,
        **({"allValue": every} if every else {}),
        "current": _EVERY,
        "options": [],
    }


def _interval(dashboard: Dashboard, scrape_interval_ms: int) -> Iterator[Json]:
    """Yield the shortest step of plots that count events, if there are such plots."""
    if not any(panel.kind in EVENTS for panel in dashboard.panels):
        return
    least = SCRAPES * scrape_interval_ms
    steps = [least] if least not in STEPS_MS and least > STEPS_MS[0] else []
    texts = [format_duration(step) for step in (*steps, *STEPS_MS) if step >= least]
    options: list[dict[str, Any]] = [
        {"selected": text == texts[0], "text": text, "value": text} for text in texts
    ]
    yield {
        "type": "interval",
        "name": "interval",
        "label": "Events in each",
        "query": ",".join(texts),
        "current": options[0],
        "options": options,
        "auto": False,
        "refresh": _ON_TIME_RANGE,
    }
