"""The rules that we ship, made to fit: the prefix, the Hub's label, thresholds, what is off.

The files in `rules/` are Prometheus rule files as they stand, with the default of everything in
them. Four things in them are found by how they are written, and replaced:

    jupyterhub_running_servers        the prefix, as the first part of a word
    by (job, instance)                the word `instance`: the label that tells one Hub from another
    {job="jupyterhub"}                the job of the Hub, and that of the monitoring service
    > 0.9  # memory_critical_ratio    the last number before a name in a comment: a threshold

Rules in `optional.yaml` are off unless asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ..._version import __version__
from ...metrics.spec import PREFIX

RULES = Path(__file__).parents[2] / "rules"
OPTIONAL = "optional.yaml"

HUB_JOB, SERVICE_JOB, HUB_LABEL = "jupyterhub", "jupyterhub-monitoring", "instance"
RUNBOOK_BASE = (
    "https://github.com/jupyterhub-monitoring/jupyterhub-monitoring/blob/main/docs/runbooks"
)

THRESHOLD = re.compile(r"(?m)(?<![\w.])(\d+(?:\.\d+)?)(\D*?)# (\w+)$")
_PREFIX = re.compile(r"\bjupyterhub_(?=\w)")
_HUB_LABEL = re.compile(rf"\b{HUB_LABEL}\b")
_JOB = re.compile(rf'job="({HUB_JOB}|{SERVICE_JOB})"')

Rule = dict[str, Any]
"""One rule as its file has it: `alert` or `record`, `expr`, `for`, `labels`, `annotations`."""


@dataclass(frozen=True, slots=True)
class PackParameters:
    """What is not the same for every Hub.

    *thresholds* has each that the files name. *for_seconds* is by the alert's name, as *disabled*
    and *enabled_extra* are; names that no alert has do nothing here: `unknown_alerts` finds them.
    *hub_label* is a label of the Hub's series that outlives a restart of the Hub.
    """

    thresholds: Mapping[str, float]
    for_seconds: Mapping[str, float]
    disabled: frozenset[str] = frozenset()
    enabled_extra: frozenset[str] = frozenset()
    prefix: str = PREFIX
    hub_label: str = HUB_LABEL
    hub_job: str = HUB_JOB
    service_job: str = SERVICE_JOB
    runbook_base: str = RUNBOOK_BASE

    def has(self, file: str, alert: str) -> bool:
        """Whether the rules of *alert*, which stand in *file*, are in the pack."""
        wanted = file != OPTIONAL or alert in self.enabled_extra
        return wanted and alert not in self.disabled


def render_pack(parameters: PackParameters) -> dict[str, str]:
    """Return the pack as rule files, text by name. The same parameters give the same bytes."""
    rendered = {name: _groups(name, groups, parameters) for name, groups in _files().items()}
    return {name: _text(groups) for name, groups in rendered.items() if groups}


def alert_names(*, optional: bool | None = None) -> list[str]:
    """Return the names of the pack's alerts in its order; only those that are optional, or not."""
    names = {
        rule["alert"]: None
        for file, groups in _files().items()
        if optional is None or optional == (file == OPTIONAL)
        for group in groups
        for rule in group["rules"]
        if "alert" in rule
    }
    return list(names)


def thresholds() -> dict[str, float]:
    """Return the thresholds that the files name, with the numbers that stand there."""
    texts = [rule["expr"] for groups in _files().values() for g in groups for rule in g["rules"]]
    return {match[3]: float(match[1]) for text in texts for match in THRESHOLD.finditer(text)}


def rules(text: str) -> Iterator[Rule]:
    """Yield the rules in a rule file's text, in order."""
    for group in yaml.safe_load(text)["groups"]:
        yield from group["rules"]


@cache
def _files() -> dict[str, list[dict[str, Any]]]:
    """Return the groups of each file, by the file's name. Nobody changes them."""
    return {
        path.name: yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        for path in sorted(RULES.glob("*.yaml"))
    }


def _groups(
    file: str, groups: list[dict[str, Any]], parameters: PackParameters
) -> list[dict[str, Any]]:
    """Return *groups* made to fit, without rules that are off and what is empty then."""
    made = [
        group
        | {
            "rules": [
                _rule(rule, parameters)
                for rule in group["rules"]
                if "alert" not in rule or parameters.has(file, rule["alert"])
            ]
        }
        for group in groups
    ]
    return [group for group in made if group["rules"]]


def _rule(rule: Rule, parameters: PackParameters) -> Rule:
    made: Rule = {key: _fitted(value, parameters) for key, value in rule.items()}
    alert = rule.get("alert")
    if alert is None:
        return made
    if alert in parameters.for_seconds:
        made["for"] = _duration(parameters.for_seconds[alert])
    made["annotations"]["runbook_url"] = f"{parameters.runbook_base.rstrip('/')}/{alert}.md"
    return made


def _fitted(value: Any, parameters: PackParameters) -> Any:
    if isinstance(value, dict):
        return {key: _fitted(inner, parameters) for key, inner in value.items()}
    jobs = {HUB_JOB: parameters.hub_job, SERVICE_JOB: parameters.service_job}
    text = THRESHOLD.sub(
        lambda match: f"{_number(parameters.thresholds[match[3]])}{match[2]}# {match[3]}", value
    )
    text = _PREFIX.sub(f"{parameters.prefix}_", text)
    text = _HUB_LABEL.sub(parameters.hub_label, text)
    return _JOB.sub(lambda match: f'job="{jobs[match[1]]}"', text)


def _number(value: float) -> str:
    """Return *value* as PromQL takes it, exactly, and a whole one without a point."""
    return str(int(value)) if value == int(value) else repr(value)


def _duration(seconds: float) -> str:
    milliseconds = round(seconds * 1000)
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as the lines that it has."""


def _lines(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _lines)


def _text(groups: list[dict[str, Any]]) -> str:
    head = (
        f"# Made by jupyterhub-monitoring {__version__}. Numbers with a name behind them are\n"
        "# settings: c.MonitoringRules. Change those, not this file.\n"
    )
    body: str = yaml.dump(
        {"groups": groups}, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True
    )
    return head + body
