"""Know what your JupyterHub is doing.

One line in `jupyterhub_config.py`:

    import jupyterhub_monitoring
    jupyterhub_monitoring.setup(c)

The names below are the public ones. They are looked up when they are first used, so that
importing this package has no side effects and costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._version import __version__

if TYPE_CHECKING:
    from .alerting.alert_manager import AlertManager
    from .alerting.seed_rules import ALERTING_RULES
    from .dashboards.seed import DASHBOARD_METRICS, generate_grafana_queries
    from .health import HealthChecker
    from .hub.app import EventMetricsHub, MonitoredJupyterHub
    from .hub.authenticator import MetricsAuthenticator
    from .hub.collector import PeriodicMetricsCollector
    from .hub.monitored import monitored
    from .hub.resource_metrics import update_resource_metrics
    from .hub.settings import Monitoring
    from .hub.setup import setup
    from .hub.spawner import MetricsSpawner, MonitoredSpawner
    from .metrics import record_custom_event, time_custom_operation, update_custom_gauge

_HOMES = {
    "ALERTING_RULES": ".alerting.seed_rules",
    "AlertManager": ".alerting.alert_manager",
    "DASHBOARD_METRICS": ".dashboards.seed",
    "EventMetricsHub": ".hub.app",
    "HealthChecker": ".health",
    "MetricsAuthenticator": ".hub.authenticator",
    "MetricsSpawner": ".hub.spawner",
    "MonitoredJupyterHub": ".hub.app",
    "MonitoredSpawner": ".hub.spawner",
    "Monitoring": ".hub.settings",
    "PeriodicMetricsCollector": ".hub.collector",
    "generate_grafana_queries": ".dashboards.seed",
    "monitored": ".hub.monitored",
    "record_custom_event": ".metrics",
    "setup": ".hub.setup",
    "time_custom_operation": ".metrics",
    "update_custom_gauge": ".metrics",
    "update_resource_metrics": ".hub.resource_metrics",
}

__all__ = [
    "ALERTING_RULES",
    "DASHBOARD_METRICS",
    "AlertManager",
    "EventMetricsHub",
    "HealthChecker",
    "MetricsAuthenticator",
    "MetricsSpawner",
    "MonitoredJupyterHub",
    "MonitoredSpawner",
    "Monitoring",
    "PeriodicMetricsCollector",
    "__version__",
    "generate_grafana_queries",
    "monitored",
    "record_custom_event",
    "setup",
    "time_custom_operation",
    "update_custom_gauge",
    "update_resource_metrics",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
