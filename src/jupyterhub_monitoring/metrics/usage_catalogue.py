"""Every metric of who uses what, declared once; all of the monitoring service's process.

What is per server, user or group is only declared here: those series come and go with what they
are about, so `usage/exposition.py` makes them anew at each scrape. In the mode `none` of usernames
there are none of them; then the totals and distributions are what there is.
"""

from __future__ import annotations

from enum import Enum

from .instruments import Counter, Gauge, Histogram
from .labels import SERVER_NAME, USERNAME
from .service_catalogue import declare_service
from .spec import Kind, Label, MetricSpec

USAGE_CATALOGUE: dict[str, MetricSpec] = {}
"""What is exposed from the last look, by name without the prefix."""


class Source(str, Enum):
    """Where numbers come from, or should."""

    PROCESS = "process"
    CGROUP = "cgroup"
    DOCKER = "docker"
    KUBERNETES = "kubernetes"
    HOME = "home"
    GPU = "gpu"
    HUB = "hub"  # the listing of the servers that run
    NONE = "none"  # no backend finds a way to the server


SERVER_SOURCES = tuple(
    source.value for source in Source if source not in {Source.HOME, Source.GPU, Source.HUB}
)
"""Where the numbers of one server come from."""


class Reason(str, Enum):
    """Why there is a gap."""

    PERMISSION = "permission"
    GONE = "gone"  # what the spawner recorded is not there
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"  # no socket, no API server, refused
    PROTOCOL = "protocol"  # an answer that is not understood
    FAILED = "failed"  # a fault of ours
    NO_STATE = "no_state"  # nothing is recorded that leads to the server, or we may not see it


SERVER = (USERNAME, SERVER_NAME)

CORES_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
MEMORY_BUCKETS = tuple(2.0**exponent for exponent in range(26, 39))  # 64 MiB to 256 GiB


def _exposed(
    name: str,
    kind: Kind,
    documentation: str,
    *labels: Label,
    buckets: tuple[float, ...] = (),
) -> MetricSpec:
    spec = USAGE_CATALOGUE[name] = MetricSpec(name, kind, documentation, labels, buckets)
    return spec


def _gauge(name: str, documentation: str, *labels: Label) -> MetricSpec:
    return _exposed(name, Kind.GAUGE, documentation, *labels)


def _counter(name: str, documentation: str, *labels: Label) -> MetricSpec:
    return _exposed(name, Kind.COUNTER, documentation, *labels)


# --- Usage per server ------------------------------------------------------------------------

SERVER_CPU_SECONDS = _counter(
    "server_cpu_seconds_total",
    "CPU time of the server, of its processes that have ended too.",
    *SERVER,
)
SERVER_CPU_THROTTLED = _counter(
    "server_cpu_throttled_seconds_total",
    "Time for which the server's limit kept it from the CPU.",
    *SERVER,
)
SERVER_CPU_LIMIT = _gauge("server_cpu_limit_cores", "CPU that the server may use.", *SERVER)
SERVER_CPU_REQUEST = _gauge(
    "server_cpu_request_cores", "CPU that the scheduler keeps free for the server.", *SERVER
)
SERVER_MEMORY = _gauge(
    "server_memory_bytes",
    "Memory that cannot be given back: the resident memory of the processes, or the working set"
    " of the cgroup.",
    *SERVER,
)
SERVER_MEMORY_PEAK = _gauge(
    "server_memory_peak_bytes", "The most memory that the kernel has seen in use.", *SERVER
)
SERVER_MEMORY_LIMIT = _gauge(
    "server_memory_limit_bytes", "Memory at which the server's processes are killed.", *SERVER
)
SERVER_MEMORY_REQUEST = _gauge(
    "server_memory_request_bytes",
    "Memory that the scheduler keeps free for the server.",
    *SERVER,
)
SERVER_PROCESSES = _gauge("server_processes", "Processes of the server.", *SERVER)
SERVER_OOM_KILLS = _counter(
    "server_oom_kills_total", "Processes of the server that were killed for its memory.", *SERVER
)
SERVER_RESTARTS = _counter(
    "server_restarts_total",
    "How often a part of the server was started again without the Hub.",
    *SERVER,
)
SERVER_GPU_UTILIZATION = _gauge(
    "server_gpu_utilization_ratio", "Use of GPUs by the server, 1 is one GPU.", *SERVER
)
SERVER_GPU_MEMORY = _gauge("server_gpu_memory_bytes", "Memory of GPUs in use.", *SERVER)
SERVER_STARTED = _gauge(
    "server_started_timestamp_seconds", "When the server was started, by the Hub.", *SERVER
)
SERVER_LAST_ACTIVITY = _gauge(
    "server_last_activity_timestamp_seconds",
    "When the Hub last heard of activity of the server.",
    *SERVER,
)
SERVER_INFO = _gauge(
    "server_info",
    "1, labelled with what is known of the server; empty is unknown.",
    *SERVER,
    Label("spawner_class"),
    Label("profile"),
    Label("image"),
    Label("node"),
)

