"""Alertmanager's API v2, for `amtool` and Grafana: alerts, groups, silences, receivers, status."""

from .routes import alertmanager_handlers

__all__ = ["alertmanager_handlers"]
