"""Every metric, declared once. The reference page, the tests and later the rules read this.

Names are without their prefix (`jupyterhub_`, or `JUPYTERHUB_METRICS_PREFIX`). Those of the page
in `docs/reference/seed.md` keep the page's spelling.
"""

from __future__ import annotations

from . import labels as known
from .declare import SPAWN_BUCKETS, counter, gauge, histogram
from .instruments import Limits
from .labels import AUTHENTICATOR, SERVER_NAME, SPAWNER_CLASS, USER, USERNAME
from .spec import Kind, Label, MetricSpec

# --- The Hub's own, which we keep true -------------------------------------------------------

STOCK = (
    MetricSpec(
        "total_users", Kind.GAUGE, "Users in the Hub's database, counted there.", from_hub=True
    ),
    MetricSpec(
        "running_servers",
        Kind.GAUGE,
        "Servers that are ready, counted at each scrape (a stock Hub shows -1 after a failed"
        " spawn).",
        from_hub=True,
    ),
    MetricSpec(
        "active_users",
        Kind.GAUGE,
        "Users active within the period, counted at the collector's pace instead of hourly.",
        (Label("period", ("24h", "7d", "30d")),),
        from_hub=True,
    ),
    MetricSpec(
        "request_duration_seconds",
        Kind.HISTOGRAM,
        "Duration of every request to the Hub, streams included.",
        (Label("method"), Label("handler"), Label("code")),
        from_hub=True,
    ),
)

# --- Servers ---------------------------------------------------------------------------------

PENDING_SERVERS = gauge("pending_servers", "Servers that are being started or stopped.")
SERVERS = gauge(
    "servers",
    "Servers by what they are doing, counted at each scrape.",
    [Label.of("state", known.ServerState)],
)
SERVER_EXITS = counter(
    "server_exits_total",
    "Servers that ended, by who or what ended them. A spawn that failed is not an exit.",
    [Label.of("cause", known.ExitCause)],
)

# --- Requests --------------------------------------------------------------------------------

REQUEST_COUNT = counter(
    "request_count_total",
    "HTTP requests that the Hub answered.",
    ["method", "handler", "code"],
)
HUB_RESPONSE_DURATION_SECONDS = histogram(
    "hub_response_duration_seconds",
    "Time until the Hub answered, without streams that stay open (spawn progress).",
)
API_REQUEST_DURATION_SECONDS = histogram(
    "api_request_duration_seconds",
    "Time until the Hub's REST API answered; endpoint is the route's template.",
    ["method", "endpoint", "status"],
)

# --- Logins ----------------------------------------------------------------------------------

LOGIN_SUCCESS = counter("login_success_total", "Logins that succeeded.")
LOGIN_FAILURE = counter(
    "login_failure_total", "Logins that did not succeed: denied, or an error in the authenticator."
)
LOGIN_ATTEMPTS = counter(
    "login_attempts_total",
    "Login attempts by outcome; an exception in the authenticator is an error, not a denial.",
    [AUTHENTICATOR, Label.of("outcome", known.LoginOutcome)],
)
USER_LOGIN_COUNTER = counter(
    "user_login_total", "Logins that succeeded, per user.", [USERNAME, AUTHENTICATOR]
)

# --- Spawns ----------------------------------------------------------------------------------

SPAWN_DURATION_SECONDS = histogram(
    "spawn_duration_seconds",
    "Successful spawns as the user waits for them: from the request to the proxy's route.",
    [SPAWNER_CLASS],
    SPAWN_BUCKETS,
)
SPAWN_SUCCESS = counter("spawn_success_total", "Spawns that succeeded.", [SPAWNER_CLASS])
SPAWN_FAILURE = counter(
    "spawn_failure_total",
    "Spawns that failed, by why: a known reason, or the exception's class name. Goes on over"
    " restarts of the Hub.",
    [SPAWNER_CLASS, Label.of("error_type", known.ErrorType)],
)
SPAWN_REFUSED = counter(
    "spawn_refused_total",
    "Spawns that were refused by a limit or a policy. Refusal is not failure.",
    [Label.of("reason", known.RefusalReason)],
)
SPAWN_PHASE_DURATION_SECONDS = histogram(
    "spawn_phase_duration_seconds",
    "Where the time of a spawn goes. A spawn that fails counts in the phases that it reached.",
    [Label.of("phase", known.SpawnPhase), SPAWNER_CLASS],
    SPAWN_BUCKETS,
)
NOTEBOOK_LAUNCH_DURATION = histogram(
    "notebook_launch_duration_seconds",
    "Time from the request to the end of the launch, per user, success and failure alike.",
    [USERNAME, Label("spawner_type")],
    (1, 5, 15, 60, 300),
)
SPAWN_LIMIT = gauge(
    "spawn_limit", "Spawns that may be pending at once (concurrent_spawn_limit); 0: no limit."
)
ACTIVE_SERVER_LIMIT = gauge(
    "active_server_limit", "Servers that may be active at once (active_server_limit); 0: no limit."
)
SPAWN_CONSECUTIVE_FAILURES = gauge(
    "spawn_consecutive_failures", "Spawns that failed in a row, as the Hub counts them."
)
SPAWN_CONSECUTIVE_FAILURE_LIMIT = gauge(
    "spawn_consecutive_failure_limit",
    "Failures in a row at which the Hub exits (consecutive_failure_limit); 0: never.",
)

