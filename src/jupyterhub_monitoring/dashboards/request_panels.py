"""Panels of requests to the Hub, and of the Hub's own process."""

from __future__ import annotations

from .panel import Curve, Kind, Panel, Threshold, Tone
from .unit import Unit

_ALL = "sum(rate(jupyterhub_request_duration_seconds_count[$window]))"
_FAILED = (
    'sum(rate(jupyterhub_request_duration_seconds_count{code=~"5..",'
    'handler!~".*_monitoring[.]health[.].*"}[$window]))'
)

REQUEST_CODES = Panel(
    "request-codes",
    "How the Hub answers, by status",
    "403 are people without the right or without a login, 429 and 503 a limit or a server that is"
    " not there, other 5xx faults of the Hub.",
    Unit.PER_SECOND,
    (
        Curve(
            "sum by (code) (rate(jupyterhub_request_duration_seconds_count[$window]))", "{{code}}"
        ),
    ),
)
REQUEST_FAILURES = Panel(
    "request-failures",
    "What share of requests fails",
    "Errors of the Hub itself (5xx). Above the dashed lines the alerts tell; the Hub's log has"
    " each with its reason.",
    Unit.RATIO,
    (Curve(f"({_FAILED} or {_ALL} * 0) / ({_ALL} > 0)", "failed", Tone.BAD),),
    thresholds=(
        Threshold("request_error_warning_ratio"),
        Threshold("request_error_critical_ratio"),
    ),
)
RESPONSE_SPREAD = Panel(
    "response-spread",
    "How long people wait for the Hub",
    "Each column is the answers of a moment, darker where there are more; streams that stay open"
    " are left out. A second band far above the first is one slow page.",
    Unit.SECONDS,
    (
        Curve(
            "sum by (le)"
            " (increase(jupyterhub_hub_response_duration_seconds_bucket[$events])) * $scale",
            "{{le}}",
        ),
    ),
    Kind.HEATMAP,
)
API_REQUESTS = Panel(
    "api-requests",
    "How often the REST API is asked",
    "Servers tell the Hub of activity, cullers and scripts ask it. One that asks without a pause"
    " takes the time of all.",
    Unit.PER_SECOND,
    (Curve("sum(rate(jupyterhub_api_request_duration_seconds_count[$window]))", "requests"),),
)
API_ENDPOINTS = Panel(
    "api-endpoints",
    "Which parts of the REST API take the time",
    "Seconds of work in each second, by the route. The largest is the one to ask less often, or"
    " with a page size.",
    Unit.SECONDS,
    (
        Curve(
            "topk(10, sum by (method, endpoint)"
            " (rate(jupyterhub_api_request_duration_seconds_sum[$window])))",
            "{{method}} {{endpoint}}",
        ),
    ),
    empty="Nobody asked the REST API in this time.",
)
HUB_MEMORY = Panel(
    "hub-memory",
    "How much memory the Hub's process takes",
    "It grows with the number of users and then stays. A line that climbs for days is a leak;"
    " a step down is a restart.",
    Unit.BYTES,
    (Curve('sum(process_resident_memory_bytes{job="jupyterhub"})', "memory"),),
)
HUB_AGE = Panel(
    "hub-age",
    "How long the Hub has been up",
    "Each fall to zero is a restart. Many on one day are a Hub that is ended by its platform: too"
    " little memory, or failed starts in a row.",
    Unit.SECONDS,
    (Curve('min(time() - process_start_time_seconds{job="jupyterhub"})', "up"),),
)
VERSIONS = Panel(
    "versions",
    "Which versions are running",
    "Of the Hub with its classes, of the monitoring in it, and of the monitoring service. The last"
    " two should be the same: restart whatever is behind.",
    Unit.NUMBER,
    (
        Curve("jupyterhub_hub_info", "Hub"),
        Curve("jupyterhub_monitoring_build_info", "monitoring in the Hub"),
        Curve("jupyterhub_monitoring_service_build_info", "monitoring service"),
    ),
    Kind.TABLE,
)
