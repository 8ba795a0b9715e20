"""An Alertmanager configuration, once it is read: who is told of what, when, and how.

`routing_file.load_routing` makes one from the file, `simple_config` from nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ..promql.numbers import format_duration
from ..store.matcher import MatchType
from .alert import ALERTNAME, Millis
from .inhibit import InhibitRule
from .matcher import Matcher, Matchers, in_order
from .receiver_config import ReceiverConfig
from .route import Route
from .time_interval import TimeInterval

NEVER_HIDDEN = r"Monitoring.*|.*Watchdog|.*DeadMansSwitch"
"""Names of alerts that do not follow from a Hub that is down: about ourselves, and the switch."""


@dataclass(frozen=True)
class RoutingConfig:
    """Everything that the file says. All names that it uses are known to be defined."""

    route: Route  # the root
    receivers: tuple[ReceiverConfig, ...]
    inhibit_rules: tuple[InhibitRule, ...] = ()
    time_intervals: Mapping[str, tuple[TimeInterval, ...]] = field(default_factory=dict)
    templates: tuple[str, ...] = ()  # paths, which may hold `*`
    resolve_timeout: Millis = 300_000  # an alert sent without an end is over after this
    text: str = ""  # the YAML, its secrets hidden


def shown(config: RoutingConfig) -> str:
    """Return *config* as YAML that may be shown: no secret is in it, and amtool can read it."""
    return config.text


def simple_config(  # noqa: PLR0913 -- the settings of the one route, each with a default
    receiver: str = "default",
    *,
    group_by: Sequence[str] = (ALERTNAME, "job"),
    group_wait: Millis = 30_000,
    group_interval: Millis = 300_000,
    repeat_interval: Millis = 14_400_000,
    hub_down: str = "JupyterHubDown",
    equal: Sequence[str] = ("hub",),
) -> RoutingConfig:
    """Return the configuration of an operator who only says whom to tell: one receiver, told all.

    While the alert *hub_down* fires, what has the same labels *equal* is not told of, but for the
    alerts of `NEVER_HIDDEN`: it follows from it. An empty *hub_down* leaves that out.
    """
    route = Route(
        receiver,
        group_by=frozenset(group_by),
        group_wait=group_wait,
        group_interval=group_interval,
        repeat_interval=repeat_interval,
    )
    rules = (_hidden_by(hub_down, tuple(equal)),) if hub_down else ()
    config = RoutingConfig(route, (ReceiverConfig(receiver),), rules)
    return replace(config, text=_text(config))


def _hidden_by(name: str, equal: tuple[str, ...]) -> InhibitRule:
    source = Matcher(ALERTNAME, MatchType.EQUAL, name)
    others = Matcher(ALERTNAME, MatchType.NOT_EQUAL, name)
    follows = Matcher(ALERTNAME, MatchType.NOT_REGEX, NEVER_HIDDEN)
    return InhibitRule((source,), in_order((others, follows)), equal)


def _text(config: RoutingConfig) -> str:
    """Return a file that says what a *config* of one route and one receiver does."""
    route, name = config.route, json.dumps(config.route.receiver)
    lines = [
        "route:",
        f"  receiver: {name}",
        f"  group_by: {json.dumps(sorted(route.group_by))}",
        f"  group_wait: {format_duration(route.group_wait)}",
        f"  group_interval: {format_duration(route.group_interval)}",
        f"  repeat_interval: {format_duration(route.repeat_interval)}",
        "receivers:",
        f"  - name: {name}",
    ]
    if config.inhibit_rules:
        lines.append("inhibit_rules:")
    for rule in config.inhibit_rules:
        lines += [
            f"  - source_matchers: {_list(rule.source)}",
            f"    target_matchers: {_list(rule.target)}",
            f"    equal: {json.dumps(list(rule.equal))}",
        ]
    return "\n".join(lines) + "\n"


def _list(matchers: Matchers) -> str:
    return json.dumps([str(matcher) for matcher in matchers], ensure_ascii=False)