# --- Usage per user ----------------------------------------------------------------------------

USER_GROUP_INFO = _gauge(
    "user_group_info",
    "1 for each group of c.MonitoringUsage.groups that a user with a server is in.",
    USERNAME,
    Label("group"),
)
HOME_BYTES = _gauge("home_bytes", "Size of the home directory as the disk has it.", USERNAME)
HOME_LIMIT = _gauge(
    "home_limit_bytes",
    "Size at which the project quota of the home directory lets nothing more be written.",
    USERNAME,
)
HOME_ENTRIES = _gauge("home_entries", "Files and directories in the home directory.", USERNAME)
HOME_NEWEST_CHANGE = _gauge(
    "home_newest_change_timestamp_seconds",
    "When something in the home directory was last changed.",
    USERNAME,
)

# --- Usage in all ------------------------------------------------------------------------------

USAGE_SERVERS = _gauge(
    "usage_servers",
    "Servers that run, by where their numbers come from.",
    Label("backend", SERVER_SOURCES),
)
USAGE_SERVERS_UNKNOWN = _gauge(
    "usage_servers_unknown",
    "Servers that run and of which this time nothing is known.",
)
USAGE_CPU_CORES = _gauge("usage_cpu_cores", "CPU in use by all servers of which it is known.")
USAGE_MEMORY = _gauge("usage_memory_bytes", "Memory in use by all servers of which it is known.")
USAGE_HOMES = _gauge("usage_home_bytes", "Size of all homes of which it is known.")
SERVERS_CPU_CORES = _exposed(
    "servers_cpu_cores",
    Kind.GAUGE_HISTOGRAM,
    "How many servers use at most so much CPU now, without names.",
    buckets=CORES_BUCKETS,
)
SERVERS_MEMORY = _exposed(
    "servers_memory_bytes",
    Kind.GAUGE_HISTOGRAM,
    "How many servers use at most so much memory now, without names.",
    buckets=MEMORY_BUCKETS,
)
SERIES_LEFT_OUT = _gauge(
    "usage_series_left_out",
    "Series of servers, users and groups that are missing because c.MonitoringUsage.max_series is"
    " reached.",
)

# --- Trust in usage ----------------------------------------------------------------------------

SAMPLE_ERRORS: Counter = declare_service(
    Counter,
    MetricSpec(
        "usage_sample_errors_total",
        Kind.COUNTER,
        "Looks that failed and became gaps, by backend and reason.",
        (Label.of("backend", Source), Label.of("reason", Reason)),
    ),
)
ROUND_SECONDS: Histogram = declare_service(
    Histogram,
    MetricSpec(
        "usage_round_duration_seconds",
        Kind.HISTOGRAM,
        "Time to look at all servers, the Hub's listing included.",
        buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    ),
)
ROUNDS_SKIPPED: Counter = declare_service(
    Counter,
    MetricSpec(
        "usage_rounds_skipped_total",
        Kind.COUNTER,
        "Looks that were left out because the one before was not done.",
    ),
)
LAST_ROUND: Gauge = declare_service(
    Gauge,
    MetricSpec(
        "usage_last_round_timestamp_seconds",
        Kind.GAUGE,
        "When all servers were last looked at, Unix time.",
    ),
)
