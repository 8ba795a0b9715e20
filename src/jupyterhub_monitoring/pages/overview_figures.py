"""The numbers at the top of the Overview."""

from __future__ import annotations

from ..dashboards import Unit
from .tiles import Figure

_FAILED = "sum(increase(jupyterhub_spawn_failure_total[$window]))"
_STARTED = "sum(increase(jupyterhub_spawn_success_total[$window]))"
_REQUESTS = "sum(increase(jupyterhub_request_duration_seconds_count[$window]))"
_FAILED_REQUESTS = (
    'sum(increase(jupyterhub_request_duration_seconds_count{code=~"5..",'
    'handler!~".*_monitoring[.]health[.].*"}[$window]))'
)
_WAITED = "sum by (le) (increase(jupyterhub_spawn_duration_seconds_bucket[$window]))"

WAITS = Figure(
    "spawn p50 / p95",
    Unit.SECONDS,
    (f"histogram_quantile(0.5, {_WAITED})", f"histogram_quantile(0.95, {_WAITED})"),
    "Half of the people wait less than the first, 19 of 20 less than the second.",
    href="activity",
)
FIGURES = (
    Figure(
        "servers run",
        Unit.COUNT,
        ("sum(jupyterhub_running_servers)",),
        "Servers that are ready, whether somebody works in them or not.",
        href="users",
    ),
    Figure(
        "starting or stopping",
        Unit.COUNT,
        ("sum(jupyterhub_pending_servers)",),
        "Servers that people wait for.",
        href="users",
    ),
    Figure(
        "active 24 h / 7 d / 30 d",
        Unit.COUNT,
        (
            'sum(jupyterhub_active_users{period="24h"})',
            'sum(jupyterhub_active_users{period="7d"})',
            'sum(jupyterhub_active_users{period="30d"})',
        ),
        "People who did something on the Hub in that time.",
        href="activity",
    ),
    Figure(
        "of spawns succeed",
        Unit.RATIO,
        (f"{_STARTED} / ({_STARTED} + ({_FAILED} or vector(0)) > 0)",),
        "Of those in the time that is looked at. Refusals by a limit are not counted.",
        href="activity",
        worse_below=0.95,
    ),
    WAITS,
    Figure(
        "of requests fail",
        Unit.RATIO,
        (f"({_FAILED_REQUESTS} or vector(0)) / ({_REQUESTS} > 0)",),
        "Requests to the Hub that ended in an error of its own (5xx).",
        href="checks",
        worse_above=0.01,
    ),
)
