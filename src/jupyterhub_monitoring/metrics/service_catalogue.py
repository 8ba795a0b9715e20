"""Every metric of the monitoring service's own process, declared once.

They are apart from the Hub's catalogue because they live in another process: the Hub must not show
a service's counters at 0, nor the service the Hub's.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from .declare import SECONDS_BUCKETS, make
from .instruments import Bounded, Counter, Gauge, Histogram
from .spec import Kind, Label, MetricSpec

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

SERVICE_CATALOGUE: dict[str, Bounded] = {}
"""By name without the prefix."""

M = TypeVar("M", bound=Bounded)


class ScrapeOutcome(str, Enum):
    """How a scrape ended."""

    SUCCESS = "success"
    UNREACHABLE = "unreachable"  # no connection, a timeout, a status other than 200
    MALFORMED = "malformed"  # a line that is no sample
    OVER_LIMIT = "over_limit"  # body, samples or labels


class DropReason(str, Enum):
    """Why a sample was not kept."""

    DUPLICATE = "duplicate"  # the same series and timestamp, another value
    TOO_OLD = "too_old"  # before the head begins
    TOO_NEW = "too_new"  # more than ten minutes ahead of the clock
    NO_SPACE = "no_space"  # the disk is full and so is the memory set aside for it


class QueryOutcome(str, Enum):
    """How a query ended."""

    SUCCESS = "success"
    BAD_DATA = "bad_data"
    REFUSED = "refused"  # over a limit
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    ERROR = "error"


class QueryLimit(str, Enum):
    """Which limit refused a query; `c.MonitoringQuery` has one setting for each."""

    LENGTH = "length"
    OPERATORS = "operators"
    NESTING = "nesting"
    POINTS = "points"
    SAMPLES = "samples"
    MEMORY = "memory"
    TIME = "time"
    CONCURRENCY = "concurrency"


def _declare(  # noqa: PLR0913, PLR0917 -- what a metric is made of
    metric: type[M],
    kind: Kind,
    name: str,
    documentation: str,
    labels: Iterable[Label] = (),
    buckets: Iterable[float] = (),
) -> M:
    spec = MetricSpec(f"monitoring_{name}", kind, documentation, tuple(labels), tuple(buckets))
    return declare_service(metric, spec)


def declare_service(metric: type[M], spec: MetricSpec) -> M:
    """Declare a metric of the service's process that is not about the monitoring itself."""
    made = SERVICE_CATALOGUE[spec.name] = make(metric, spec)
    return made


def _counter(name: str, documentation: str, *labels: Label) -> Counter:
    return _declare(Counter, Kind.COUNTER, name, documentation, labels)


def _gauge(name: str, documentation: str, *labels: Label) -> Gauge:
    return _declare(Gauge, Kind.GAUGE, name, documentation, labels)


def _seconds(name: str, documentation: str, *labels: Label) -> Histogram:
    return _declare(Histogram, Kind.HISTOGRAM, name, documentation, labels, SECONDS_BUCKETS)


# --- Scraping --------------------------------------------------------------------------------

SCRAPES = _counter(
    "scrapes_total", "Scrapes by how they ended.", Label.of("outcome", ScrapeOutcome)
)
SCRAPES_LATE = _counter(
    "scrapes_skipped_total",
    "Scrapes left out because the one before was not done, or the service was held up.",
)
SCRAPE_TARGETS = _gauge(
    "scrape_targets", "Targets by whether their last scrape succeeded.", Label("up", ("0", "1"))
)
SAMPLES_APPENDED = _counter("samples_appended_total", "Samples that were kept.")
SAMPLES_DROPPED = _counter(
    "samples_dropped_total", "Samples that were not kept.", Label.of("reason", DropReason)
)

# --- Store -----------------------------------------------------------------------------------

STORE_SERIES = _gauge("store_series", "Series that the store knows, ended ones included.")
STORE_BYTES = _gauge("store_size_bytes", "Size of the store's files on disk.")
STORE_LIMIT_BYTES = _gauge("store_limit_bytes", "Size at which the oldest data is dropped.")
STORE_OLDEST = _gauge("store_oldest_timestamp_seconds", "Time of the oldest sample kept.")
STORE_WAITING = _gauge(
    "store_waiting_bytes", "Scrapes that wait in memory because the disk takes no writes."
)
STORE_DAMAGED = _gauge("store_damaged_pages", "Pages that were set aside because they are damaged.")
STORE_COMMIT_SECONDS = _seconds("store_commit_duration_seconds", "Time to make a scrape durable.")
STORE_SEAL_SECONDS = _seconds("store_seal_duration_seconds", "Time to seal two hours into pages.")

# --- Queries ---------------------------------------------------------------------------------

QUERIES = _counter("queries_total", "Queries by how they ended.", Label.of("outcome", QueryOutcome))
QUERIES_OVER_LIMIT = _counter(
    "queries_over_limit_total", "Queries that a limit refused.", Label.of("limit", QueryLimit)
)
QUERIES_RUNNING = _gauge("queries_running", "Queries that are being answered now.")
QUERY_SECONDS = _seconds("query_duration_seconds", "Time to answer a query, waiting included.")
QUERY_SAMPLES = _counter("query_samples_total", "Samples that queries read.")

# --- Activity --------------------------------------------------------------------------------

ACTIVITY_ROWS = _gauge(
    "activity_rows", "Spawns, exits, logins, sessions and the like that are kept."
)
ACTIVITY_BYTES = _gauge("activity_size_bytes", "Size of the file that they are kept in.")
ACTIVITY_EVENTS = _counter("activity_events_total", "Events of the Hub that were taken in.")
ACTIVITY_EVENTS_LOST = _counter(
    "activity_events_lost_total",
    "Events of the Hub that never came: it could not write them, or nobody read them for long.",
)
ACTIVITY_LAG = _gauge(
    "activity_lag_seconds", "How long after it happened the last event was taken in."
)

# --- Remote write ----------------------------------------------------------------------------

WRITE_SENT = _counter(
    "remote_write_samples_total", "Samples that a receiver took.", Label("receiver")
)
WRITE_FAILED = _counter(
    "remote_write_samples_failed_total",
    "Samples of requests that failed and are sent again, counted at each attempt.",
    Label("receiver"),
)
WRITE_DROPPED = _counter(
    "remote_write_samples_dropped_total",
    "Samples that a receiver refused for good.",
    Label("receiver"),
)
WRITE_LAG = _gauge(
    "remote_write_lag_seconds",
    "Age of the oldest sample that a receiver has not taken yet; 0 when it has all.",
    Label("receiver"),
)

# --- The service -----------------------------------------------------------------------------

SERVICE_HTTP = _counter(
    "http_requests_total", "Requests to the service.", Label("handler"), Label("code")
)
SERVICE_INFO = _gauge(
    "service_build_info", "1; the label is the service's version.", Label("version")
)
SERVICE_HEALTHY = _gauge("service_healthy", "1 while no health code of the service stands, else 0.")


def register_service(registry: CollectorRegistry) -> None:
    """Put the service's metrics where its own `/metrics` serves them."""
    for metric in SERVICE_CATALOGUE.values():
        registry.register(metric)
        metric.touch()
