"""What the settings say about who is told: a routing tree, and the ways to tell its receivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import WrongRouting
from .message import Receivers
from .receivers.build_receivers import build_receivers
from .routing.routing_config import RoutingConfig, simple_config
from .routing.routing_file import load_routing
from .routing.strict_yaml import MOST_BYTES
from .rules.pack import HUB_LABEL
from .settings import MonitoringAlerts
from .text_file import read_text

NOTIFY = "notify"
"""The receiver that the addresses of `c.Monitoring.notify` are."""


@dataclass(frozen=True)
class Routing:
    """A configuration that can be used, and a sentence on each part of it that cannot."""

    config: RoutingConfig
    receivers: Receivers
    problems: tuple[str, ...] = ()
    broken: bool = False  # the routing file cannot be used; *config* stands in for it


def routing_of(
    settings: MonitoringAlerts,
    notify: Sequence[str],
    base_dir: Path,
    environ: Mapping[str, str] | None = None,
    *,
    hub_label: str = HUB_LABEL,
) -> Routing:
    """Return who is told, by *settings* and `c.Monitoring.notify`.

    *base_dir* is where a relative `routing_file` begins. Where that file cannot be used, all goes
    to *notify*, so that somebody is told. *hub_label* tells Hubs apart: `c.MonitoringRules` has it.
    """
    problems: list[str] = []
    broken = False
    extra = {**settings.receivers, **({NOTIFY: notify} if notify else {})}
    if not settings.routing_file:
        config = _simple(settings, hub_label)
    else:
        path = base_dir / settings.routing_file
        try:
            config = read_routing(path)
            base_dir = path.parent
        except WrongRouting as wrong:
            told = (
                "all goes to the addresses of c.Monitoring.notify" if notify else "nobody is told"
            )
            problems = [*wrong.problems, f"Until {path} is mended, {told}."]
            config, extra, broken = _simple(settings, hub_label), {NOTIFY: notify}, True
    receivers, wrong_parts = build_receivers(config, base_dir, extra, environ)
    return Routing(config, receivers, (*problems, *wrong_parts), broken)


def read_routing(path: Path) -> RoutingConfig:
    """Return the Alertmanager configuration at *path*. Raises `WrongRouting`."""
    try:
        text = read_text(path, MOST_BYTES)
    except OSError as error:
        raise WrongRouting(f"{path} cannot be read: {error.strerror}") from None
    return load_routing(text, path.parent.resolve(), str(path))


def _simple(settings: MonitoringAlerts, hub_label: str) -> RoutingConfig:
    return simple_config(
        NOTIFY,
        hub_label=hub_label,
        group_wait=round(settings.group_wait_seconds * 1000),
        group_interval=round(settings.group_interval_seconds * 1000),
        repeat_interval=round(settings.repeat_interval_seconds * 1000),
    )
