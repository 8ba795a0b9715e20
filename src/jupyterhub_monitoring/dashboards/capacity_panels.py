"""Panels of what there is for servers, how much of it is promised, and how much is used."""

from __future__ import annotations

from .panel import Curve, Kind, Panel, Tone
from .unit import Unit

SERVER_LIMIT = Panel(
    "server-limit",
    "How near the limit of servers is",
    "At the dashed line, where there is one, nobody can start another (active_server_limit).",
    Unit.COUNT,
    (
        Curve("sum(jupyterhub_servers)", "active"),
        Curve("sum(jupyterhub_active_server_limit > 0)", "limit", Tone.LIMIT),
    ),
)
PROMISED_MEMORY = Panel(
    "promised-memory",
    "How much memory is promised to servers",
    "The limits of all servers that run, what they keep free for themselves, and what they use."
    " Promises far above the use are machines that are paid for and idle.",
    Unit.BYTES,
    (
        Curve("sum(jupyterhub_usage_memory_bytes)", "used"),
        Curve("sum(jupyterhub_server_memory_request_bytes)", "kept free"),
        Curve("sum(jupyterhub_server_memory_limit_bytes)", "limits together"),
    ),
    empty="No server ran in this time.",
)
PROMISED_CPU = Panel(
    "promised-cpu",
    "How much processor is promised to servers",
    "As with memory; but a server that wants more than there is only gets slower.",
    Unit.CORES,
    (
        Curve("sum(jupyterhub_usage_cpu_cores)", "used"),
        Curve("sum(jupyterhub_server_cpu_request_cores)", "kept free"),
        Curve("sum(jupyterhub_server_cpu_limit_cores)", "limits together"),
    ),
    empty="No server ran in this time.",
)
CPU_SPREAD = Panel(
    "cpu-spread",
    "How much processor a server takes",
    "Half of the servers stay under the lower line, nine of ten under the upper one. Most servers"
    " wait for their people.",
    Unit.CORES,
    (
        Curve(
            "histogram_quantile(0.5, sum by (le) (jupyterhub_servers_cpu_cores_bucket))",
            "half take less",
        ),
        Curve(
            "histogram_quantile(0.9, sum by (le) (jupyterhub_servers_cpu_cores_bucket))",
            "9 of 10 take less",
        ),
    ),
    empty="No server ran in this time.",
)
NEAR_MEMORY_LIMIT = Panel(
    "near-memory-limit",
    "Which servers are near their memory limit",
    "At 100 % a kernel is killed without a word. Their people need a larger server, or help with"
    " their notebook.",
    Unit.RATIO,
    (
        Curve(
            "topk(20, max by (username, server_name)"
            " (jupyterhub_server_memory_bytes / (jupyterhub_server_memory_limit_bytes > 0)))",
            "{{username}} {{server_name}}",
        ),
    ),
    Kind.TABLE,
    empty="No server with a limit runs, or names are left out (c.Monitoring.usernames).",
)
OOM_KILLS = Panel(
    "oom-kills",
    "How often the kernel ended a server's process",
    "For its memory: somebody lost a kernel with all that was in it. Once is a notebook, often is"
    " a limit that is too low for the class.",
    Unit.COUNT,
    (
        Curve(
            "sum(increase(jupyterhub_server_oom_kills_total[$events])) * $scale",
            "ended",
            Tone.BAD,
        ),
    ),
    Kind.BARS,
    empty="No server ran whose kernel counts this: cgroups, containers and pods do.",
)
ALL_HOMES = Panel(
    "all-homes",
    "How much disk all homes take",
    "Add what a class brings home in a week to see when the disk is full.",
    Unit.BYTES,
    (Curve("sum(jupyterhub_usage_home_bytes)", "homes"),),
    empty="No home was measured: c.MonitoringUsage.homes says where homes are.",
)