# --- The machine or container that the Hub lives in --------------------------------------------

HUB_MEMORY_USAGE_BYTES = gauge(
    "hub_memory_usage_bytes",
    "Memory in use in what bounds the Hub: its container's cgroup, else the machine.",
)
HUB_MEMORY_TOTAL_BYTES = gauge(
    "hub_memory_total_bytes",
    "Memory that there is in what bounds the Hub: the cgroup's limit, else the machine's.",
)
HUB_CPU_USAGE_PERCENT = gauge(
    "hub_cpu_usage_percent",
    "CPU in use since the last collection, of what bounds the Hub; 100 is all of it.",
)

# --- What servers use ------------------------------------------------------------------------

RESOURCE_USAGE = gauge(
    "resource_usage",
    "What is in use now: cpu in cores, memory and gpu_memory in bytes of each server, disk in bytes"
    " of each user's home (with an empty server_name). The service shows it of all servers, the Hub"
    " of those for which update_resource_metrics() is called.",
    [Label("resource_type"), USERNAME, SERVER_NAME],
)

# --- The operator's own events ------------------------------------------------------------------

CUSTOM_COUNTER = counter(
    "custom_events_total", "Events recorded by record_custom_event().", ["event_type", USER]
)
CUSTOM_GAUGE = gauge(
    "custom_resource_usage", "Values set by update_custom_gauge().", ["resource_type", USER]
)
CUSTOM_HISTOGRAM = histogram(
    "custom_operation_duration_seconds",
    "Operations timed by time_custom_operation().",
    ["operation", Label.of("status", known.OperationStatus)],
)

# --- Health ----------------------------------------------------------------------------------

HEALTH_CHECK_STATUS = gauge(
    "health_check_status", "The last result: 1 ok, 0.5 warning, 0 failing.", ["check"]
)
HEALTH_CHECK_DURATION_SECONDS = gauge(
    "health_check_duration_seconds", "How long the last run of the check took.", ["check"]
)
HEALTH_CHECK_LAST_RUN = gauge(
    "health_check_last_run_timestamp_seconds", "When the check ran last, Unix time.", ["check"]
)

STUCK_SERVERS = gauge(
    "stuck_servers",
    "Servers that have been starting or stopping for longer than their own limits allow, by the"
    " check `spawners`.",
)
DISK_FREE_BYTES = gauge(
    "disk_free_bytes",
    "What an ordinary user may still write to the file system of a folder: of those that the check"
    " `disk` looks at; the service shows that of the homes.",
    ["path"],
)
DISK_SIZE_BYTES = gauge(
    "disk_size_bytes", "Size of that file system, without what is kept for root.", ["path"]
)
CERTIFICATE_EXPIRY = gauge(
    "certificate_expiry_timestamp_seconds",
    "When the certificates in a file, which the check `certificate` looks at, cease to be valid.",
    ["path"],
)

# --- Trust in these numbers ---------------------------------------------------------------------

MONITORING_BUILD_INFO = gauge(
    "monitoring_build_info", "1, labelled with this package's version.", ["version"]
)
HUB_INFO = gauge(
    "hub_info",
    "1, labelled with the Hub's version and the original names of its classes.",
    ["version", "spawner_class", "authenticator_class", "proxy_class"],
)
COLLECT_DURATION_SECONDS = histogram(
    "monitoring_collect_duration_seconds",
    "How long a collection took, off the Hub's event loop.",
    [Label.of("collector", known.Collector)],
)
COLLECT_ERRORS = counter(
    "monitoring_collect_errors_total",
    "Collections that failed or ran out of time; the numbers then stay as they were.",
    [Label.of("collector", known.Collector)],
)
COLLECT_LAST_SUCCESS = gauge(
    "monitoring_collect_last_success_timestamp_seconds",
    "When the collector succeeded last, Unix time.",
    [Label.of("collector", known.Collector)],
)
INSTRUMENTATION_ERRORS = counter(
    "monitoring_instrumentation_errors_total",
    "Exceptions in our own code inside the Hub. The Hub went on without noticing.",
    [Label.of("point", known.Point)],
)
EVENTS_DROPPED = counter(
    "monitoring_events_dropped_total",
    "Logins, spawns, exits and the like that the service is not told of: pages and reports miss"
    " them.",
    [Label.of("reason", known.SpoolDrop)],
)
SERIES_DROPPED = counter(
    "monitoring_series_dropped_total",
    "Recordings for a metric that was at its limit of series: they went to `(other)`, or for"
    " gauges nowhere.",
    ["metric"],
)
Limits.dropped = SERIES_DROPPED
