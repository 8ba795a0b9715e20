"""Panels of people: how many there are, who comes, whose servers idle."""

from __future__ import annotations

from .panel import Curve, Fold, Kind, Panel
from .unit import Unit

TOTAL_USERS = Panel(
    "total-users",
    "How many users the Hub knows",
    "Everybody who ever logged in or was added. A step is a new class, or a sign-up that is open"
    " to the world.",
    Unit.COUNT,
    (Curve("sum(jupyterhub_total_users)", "users"),),
)
USER_LOGINS = Panel(
    "user-logins",
    "Who logs in most",
    "Logins that succeeded. A name that is far ahead of all others is a script, or a password that"
    " is shared.",
    Unit.COUNT,
    (
        Curve(
            "sum by (username) (increase(jupyterhub_user_login_total[$events])) * $scale > 0",
            "{{username}}",
        ),
    ),
    Kind.BARS,
    Fold.SUM,
    empty="Nobody logged in, or names are left out (c.Monitoring.usernames).",
)
IDLE = Panel(
    "idle-servers",
    "Whose servers have been idle longest",
    "Time since the Hub last heard of activity. An idle server keeps its memory: an idle culler"
    " ends it, or its owner may.",
    Unit.SECONDS,
    (
        Curve(
            "topk(20, time() - max by (username, server_name)"
            " (jupyterhub_server_last_activity_timestamp_seconds))",
            "{{username}} {{server_name}}",
        ),
    ),
    Kind.TABLE,
    empty="No server runs, or names are left out (c.Monitoring.usernames).",
)
OLDEST = Panel(
    "oldest-servers",
    "Whose servers have run longest",
    "Time since the start. A server that has run for weeks has old software in it, and keeps a"
    " machine from being emptied.",
    Unit.SECONDS,
    (
        Curve(
            "topk(20, time() - max by (username, server_name)"
            " (jupyterhub_server_started_timestamp_seconds))",
            "{{username}} {{server_name}}",
        ),
    ),
    Kind.TABLE,
    empty="No server runs, or names are left out (c.Monitoring.usernames).",
)
HOMES = Panel(
    "homes",
    "Whose homes are largest",
    "As the disk has them. A few large ones are most of a full disk: ask their owners first.",
    Unit.BYTES,
    (Curve("topk(20, max by (username) (jupyterhub_home_bytes))", "{{username}}"),),
    Kind.TABLE,
    empty="No home was measured: c.MonitoringUsage.homes says where homes are.",
)
