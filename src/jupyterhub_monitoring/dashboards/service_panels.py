"""Panels of the monitoring itself, and of the Hub's health checks."""

from __future__ import annotations

from .panel import Curve, Kind, Panel, Tone
from .unit import Unit

HEALTH_DURATION = Panel(
    "health-duration",
    "How long the health checks take",
    "A check that takes longer and longer is the part that fails next.",
    Unit.SECONDS,
    (Curve("max by (check) (jupyterhub_health_check_duration_seconds)", "{{check}}"),),
)
SCRAPE_DURATION = Panel(
    "scrape-duration",
    "How long a scrape takes",
    "Over the interval, samples are missing. A slow Hub answers slowly here, too.",
    Unit.SECONDS,
    (Curve("max by (job, instance) (scrape_duration_seconds)", "{{job}} {{instance}}"),),
)
STORE_SIZE = Panel(
    "store-size",
    "How large the store is",
    "At the dashed line the oldest samples are deleted to make room.",
    Unit.BYTES,
    (
        Curve("max(jupyterhub_monitoring_store_size_bytes)", "on disk"),
        Curve("max(jupyterhub_monitoring_store_limit_bytes)", "limit", Tone.LIMIT),
    ),
)
STORE_SERIES = Panel(
    "store-series",
    "How many series are kept",
    "Each server and each label value makes new ones. A line that climbs without end is a metric"
    " whose label holds something that is different each time.",
    Unit.COUNT,
    (Curve("max(jupyterhub_monitoring_store_series)", "series"),),
)
QUERIES = Panel(
    "queries",
    "How long queries take",
    "Pages and rules ask together. Slow ones are long ranges over many series.",
    Unit.SECONDS,
    (
        Curve(
            "histogram_quantile(0.95,"
            " sum by (le) (rate(jupyterhub_monitoring_query_duration_seconds_bucket[$window])))",
            "19 of 20 are faster",
        ),
    ),
)
RULES = Panel(
    "rule-duration",
    "How long a group of rules takes",
    "Longer than its interval means that alerts come late.",
    Unit.SECONDS,
    (
        Curve(
            "histogram_quantile(0.95, sum by (le)"
            " (rate(jupyterhub_monitoring_rule_group_duration_seconds_bucket[$window])))",
            "19 of 20 evaluations are faster",
        ),
    ),
)
NOTIFICATIONS = Panel(
    "notifications",
    "How many messages wait",
    "A message waits while its receiver does not take it. It is tried again until it is too old.",
    Unit.COUNT,
    (Curve("sum(jupyterhub_monitoring_notifications_queued)", "waiting", Tone.BAD),),
)
OWN_MEMORY = Panel(
    "own-memory",
    "What the monitoring itself takes",
    "Memory of the service's process.",
    Unit.BYTES,
    (
        Curve(
            "max(process_resident_memory_bytes"
            " and on (job, instance) jupyterhub_monitoring_service_build_info)",
            "memory",
        ),
    ),
)
SAMPLES = Panel(
    "samples",
    "How many samples are kept",
    "Per second. A step up is a new target or new series.",
    Unit.PER_SECOND,
    (Curve("sum(rate(jupyterhub_monitoring_samples_appended_total[$window]))", "samples"),),
)
COLLECTIONS = Panel(
    "collections",
    "How long the Hub's own counting takes",
    "Off the Hub's event loop, in a thread. Seconds are a slow database.",
    Unit.SECONDS,
    (
        Curve(
            "sum by (collector) (rate(jupyterhub_monitoring_collect_duration_seconds_sum[$window]))"
            " / (sum by (collector)"
            " (rate(jupyterhub_monitoring_collect_duration_seconds_count[$window])) > 0)",
            "{{collector}}",
        ),
    ),
)
LOOKS = Panel(
    "looks",
    "How long a look at all servers takes",
    "At what each server uses. Over c.MonitoringUsage's interval, looks are left out.",
    Unit.SECONDS,
    (
        Curve(
            "histogram_quantile(0.95, sum by (le)"
            " (rate(jupyterhub_usage_round_duration_seconds_bucket[$window])))",
            "19 of 20 looks are faster",
        ),
    ),
)
LOST = Panel(
    "lost",
    "What the monitoring lost or could not do",
    "Everything here is zero on a good day. The status page and the service's log say what it was.",
    Unit.COUNT,
    (
        Curve(
            "sum(increase(jupyterhub_monitoring_instrumentation_errors_total[$events])) * $scale",
            "errors of ours inside the Hub",
            Tone.BAD,
        ),
        Curve(
            "sum(increase(jupyterhub_monitoring_samples_dropped_total[$events])) * $scale",
            "samples not kept",
        ),
        Curve(
            "sum(increase(jupyterhub_monitoring_series_dropped_total[$events])) * $scale",
            "observations not counted",
        ),
        Curve(
            "sum(increase(jupyterhub_monitoring_events_dropped_total[$events])) * $scale",
            "events not told",
        ),
        Curve(
            "sum(increase(jupyterhub_monitoring_activity_events_lost_total[$events])) * $scale",
            "events lost",
        ),
        Curve(
            "sum(increase(jupyterhub_monitoring_rule_evaluation_failures_total[$events]))"
            " * $scale > 0",
            "rules that failed",
        ),
        Curve(
            "sum(increase(jupyterhub_monitoring_notifications_given_up_total[$events]))"
            " * $scale > 0",
            "messages given up",
        ),
    ),
    Kind.BARS,
)
