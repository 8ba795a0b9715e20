"""Every metric of rules, alerts and notifications; all of the monitoring service's process."""

from __future__ import annotations

from .declare import SECONDS_BUCKETS
from .instruments import Counter, Gauge, Histogram
from .service_catalogue import declare_service
from .spec import Kind, Label, MetricSpec


def _counter(name: str, documentation: str, *labels: Label) -> Counter:
    return declare_service(
        Counter, MetricSpec(f"monitoring_{name}", Kind.COUNTER, documentation, labels)
    )


def _gauge(name: str, documentation: str, *labels: Label) -> Gauge:
    return declare_service(
        Gauge, MetricSpec(f"monitoring_{name}", Kind.GAUGE, documentation, labels)
    )


def _seconds(name: str, documentation: str, *labels: Label) -> Histogram:
    spec = MetricSpec(
        f"monitoring_{name}", Kind.HISTOGRAM, documentation, labels, tuple(SECONDS_BUCKETS)
    )
    return declare_service(Histogram, spec)


GROUP = Label("rule_group")
RECEIVER = Label("receiver")

# --- Rules -----------------------------------------------------------------------------------

RULE_EVALUATIONS = _counter("rule_evaluations_total", "Rules that were evaluated.", GROUP)
RULE_FAILURES = _counter("rule_evaluation_failures_total", "Rules whose evaluation failed.", GROUP)
RULE_ITERATIONS_MISSED = _counter(
    "rule_group_iterations_missed_total",
    "Evaluations of a group left out because the one before was not done.",
    GROUP,
)
RULE_GROUP_SECONDS = _seconds(
    "rule_group_duration_seconds", "Time to evaluate all rules of a group once."
)
RULE_GROUP_LAST = _gauge(
    "rule_group_last_evaluation_timestamp_seconds", "When a group was evaluated last.", GROUP
)
RULES_LOADED = _gauge("rules", "Rules in force, by kind.", Label("kind", ("alerting", "recording")))
RULES_RELOAD_OK = _gauge(
    "rules_last_reload_successful", "1 when the rule files on disk are in force, 0 when not."
)

# --- Alerts ----------------------------------------------------------------------------------

ALERTS = _gauge("alerts", "Alerts of our rules by state.", Label("state", ("pending", "firing")))
ALERTS_DROPPED = _counter(
    "alerts_dropped_total", "Alerts above the limit of one name, of which nobody is told."
)
SILENCES = _gauge(
    "silences", "Silences by state.", Label("state", ("active", "pending", "expired"))
)

# --- Notifications ---------------------------------------------------------------------------

NOTIFICATIONS = _counter("notifications_total", "Messages that a receiver took.", RECEIVER)
NOTIFICATIONS_FAILED = _counter(
    "notifications_failed_total", "Attempts to deliver a message that failed.", RECEIVER
)
NOTIFICATIONS_GIVEN_UP = _counter(
    "notifications_given_up_total", "Messages that were not delivered in time.", RECEIVER
)
NOTIFICATION_SECONDS = _seconds(
    "notification_duration_seconds", "Time of one attempt to deliver a message."
)
NOTIFICATIONS_QUEUED = _gauge("notifications_queued", "Messages that wait to be delivered.")
NOTIFICATIONS_OLDEST = _gauge(
    "notifications_oldest_seconds", "Age of the oldest message that waits; 0 when none does."
)
ALERTMANAGER_SENDS = _counter(
    "alertmanager_sent_total", "Alerts handed to an Alertmanager.", Label("alertmanager")
)
ALERTMANAGER_FAILURES = _counter(
    "alertmanager_failed_total", "Requests to an Alertmanager that failed.", Label("alertmanager")
)
ALERTMANAGER_DROPPED = _counter(
    "alertmanager_dropped_total",
    "Alerts that an Alertmanager was not told of: it refused them, or too many waited.",
    Label("alertmanager"),
)
