"""Panels of alerts and of health: what is wrong, and since when."""

from __future__ import annotations

from .panel import Curve, Kind, Mood, Panel, State, Tone
from .unit import Unit

ALERTS_NOW = Panel(
    "alerts-now",
    "Which alerts are firing",
    "Those of our rules and of any others that the same Prometheus evaluates. Each has a page that"
    " says what to do: runbook_url, in the message that it sent.",
    Unit.NUMBER,
    (
        Curve(
            'max by (alertname, severity, component, instance) (ALERTS{alertstate="firing"})',
            "{{alertname}}",
        ),
    ),
    Kind.TABLE,
    empty="No alert is firing.",
)
ALERTS_PAST = Panel(
    "alerts-past",
    "Which alerts fired, and when",
    "An alert that comes and goes is a threshold at the edge, or a fault that heals itself: both"
    " are worth an hour before they are worth a night.",
    Unit.NUMBER,
    (
        Curve(
            'max by (alertname, severity) (ALERTS{alertstate="firing"})',
            "{{alertname}} ({{severity}})",
        ),
    ),
    Kind.STATES,
    empty="No alert fired in this time.",
    states=(State(1, "firing", Mood.ILL),),
)
CHECKS = Panel(
    "checks",
    "How the health checks went",
    "The Hub's database, proxy, spawners and so on, as it sees them itself. The health page, and"
    " its code's page, say what to do.",
    Unit.NUMBER,
    (Curve("min by (check) (jupyterhub_health_check_status)", "{{check}}"),),
    Kind.STATES,
    states=(
        State(1, "ok", Mood.WELL),
        State(0.5, "warning", Mood.WARNING),
        State(0, "failing", Mood.ILL),
    ),
)
TARGETS = Panel(
    "targets",
    "Whether each target answers",
    "A Hub that does not answer a scrape answers nobody. If only the service is down, the Hub goes"
    " on, without history and alerts.",
    Unit.NUMBER,
    (Curve("min by (job, instance) (up)", "{{job}} {{instance}}"),),
    Kind.STATES,
    states=(State(1, "up", Mood.WELL), State(0, "down", Mood.ILL)),
)
SERVICE_HEALTH = Panel(
    "service-health",
    "Whether the monitoring service is well",
    "While a health code of the service stands, something of the monitoring is not done: its status"
    " page says what.",
    Unit.NUMBER,
    (Curve("min(jupyterhub_monitoring_service_healthy)", "monitoring service"),),
    Kind.STATES,
    states=(State(1, "well", Mood.WELL), State(0, "ill", Mood.ILL)),
)
CERTIFICATES = Panel(
    "certificates",
    "How long certificates are still valid",
    "After that no browser opens the Hub. Of the files that the check `certificate` looks at.",
    Unit.SECONDS,
    (
        Curve(
            "min by (path) (jupyterhub_certificate_expiry_timestamp_seconds - time())", "{{path}}"
        ),
    ),
    empty="No certificate is looked at: c.MonitoringHealth says which.",
)
STUCK = Panel(
    "stuck-servers",
    "How many servers are stuck",
    "Starting or stopping for longer than their own limits allow. Their people see a page that"
    " never ends: stop those servers by hand.",
    Unit.COUNT,
    (Curve("sum(jupyterhub_stuck_servers)", "stuck", Tone.BAD),),
)
