"""`MonitoredJupyterHub`: `jupyterhub-monitoring hub`, a drop-in for `jupyterhub`."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyterhub.app import JupyterHub
from traitlets import default

from ..health import HealthChecker
from ..health.settings import MonitoringHealth
from .monitor import attach
from .settings import Monitoring


class MonitoredJupyterHub(JupyterHub):
    """JupyterHub with monitoring: what `setup(c)` does to a Hub, without the line.

    For code that follows the page, `setup_health_checks` and `periodic_health_checks` may be
    overridden or called; the built-in checks run by themselves.
    """

    name = "jupyterhub"  # configuration file and options are the Hub's own
    health_checker: HealthChecker

    @default("classes")
    def _load_classes(self) -> list[type]:
        # JupyterHub's default for `classes`: what --help-all, --generate-config and options know.
        return [*super()._load_classes(), Monitoring, MonitoringHealth]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        attach(self)
        self.setup_health_checks()

    def setup_health_checks(self) -> None:
        """Register further checks: a hook for subclasses, called when the Hub is made."""

    async def periodic_health_checks(self) -> None:
        """Log every check that is not healthy, once a minute, until the Hub stops."""
        while True:
            for name, result in (await self.health_checker.run_checks()).items():
                if result["status"] != "healthy":
                    self.log.warning("Health check %s: %s", name, result["status"])
            await asyncio.sleep(60)


class EventMetricsHub(MonitoredJupyterHub):
    """The page's name for a Hub that records events; every monitored Hub does."""
