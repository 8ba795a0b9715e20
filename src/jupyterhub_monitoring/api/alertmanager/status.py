"""`/api/v2/status` and `/api/v2/receivers`: the configuration in force, and who can be told."""

from __future__ import annotations

import platform

from ...alerting.rfc3339 import rfc3339_millis
from .handler import AlertmanagerHandler, PlainAnswer

ALERTMANAGER = "0.28.1"
"""The version of Alertmanager whose API this is, for clients that look."""


class AlertmanagerStatus(AlertmanagerHandler):
    """`/api/v2/status`."""

    endpoint = "/alertmanager/api/v2/status"

    async def show(self, *_args: str) -> None:
        """Answer with the version and the configuration, which has no secrets."""
        notifier, version = self.notifier, self.context.version
        await self.give(
            lambda: {
                "cluster": {"peers": [], "status": "disabled"},
                "config": {"original": notifier.routing.text},
                "uptime": rfc3339_millis(notifier.started_at),
                "versionInfo": {
                    "branch": "",
                    "buildDate": "",
                    "buildUser": "",
                    "goVersion": f"Python {platform.python_version()}",
                    "revision": f"jupyterhub-monitoring {version}",
                    "version": ALERTMANAGER,
                },
            }
        )


class ReceiverList(AlertmanagerHandler):
    """`/api/v2/receivers`."""

    endpoint = "/alertmanager/api/v2/receivers"

    async def show(self, *_args: str) -> None:
        """Answer with the names of all receivers."""
        notifier = self.notifier
        await self.give(lambda: [{"name": one.name} for one in notifier.routing.receivers])


class AlertmanagerHealthy(PlainAnswer):
    """`/-/healthy`."""

    endpoint = "/alertmanager/-/healthy"


class AlertmanagerReady(PlainAnswer):
    """`/-/ready`."""

    endpoint = "/alertmanager/-/ready"
