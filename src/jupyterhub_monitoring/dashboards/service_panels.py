"""Panels of the monitoring itself, and of the Hub's health checks."""

from __future__ import annotations

from .panel import Curve, Panel, Tone
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
    (Curve('max(process_resident_memory_bytes{job="jupyterhub-monitoring"})', "memory"),),
)
SAMPLES = Panel(
    "samples",
    "How many samples are kept",
    "Per second. A step up is a new target or new series.",
    Unit.PER_SECOND,
    (Curve("sum(rate(jupyterhub_monitoring_samples_appended_total[$window]))", "samples"),),
)
