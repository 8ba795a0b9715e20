"""Reads an Alertmanager configuration file as it is, and refuses what Alertmanager refuses."""

from __future__ import annotations

from pathlib import Path

from ..errors import WrongRouting
from .routing_config import RoutingConfig


def load_routing(
    text: str, folder: Path | None = None, name: str = "alertmanager.yml"
) -> RoutingConfig:
    """Return what the YAML *text* says. Raises `WrongRouting`, which says where it is wrong.

    Relative paths in it are taken from *folder*, the one of the file; *name* is for errors.
    """
    raise WrongRouting(f"{name}: not written yet")
