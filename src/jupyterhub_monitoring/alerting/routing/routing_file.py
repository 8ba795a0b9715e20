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
from .strict_yaml import (
    Reader,
    Reading,
    collecting,
    document,
    list_of,
    path,
    record,
    text,
    without_secrets,
)
from .time_interval import TimeInterval
from .time_interval_config import named_intervals

_SUFFIX = "_configs"


def load_routing(
    yaml: str, folder: Path | None = None, name: str = "alertmanager.yml"
) -> RoutingConfig:
    """Return what the text *yaml* says. Raises `WrongRouting`, which says wherever it is wrong.

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
    """Read the parts in the order in which they need each other.

    What needs a part that is wrong is not judged by it: one mistake is one problem.
    """
    found: dict[str, Any] = {}

    def entries(key: str, reader: Reader) -> list[Any]:
        listed: list[Any] = reading.read(parts[key], list_of(reader)) if key in parts else []
        return listed

    with collecting() as part:
        with part():
            found["global"] = global_config(parts.get("global"), reading)
        with part():
            one = partial(_receiver, of_global=found.get("global"), taken=set())
            found["receivers"] = tuple(entries("receivers", one))
        with part():
            each = partial(_intervals, taken=set())
            named = entries("mute_time_intervals", each) + entries("time_intervals", each)
            found["time_intervals"] = dict(named)
        with part():
            found["inhibit_rules"] = tuple(entries("inhibit_rules", inhibit_rule))
        with part():
            found["templates"] = tuple(entries("templates", path))
        with part():
            root = partial(root_route, names=_names(found))
            found["route"] = reading.read(parts["route"], root)
    found["resolve_timeout"] = found.pop("global")["resolve_timeout"]
    return found


def _names(found: Mapping[str, Any]) -> Names:
    """Return what routes may name: anything, where that could not be read."""
    receivers: Iterable[ReceiverConfig] | None = found.get("receivers")
    return Names(
        None if receivers is None else {receiver.name for receiver in receivers},
        found.get("time_intervals"),
    )


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
    node: Node, reading: Reading, of_global: Mapping[str, Any] | None, taken: set[str]
) -> ReceiverConfig:
    settings = _receiver_keys(node, reading)
    name, integrations = settings.pop("name"), []
    with collecting() as part:
        with part():
            if name in taken:
                raise reading.wrong(node, f"receiver name {name!r} is not unique")
        taken.add(name)
        with part():
            integrations = _integrations(settings, reading, of_global)
    return ReceiverConfig(name, tuple(integrations))


def _integrations(
    settings: Mapping[str, list[Node]], reading: Reading, of_global: Mapping[str, Any] | None
) -> list[IntegrationConfig]:
    """Read all of one receiver; without *of_global* they are not completed."""
    found = []
    with collecting() as part:
        for key, entries in settings.items():
            for entry in entries:
                with part():
                    found.append(_integration(key, entry, reading, of_global))
    return found


def _integration(
    key: str, entry: Node, reading: Reading, of_global: Mapping[str, Any] | None
) -> IntegrationConfig:
    kind = key.removesuffix(_SUFFIX)
    written = reading.read(entry, INTEGRATIONS[kind])
    written.setdefault("send_resolved", kind not in SILENT_ABOUT_ENDS)
    integration = IntegrationConfig(kind, written)
    if of_global is None:
        return integration
    integration, missing = completed(integration, of_global)
    if missing:
        raise reading.wrong(entry, f"{key}: {missing}")
    return integration
