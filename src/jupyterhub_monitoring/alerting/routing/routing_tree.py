"""Reads the `route` tree and the `inhibit_rules`, in the words of today and those of long ago."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from yaml.nodes import Node, SequenceNode

from ...errors import BadData
from ...promql.quoting import is_utf8
from ...store.matcher import MatchType
from ..alert import Millis
from .inhibit import InhibitRule
from .matcher import Matcher, Matchers, in_order, matchers_text
from .matcher_parser import parse_matchers
from .route import Route
from .strict_yaml import (
    Reading,
    collecting,
    duration,
    flag,
    is_null,
    list_of,
    pairs,
    record,
    text,
)

ALL_LABELS = "..."
_CLASSIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


@dataclass(frozen=True)
class Names:
    """What is defined elsewhere in the file; None: that could not be read, any name is taken."""

    receivers: Container[str] | None
    intervals: Container[str] | None


# --- Matchers ------------------------------------------------------------------------------------


def _matchers(node: Node, reading: Reading) -> Matchers:
    try:
        return parse_matchers(text(node, reading))
    except BadData as error:
        raise reading.wrong(node, str(error)) from None


def _old_matchers(node: Node, reading: Reading, *, regex: bool) -> Matchers:
    """Read a mapping of label to value; a regular expression is kept as Alertmanager keeps it."""
    found = []
    for name, key, value in pairs(node, reading):
        if not _CLASSIC_NAME.fullmatch(name):
            raise reading.wrong(key, f"invalid label name {name!r}")
        if regex and is_null(value):
            raise reading.wrong(key, f"invalid regexp value for {name!r}")
        written = text(value, reading)
        kind, meant = (MatchType.REGEX, f"^(?:{written})$") if regex else (MatchType.EQUAL, written)
        try:
            found.append(Matcher(name, kind, meant))
        except BadData as error:
            raise reading.wrong(value, str(error)) from None
    return tuple(found)


_equal_to = partial(_old_matchers, regex=False)
_like = partial(_old_matchers, regex=True)


def _all_of(settings: Mapping[str, Any], side: str = "") -> Matchers:
    """Return what the three ways to write matchers come to."""
    listed = [m for matchers in settings.get(f"{side}matchers", ()) for m in matchers]
    old = (*settings.get(f"{side}match", ()), *settings.get(f"{side}match_re", ()))
    return in_order((*old, *listed))


def _label_name(node: Node, reading: Reading) -> str:
    name = text(node, reading)
    if not name or not is_utf8(name):
        raise reading.wrong(node, f"invalid label name {name!r}")
    return name


# --- Routes --------------------------------------------------------------------------------------


def _not_zero(node: Node, reading: Reading) -> Millis:
    interval = duration(node, reading)
    if interval == 0:
        raise reading.wrong(node, "the interval cannot be zero")
    return interval


def _group_by(node: Node, reading: Reading) -> list[str]:
    names: list[str] = list_of(_label_name)(node, reading)
    if ALL_LABELS in names and set(names) != {ALL_LABELS}:
        raise reading.wrong(node, "cannot have '...' and labels in group_by at the same time")
    labels = [name for name in names if name != ALL_LABELS]
    twice = {name for name in labels if labels.count(name) > 1}
    if twice:
        raise reading.wrong(node, f"duplicated label {min(twice)!r} in group_by")
    return names


_route = record(
    "a route",
    {
        "receiver": text,
        "group_by": _group_by,
        "group_wait": duration,
        "group_interval": _not_zero,
        "repeat_interval": _not_zero,
        "matchers": list_of(_matchers),
        "match": _equal_to,
        "match_re": _like,
        "continue": flag,
        "mute_time_intervals": list_of(text),
        "active_time_intervals": list_of(text),
        "routes": list_of(lambda _, __: None),  # see `_below`
    },
)


def root_route(node: Node, reading: Reading, names: Names) -> Route:
    """Read the whole tree. The root takes every alert, and always."""
    return _below(node, reading, _Above(Route(""), names))


@dataclass(frozen=True)
class _Above:
    """What a route is read with: the one above, and where among its routes it stands."""

    parent: Route
    names: Names
    position: int | None = None  # None for the root


def _below(node: Node, reading: Reading, above: _Above) -> Route:
    """Read a route and all below it, these also where the route itself is wrong."""
    route, children = above.parent, []
    with collecting() as part:
        with part():
            route = _itself(node, reading, above)
        for position, child in enumerate(_children(node, reading)):
            reader = partial(_below, above=replace(above, parent=route, position=position))
            with part():
                children.append(reading.read(child, reader))
    return replace(route, routes=tuple(children))


def _children(node: Node, reading: Reading) -> list[Node]:
    """Return the routes below *node*; none where these are no list, which is told elsewhere."""
    routes = [value for name, _, value in pairs(node, reading) if name == "routes"]
    return [child for one in routes if isinstance(one, SequenceNode) for child in one.value]


def _itself(node: Node, reading: Reading, above: _Above) -> Route:
    own = _route(node, reading)
    if above.position is None:
        _check_root(node, reading, own)
    _check_names(node, reading, own, above.names)
    return _inheriting(above, own)


def _check_root(node: Node, reading: Reading, own: Mapping[str, Any]) -> None:
    if not own.get("receiver"):
        raise reading.wrong(node, "root route must specify a default receiver")
    if _all_of(own):
        raise reading.wrong(node, "root route must not have any matchers")
    if own.get("continue"):
        raise reading.wrong(node, "cannot have continue in root route")
    for key in ("mute_time_intervals", "active_time_intervals"):
        if own.get(key):
            raise reading.wrong(node, f"root route must not have any {key}")


def _check_names(node: Node, reading: Reading, own: Mapping[str, Any], names: Names) -> None:
    receiver, intervals = own.get("receiver"), names.intervals
    if receiver and names.receivers is not None and receiver not in names.receivers:
        raise reading.wrong(node, f"undefined receiver {receiver!r} used in route")
    for key in ("active_time_intervals", "mute_time_intervals"):
        for name in own.get(key, ()):
            if intervals is not None and name not in intervals:
                raise reading.wrong(node, f"undefined time interval {name!r} used in route")


def _inheriting(above: _Above, own: Mapping[str, Any]) -> Route:
    """Return the node without those below. An empty `group_by` says nothing, as in 0.25 to 0.30."""
    parent, matchers, labels = above.parent, _all_of(own), own.get("group_by")
    mine = matchers_text(matchers)
    root = above.position is None
    return Route(
        receiver=own.get("receiver") or parent.receiver,
        matchers=matchers,
        group_by=frozenset(labels) - {ALL_LABELS} if labels else parent.group_by,
        group_by_all=ALL_LABELS in labels if labels else parent.group_by_all,
        group_wait=own.get("group_wait", parent.group_wait),
        group_interval=own.get("group_interval", parent.group_interval),
        repeat_interval=own.get("repeat_interval", parent.repeat_interval),
        continues=own.get("continue", False),
        mute_time_intervals=tuple(own.get("mute_time_intervals", ())),
        active_time_intervals=tuple(own.get("active_time_intervals", ())),
        key=mine if root else f"{parent.key}/{mine}",
        id=mine if root else f"{parent.id}/{mine}/{above.position}",
    )


# --- Inhibition ----------------------------------------------------------------------------------

_inhibit_rule = record(
    "an inhibit rule",
    {
        "source_matchers": list_of(_matchers),
        "source_match": _equal_to,
        "source_match_re": _like,
        "target_matchers": list_of(_matchers),
        "target_match": _equal_to,
        "target_match_re": _like,
        "equal": list_of(_label_name),
    },
)


def inhibit_rule(node: Node, reading: Reading) -> InhibitRule:
    """Read one rule. A side without matchers means every alert."""
    settings = _inhibit_rule(node, reading)
    equal = tuple(dict.fromkeys(settings.get("equal", ())))
    return InhibitRule(_all_of(settings, "source_"), _all_of(settings, "target_"), equal)
