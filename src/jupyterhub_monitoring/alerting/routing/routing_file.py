"""Reads an Alertmanager configuration file as it is, and refuses what Alertmanager refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from yaml.nodes import Node

from ...errors import WrongRouting
from ..rules.checks import needs
from .global_config import completed, global_config
from .integration_tables import INTEGRATIONS, SILENT_ABOUT_ENDS
from .receiver_config import IntegrationConfig, ReceiverConfig
from .routing_config import RoutingConfig
from .routing_tree import Names, inhibit_rule, root_route
from .strict_yaml import Reader, Reading, document, list_of, path, record, text, without_secrets
from .time_interval import TimeInterval
from .time_interval_config import named_intervals

_SUFFIX = "_configs"


def load_routing(
    yaml: str, folder: Path | None = None, name: str = "alertmanager.yml"
) -> RoutingConfig:
    """Return what the text *yaml* says. Raises `WrongRouting`, which says where it is wrong.

    Relative paths in it are taken from *folder*, the one of the file; *name* is for errors.
    No file is read: neither templates nor secrets.
    """
    reading = Reading(name, folder)
    node = document(yaml, reading)
    if node is None:
        raise WrongRouting(f"{name}: no route provided in config")
    parts: dict[str, Node] = _top(node, reading)
    if "route" not in parts:
        raise reading.wrong(node, "no routes provided")
    config = _config(parts, reading)
    return RoutingConfig(**config, text=without_secrets(node, reading))


def _itself(node: Node, _: Reading) -> Node:
    return node


_top = record(
    "the file",
    dict.fromkeys(
        (
            *("global", "route", "inhibit_rules", "receivers", "templates"),
            *("mute_time_intervals", "time_intervals"),
        ),
        _itself,
    ),
)


def _config(parts: Mapping[str, Node], reading: Reading) -> dict[str, Any]:
    """Read the parts in the order in which they need each other."""

    def entries(key: str, reader: Reader) -> list[Any]:
        found: list[Any] = reading.read(parts[key], list_of(reader)) if key in parts else []
        return found

    of_global = global_config(parts.get("global"), reading)
    receivers = entries("receivers", partial(_receiver, of_global=of_global, taken=set()))
    reader = partial(_intervals, taken=set())
    named = entries("mute_time_intervals", reader) + entries("time_intervals", reader)
    intervals: dict[str, tuple[TimeInterval, ...]] = dict(named)
    names = Names({receiver.name for receiver in receivers}, intervals)
    return {
        "route": reading.read(parts["route"], partial(root_route, names=names)),
        "receivers": tuple(receivers),
        "inhibit_rules": tuple(entries("inhibit_rules", inhibit_rule)),
        "time_intervals": intervals,
        "templates": tuple(entries("templates", path)),
        "resolve_timeout": of_global["resolve_timeout"],
    }


def _intervals(
    node: Node, reading: Reading, taken: set[str]
) -> tuple[str, tuple[TimeInterval, ...]]:
    settings = named_intervals(node, reading)
    name = settings["name"]
    if name in taken:
        raise reading.wrong(node, f"time interval {name!r} is not unique")
    taken.add(name)
    return name, tuple(settings.get("time_intervals", ()))


_receiver_keys = record(
    "a receiver",
    {"name": text, **{f"{kind}{_SUFFIX}": list_of(_itself) for kind in INTEGRATIONS}},
    needs("name"),
)


def _receiver(
    node: Node, reading: Reading, of_global: Mapping[str, Any], taken: set[str]
) -> ReceiverConfig:
    settings = _receiver_keys(node, reading)
    name = settings.pop("name")
    if name in taken:
        raise reading.wrong(node, f"receiver name {name!r} is not unique")
    taken.add(name)
    return ReceiverConfig(name, tuple(_integrations(settings, reading, of_global)))


def _integrations(
    settings: Mapping[str, list[Node]], reading: Reading, of_global: Mapping[str, Any]
) -> Iterable[IntegrationConfig]:
    for key, entries in settings.items():
        kind = key.removesuffix(_SUFFIX)
        for entry in entries:
            written = reading.read(entry, INTEGRATIONS[kind])
            written.setdefault("send_resolved", kind not in SILENT_ABOUT_ENDS)
            integration, missing = completed(IntegrationConfig(kind, written), of_global)
            if missing:
                raise reading.wrong(entry, f"{key}: {missing}")
            yield integration
