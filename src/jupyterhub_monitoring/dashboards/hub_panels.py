"""Panels of the Hub: people, spawns, requests, the machine."""

from __future__ import annotations

from .panel import Curve, Kind, Panel, Threshold, Tone
from .unit import Unit

SERVERS = Panel(
    "servers",
    "How many servers run",
    "Each is a person's, and takes memory while it runs. A line that stays high at night is idle"
    " servers: an idle culler ends them.",
    Unit.COUNT,
    (
        Curve("sum(jupyterhub_running_servers)", "running"),
        Curve("sum(jupyterhub_pending_servers)", "starting or stopping"),
    ),
)
SPAWN_DURATIONS = Panel(
    "spawn-durations",
    "How long people wait for their server",
    "Each column is the spawns of a moment, darker where there are more. When the dark band moves"
    " up, look where the time goes: the phases of a spawn are on the page of spawns.",
    Unit.SECONDS,
    (
        Curve(
            "sum by (le) (increase(jupyterhub_spawn_duration_seconds_bucket[$events])) * $scale",
            "{{le}}",
        ),
    ),
    Kind.HEATMAP,
    empty="No server was started in this time.",
)
SPAWN_OUTCOMES = Panel(
    "spawn-outcomes",
    "How spawns ended",
    "Failures in a row make the Hub exit (consecutive_failure_limit). The reason says where to"
    " look; the last failures are below.",
    Unit.COUNT,
    (
        Curve("sum(increase(jupyterhub_spawn_success_total[$events])) * $scale", "started"),
        Curve(
            "sum by (error_type) (increase(jupyterhub_spawn_failure_total[$events])) * $scale > 0",
            "failed: {{error_type}}",
            Tone.BAD,
        ),
        Curve("sum(increase(jupyterhub_spawn_refused_total[$events])) * $scale > 0", "refused"),
    ),
    Kind.BARS,
    empty="No server was started in this time.",
)
SPAWN_PHASES = Panel(
    "spawn-phases",
    "Where the time of a spawn goes",
    "start is the spawner's own work (image, queue, container); connect is the server coming up"
    " in it. The longest phase is the one to make shorter.",
    Unit.SECONDS,
    (
        Curve(
            "sum by (phase) (rate(jupyterhub_spawn_phase_duration_seconds_sum[$window]))"
            " / (sum by (phase) (rate(jupyterhub_spawn_phase_duration_seconds_count[$window]))"
            " > 0)",
            "{{phase}}",
        ),
    ),
    empty="No server was started in this time.",
)
REQUESTS = Panel(
    "requests",
    "How many requests the Hub answers, and how many fail",
    "A failed request (5xx) is the Hub's own fault or its database's. If the line of failures"
    " leaves zero, the page of health says which part is ill.",
    Unit.PER_SECOND,
    (
        Curve("sum(rate(jupyterhub_request_duration_seconds_count[$window]))", "answered"),
        Curve(
            'sum(rate(jupyterhub_request_duration_seconds_count{code=~"5..",'
            'handler!~".*_monitoring[.]health[.].*"}[$window]))'
            " or sum(rate(jupyterhub_request_duration_seconds_count[$window])) * 0",
            "failed",
            Tone.BAD,
        ),
    ),
)
RESPONSE_TIME = Panel(
    "response-time",
    "How fast the Hub answers",
    "People feel more than a second. A slow Hub is most often a slow database or a full machine.",
    Unit.SECONDS,
    (
        Curve(
            "histogram_quantile(0.5,"
            " sum by (le) (rate(jupyterhub_hub_response_duration_seconds_bucket[$window])))",
            "half are faster",
        ),
        Curve(
            "histogram_quantile(0.95,"
            " sum by (le) (rate(jupyterhub_hub_response_duration_seconds_bucket[$window])))",
            "19 of 20 are faster",
        ),
    ),
)
LOOP = Panel(
    "event-loop",
    "How often the Hub stood still for over a second",
    "While its event loop is held up the Hub answers nobody. Authenticators and hooks that block"
    " are the usual cause; HUB-LOOP-01 tells more.",
    Unit.COUNT,
    (
        Curve(
            "sum(increase(jupyterhub_event_loop_interval_seconds_count[$events])) * $scale - sum("
            'increase(jupyterhub_event_loop_interval_seconds_bucket{le=~"1|1.0"}[$events]))'
            " * $scale",
            "stalls",
        ),
    ),
    Kind.BARS,
)
MEMORY = Panel(
    "machine-memory",
    "How much memory is in use",
    "Where the Hub runs: its container, else its machine. At the dashed line the kernel ends"
    " processes; with all servers on this machine, those of people go first.",
    Unit.BYTES,
    (
        Curve("sum(jupyterhub_hub_memory_usage_bytes)", "in use where the Hub runs"),
        Curve("sum(jupyterhub_usage_memory_bytes)", "by people's servers"),
        Curve("sum(jupyterhub_hub_memory_total_bytes)", "all there is", Tone.LIMIT),
    ),
)
CPU = Panel(
    "machine-cpu",
    "How busy the processor is",
    "Of all cores where the Hub runs. Near 100 % everything gets slow, spawns first.",
    Unit.RATIO,
    (
        Curve("avg(jupyterhub_hub_cpu_usage_percent) / 100", "in use where the Hub runs"),
        Curve("avg(jupyterhub_hub_cpu_usage_percent) * 0 + 1", "all there is", Tone.LIMIT),
    ),
)
DISK = Panel(
    "machine-disk",
    "How full the disks are",
    "A full disk stops the Hub's database, and people cannot save. Free space before 95 %.",
    Unit.RATIO,
    (
        Curve(
            "max by (path) (1 - jupyterhub_disk_free_bytes / jupyterhub_disk_size_bytes)",
            "{{path}}",
        ),
    ),
    empty="No disk is looked at yet: the check of disks and the folder of the homes tell of them.",
    thresholds=(
        Threshold("disk_warning_ratio", left=True),
        Threshold("disk_critical_ratio", left=True),
    ),
)
LOGINS = Panel(
    "logins",
    "How logins ended",
    "A denied login is a wrong name or password; an error is the authenticator's own. Many denied"
    " ones from nowhere are somebody guessing.",
    Unit.COUNT,
    (
        Curve(
            'sum(increase(jupyterhub_login_attempts_total{outcome="success"}[$events])) * $scale',
            "let in",
        ),
        Curve(
            'sum(increase(jupyterhub_login_attempts_total{outcome="denied"}[$events]))'
            " * $scale > 0",
            "denied",
        ),
        Curve(
            'sum(increase(jupyterhub_login_attempts_total{outcome="error"}[$events])) * $scale > 0',
            "error",
            Tone.BAD,
        ),
    ),
    Kind.BARS,
    empty="Nobody logged in in this time.",
)
EXITS = Panel(
    "exits",
    "Why servers ended",
    "died: the process ended by itself, often because memory ran out. The others were asked for.",
    Unit.COUNT,
    (
        Curve(
            "sum by (cause) ("
            'increase(jupyterhub_server_exits_total{cause!="died"}[$events])) * $scale > 0',
            "{{cause}}",
        ),
        Curve(
            'sum(increase(jupyterhub_server_exits_total{cause="died"}[$events])) * $scale > 0',
            "died",
            Tone.BAD,
        ),
    ),
    Kind.BARS,
    empty="No server ended in this time.",
)
ACTIVE_USERS = Panel(
    "active-users",
    "How many people use the Hub",
    "Active within the last 24 hours, 7 and 30 days. The last is what a funder asks for; the first"
    " is what a machine has to bear.",
    Unit.COUNT,
    (
        Curve('sum(jupyterhub_active_users{period="24h"})', "last 24 hours"),
        Curve('sum(jupyterhub_active_users{period="7d"})', "last 7 days"),
        Curve('sum(jupyterhub_active_users{period="30d"})', "last 30 days"),
    ),
)
