"""A curve's PromQL as Grafana asks for it: its macros, our variables, the Hub that is chosen.

`$window` of a curve is `$__rate_interval` of Grafana by its very definition: the step and one
scrape more, and no less than four scrapes. `increase(m[$events]) * $scale`, how often something
happened in each step, is `increase(m[$__rate_interval]) * $__interval_ms / $__rate_interval_ms`:
`increase` tells of the whole range, of which a step is that share. From a step of three scrapes on
the range is the step and one scrape, so each event is in some step; the dashboards' variable
`interval`, below which no step of a plot of events goes, begins at four scrapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ..alerting.rules.pack import HUB_JOB, HUB_LABEL, SERVICE_JOB, PackParameters
from ..dashboards import Curve, Fold, Panel
from ..promql.ast import Selector
from ..promql.budget import Limits
from ..promql.parser import parse

LARGEST = 10
"""As many lines of people or servers are drawn; the others are added up."""

_MACROS = {
    "window": ("610011ms", "$__rate_interval"),
    "events": ("610012ms", "$__rate_interval"),
    "scale": ("610013.25", "$__interval_ms / $__rate_interval_ms"),
}
"""For each place: what stands for it while the query is parsed, and what Grafana replaces."""

_VARIABLES = {"username": "user", "server_name": "server", "namespace": "namespace"}
"""For each other place: the dashboard's variable that fills it."""

_PLACE = re.compile(r'(!?)="\$(\w+)"')
_GROUPING = re.compile(r"\b(?:by|on) \([^()]*\)")
_ANY_JOB = {"ALERTS"}
"""Of these `job` is another thing's: that of the series that the alert was about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One query of a panel, and how its series are named."""

    expr: str
    legend: str


def queries(panel: Panel, pack: PackParameters, *, foreign: bool = False) -> Iterator[list[Asked]]:
    """Yield for each curve of *panel* what Grafana asks. *foreign* series have no label of ours."""
    for curve in panel.curves:
        expr = _expression(curve, pack, foreign=foreign)
        legend = curve.legend.replace(f"{{{{{HUB_LABEL}}}}}", f"{{{{{pack.hub_label}}}}}")
        if panel.fold is Fold.SUM:
            largest = f"topk({LARGEST}, {expr})"
            others = f"sum({expr}) - sum({largest}) > 0"
            yield [Asked(_named(largest, curve), legend), Asked(others, "others")]
        else:
            yield [Asked(_named(expr, curve), legend)]


def fitted(expr: str, pack: PackParameters) -> str:
    """Return *expr*, a query without places, of the Hubs that are chosen."""
    return _expression(Curve(expr, ""), pack, foreign=False)


def _expression(curve: Curve, pack: PackParameters, *, foreign: bool) -> str:
    stand_ins = {name: stand_in for name, (stand_in, _) in _MACROS.items()}
    places = {name: f"${variable}" for name, variable in _VARIABLES.items()}
    text = _PLACE.sub(r'\1=~"$\2"', curve.expr)
    text = Curve(text, "").query({**stand_ins, **places}, pack.prefix)
    if not foreign:
        text = _of_chosen_hubs(text, pack)
    for stand_in, macro in _MACROS.values():
        text = text.replace(stand_in, macro)
    return text


def _of_chosen_hubs(text: str, pack: PackParameters) -> str:
    """Return *text* with the matchers of the variables `job` and `hub` in each selector."""
    found = sorted(_selectors(parse(text, Limits())), key=lambda one: one.span.start)
    for selector in reversed(found):
        matchers = f'{pack.hub_label}=~"$hub"'
        if not _has(selector, "job") and selector.name not in _ANY_JOB:
            matchers = f'job=~"$job",{matchers}'
        end = selector.span.start + len(selector.name or "")
        rest = text[end:]
        if rest.startswith("{"):
            text = f"{text[:end]}{{{matchers},{rest[1:]}"
        else:
            text = f"{text[:end]}{{{matchers}}}{rest}"
    jobs = {HUB_JOB: pack.hub_job, SERVICE_JOB: pack.service_job}
    for ours, theirs in jobs.items():
        text = text.replace(f'job="{ours}"', f'job="{theirs}"')
    return _GROUPING.sub(lambda match: match[0].replace(HUB_LABEL, pack.hub_label), text)


def _has(selector: Selector, label: str) -> bool:
    return any(matcher.name == label for matcher in selector.matchers)


def _selectors(node: Any) -> Iterator[Selector]:
    """Yield the selectors of a tree."""
    if isinstance(node, Selector):
        yield node
    elif is_dataclass(node):
        for field in fields(node):
            yield from _selectors(getattr(node, field.name))
    elif isinstance(node, tuple):
        for one in node:
            yield from _selectors(one)


def _named(expr: str, curve: Curve) -> str:
    """Return *expr* in which the default server, which has an empty name, is called `default`."""
    if "{{server_name}}" not in curve.legend:
        return expr
    return f'label_replace({expr}, "server_name", "default", "server_name", "")'
