"""Panels of one server, one user, one group; their names are given as places."""

from __future__ import annotations

from .panel import Curve, Fold, Panel, Tone
from .unit import Unit

_SERVER = '{username="$username",server_name="$server_name"}'
_USER = '{username="$username"}'
_NOTHING = "Nothing was seen of it in this time; a server appears within 15 s of its start."

SERVER_MEMORY = Panel(
    "server-memory",
    "How much memory the server uses",
    "At the dashed line a kernel is killed without a word. Close notebooks that are done, read"
    " files in parts, or ask for a larger server.",
    Unit.BYTES,
    (
        Curve(f"sum(jupyterhub_server_memory_bytes{_SERVER})", "in use"),
        Curve(f"max(jupyterhub_server_memory_limit_bytes{_SERVER})", "limit", Tone.LIMIT),
    ),
    empty=_NOTHING,
)
SERVER_CPU = Panel(
    "server-cpu",
    "How much processor the server uses",
    "One core is one calculation at full speed. Near the dashed line it is slowed down.",
    Unit.CORES,
    (
        Curve(f"sum(rate(jupyterhub_server_cpu_seconds_total{_SERVER}[$window]))", "in use"),
        Curve(f"max(jupyterhub_server_cpu_limit_cores{_SERVER})", "limit", Tone.LIMIT),
    ),
    empty=_NOTHING,
)
SERVER_PROCESSES = Panel(
    "server-processes",
    "How many processes the server has",
    "Each notebook that is open has a kernel of its own. Hundreds are a program gone wild.",
    Unit.COUNT,
    (Curve(f"sum(jupyterhub_server_processes{_SERVER})", "processes"),),
    empty=_NOTHING,
)
USER_MEMORY = Panel(
    "user-memory",
    "How much memory the user's servers use",
    "All servers of this user together, one line each.",
    Unit.BYTES,
    (Curve(f"sum by (server_name) (jupyterhub_server_memory_bytes{_USER})", "{{server_name}}"),),
    fold=Fold.SUM,
    empty=_NOTHING,
)
USER_CPU = Panel(
    "user-cpu",
    "How much processor the user's servers use",
    "All servers of this user together, one line each.",
    Unit.CORES,
    (
        Curve(
            f"sum by (server_name) (rate(jupyterhub_server_cpu_seconds_total{_USER}[$window]))",
            "{{server_name}}",
        ),
    ),
    fold=Fold.SUM,
    empty=_NOTHING,
)
USER_HOME = Panel(
    "user-home",
    "How much disk the home takes",
    "At the dashed line, where there is one, nothing more can be saved.",
    Unit.BYTES,
    (
        Curve(f"max(jupyterhub_home_bytes{_USER})", "in use"),
        Curve(f"max(jupyterhub_home_limit_bytes{_USER})", "limit", Tone.LIMIT),
    ),
    empty="The home was not measured: c.MonitoringUsage.homes says where homes are.",
)
ALL_MEMORY = Panel(
    "all-memory",
    "Who uses the memory",
    "The users whose servers take most, and all others together.",
    Unit.BYTES,
    (Curve("sum by (username) (jupyterhub_server_memory_bytes)", "{{username}}"),),
    fold=Fold.SUM,
    empty="No server ran, or names are left out (c.Monitoring.usernames).",
)
ALL_CPU = Panel(
    "all-cpu",
    "Who uses the processor",
    "The users whose servers take most, and all others together.",
    Unit.CORES,
    (
        Curve(
            "sum by (username) (rate(jupyterhub_server_cpu_seconds_total[$window]))",
            "{{username}}",
        ),
    ),
    fold=Fold.SUM,
    empty="No server ran, or names are left out (c.Monitoring.usernames).",
)
MEMORY_SPREAD = Panel(
    "memory-spread",
    "How much memory a server takes",
    "Half of the servers stay under the lower line, nine of ten under the upper one. A limit"
    " far above the upper line is memory that nobody needs.",
    Unit.BYTES,
    (
        Curve(
            "histogram_quantile(0.5, sum by (le) (jupyterhub_servers_memory_bytes_bucket))",
            "half take less",
        ),
        Curve(
            "histogram_quantile(0.9, sum by (le) (jupyterhub_servers_memory_bytes_bucket))",
            "9 of 10 take less",
        ),
    ),
    empty="No server ran in this time.",
)
GROUP_MEMORY = Panel(
    "group-memory",
    "How much memory each group uses",
    "Somebody in several groups counts in each of them: do not add them up.",
    Unit.BYTES,
    (
        Curve(
            "sum by (group) (sum by (username) (jupyterhub_server_memory_bytes)"
            " * on (username) group_right () jupyterhub_user_group_info)",
            "{{group}}",
        ),
    ),
    empty="No group is watched: c.MonitoringUsage.groups says which.",
)
