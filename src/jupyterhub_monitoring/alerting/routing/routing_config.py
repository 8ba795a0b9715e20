"""An Alertmanager configuration, once it is read: who is told of what, when, and how.

`routing_file.load_routing` makes one from the file, `simple_config` from nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import yaml

from ...promql.numbers import format_duration
from ...store.matcher import MatchType
from ..alert import ALERTNAME, Millis
from .inhibit import InhibitRule
from .matcher import Matcher, Matchers, in_order, matchers_text
from .receiver_config import ReceiverConfig
from .route import Route
from .time_interval import TimeInterval

FOLLOW = "limits|logins|requests|spawns"
"""Values of `component` on alerts of the pack that are no news while the Hub does not answer."""

ONE_SERIES = f"hub|{FOLLOW}"
"""... of which a rule has one alert for each Hub, so that the more severe one says it all."""

NOBODY = "nobody"
"""The receiver without a way to tell it: for the watchdog, which always fires."""


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
    group_by: Sequence[str] = ("component", "job", "severity"),
    group_wait: Millis = 30_000,
    group_interval: Millis = 300_000,
    repeat_interval: Millis = 14_400_000,
    hub_down: str = "JupyterHubDown",
    hub_label: str = "instance",
) -> RoutingConfig:
    """Return the configuration of an operator who only says whom to tell: *receiver* is told all.

    One cause raises several alerts of one component; they are one message for each severity, so
    that a critical one does not wait for the next message about a warning.

    Hidden are, on the same Hub: what follows from the alert *hub_down* (an empty name leaves that
    out), and the warning of a rule that is critical already. *hub_label* tells Hubs apart.
    """
    watchdog = (Matcher(ALERTNAME, MatchType.REGEX, ".*Watchdog"),)
    root = Route(
        receiver,
        group_by=frozenset(group_by),
        group_wait=group_wait,
        group_interval=group_interval,
        repeat_interval=repeat_interval,
    )
    key = f"{{}}/{matchers_text(watchdog)}"
    aside = replace(root, receiver=NOBODY, matchers=watchdog, key=key, id=f"{key}/0")
    config = RoutingConfig(
        replace(root, routes=(aside,)),
        (ReceiverConfig(receiver), ReceiverConfig(NOBODY)),
        (*(_down(hub_down, hub_label) if hub_down else ()), _worse(hub_label)),
    )
    return replace(config, text=_text(config))


def _down(name: str, hub_label: str) -> tuple[InhibitRule, InhibitRule]:
    """Return the rules for a Hub that is down, and for a job of which no target is left."""
    down = Matcher(ALERTNAME, MatchType.EQUAL, name)
    no_target = Matcher(hub_label, MatchType.EQUAL, "")
    follows = (Matcher("component", MatchType.REGEX, FOLLOW),)
    return (
        InhibitRule((down,), follows, ("job", hub_label)),
        InhibitRule(in_order((down, no_target)), follows, ("job",)),
    )


def _worse(hub_label: str) -> InhibitRule:
    return InhibitRule(
        in_order(
            (
                Matcher("component", MatchType.REGEX, ONE_SERIES),
                Matcher("severity", MatchType.EQUAL, "critical"),
            )
        ),
        (Matcher("severity", MatchType.REGEX, "warning|info"),),
        (ALERTNAME, "job", hub_label),
    )


def _text(config: RoutingConfig) -> str:
    """Return the file that says what a *config* of `simple_config` does."""
    route = config.route
    written = {
        "route": {
            "receiver": route.receiver,
            "group_by": sorted(route.group_by),
            "group_wait": format_duration(route.group_wait),
            "group_interval": format_duration(route.group_interval),
            "repeat_interval": format_duration(route.repeat_interval),
            "routes": [
                {"receiver": below.receiver, "matchers": _list(below.matchers)}
                for below in route.routes
            ],
        },
        "receivers": [{"name": receiver.name} for receiver in config.receivers],
        "inhibit_rules": [
            {
                "source_matchers": _list(rule.source),
                "target_matchers": _list(rule.target),
                "equal": list(rule.equal),
            }
            for rule in config.inhibit_rules
        ],
    }
    return str(yaml.safe_dump(written, sort_keys=False, allow_unicode=True))


def _list(matchers: Matchers) -> list[str]:
    return [str(matcher) for matcher in matchers]
