"""The built-in rules in a folder with their tests, as they are and with one number changed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from jupyterhub_monitoring.alerting.rules.pack import alert_names, render_pack
from jupyterhub_monitoring.alerting.rules.pack_settings import MonitoringRules
from jupyterhub_monitoring.promql.ast import Expr, Number, Selector
from jupyterhub_monitoring.promql.parser import parse
from support.peers import find

TESTS = sorted((Path(__file__).parents[1] / "rules").glob("*.test.yaml"))

Groups = list[dict[str, Any]]


def rendered(**settings: Any) -> dict[str, str]:
    """The pack with everything in it that there is, by file name."""
    settings.setdefault("enabled_extra", alert_names(optional=True))
    return render_pack(MonitoringRules(**settings).parameters()[0])


@cache
def groups() -> dict[str, Groups]:
    return {name: yaml.safe_load(text)["groups"] for name, text in rendered().items()}


@cache
def unit_tests() -> dict[str, dict[str, Any]]:
    return {path.name: yaml.safe_load(path.read_text()) for path in TESTS}


def rules(kind: str) -> list[dict[str, Any]]:
    """All rules of one *kind*, `alert` or `record`."""
    return [rule for gs in groups().values() for g in gs for rule in g["rules"] if kind in rule]


def nodes(expression: Any) -> Iterator[Any]:
    """Every node of a query's tree."""
    yield expression
    if is_dataclass(expression):
        for field in fields(expression):
            inner = getattr(expression, field.name)
            for one in inner if isinstance(inner, tuple) else (inner,):
                if is_dataclass(one):
                    yield from nodes(one)


def selectors(expression: Expr) -> list[Selector]:
    return [node for node in nodes(expression) if isinstance(node, Selector)]


# --- What promtool says ----------------------------------------------------------------------


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it; what it writes to either stream is `stdout`, in the order in which it did."""
    return subprocess.run(
        [find("promtool"), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


# --- One number changed ------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutant:
    """One rule with *what* changed in it. It has a name of its own, so that all run at once."""

    number: int
    what: str
    original: dict[str, Any]
    rule: dict[str, Any]

    @property
    def alert(self) -> str:
        name: str = self.original["alert"]
        return name

    @property
    def name(self) -> str:
        return f"{self.alert}__{self.number}"

    def __str__(self) -> str:
        labels = self.rule["labels"]
        step = ", ".join(labels[name] for name in ("severity", "window") if name in labels)
        return f"{self.alert} ({step}): {self.what}"

    def concerns(self, labels: dict[str, str]) -> bool:
        """Whether an alert with these labels would be of this rule, not of another step."""
        own = self.rule["labels"]
        return all(labels[name] == own.get(name) for name in own if name in labels)


@cache
def mutants() -> tuple[Mutant, ...]:
    """Every alerting rule with one number of its condition doubled or halved, or its `for`."""
    changed = [(rule, *how) for rule in rules("alert") for how in _changed(rule)]
    return tuple(
        Mutant(number, what, rule, made | {"alert": f"{rule['alert']}__{number}"})
        for number, (rule, what, made) in enumerate(changed)
    )


def _changed(rule: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    text = rule["expr"]
    numbers = {n.span.start: n for n in nodes(parse(text)) if isinstance(n, Number)}
    for number in numbers.values():
        if number.duration or text[number.span.end :].startswith(" - "):  # the 1 of `1 - 0.99`
            continue
        for value in _others(number.value):
            start, end = number.span.start, number.span.end
            what = f"the {text[start:end]} at {start} is {value:g}"
            yield what, rule | {"expr": f"{text[:start]}{value!r}{text[end:]}"}
    if "for" in rule:
        match = re.fullmatch(r"(\d+)(\w+)", rule["for"])
        assert match
        doubled = f"{2 * int(match[1])}{match[2]}"
        yield f"for {rule['for']} is {doubled}", rule | {"for": doubled}


def _others(value: float) -> tuple[float, ...]:
    if value == 0:
        return (1.0,)
    return (2 * value, value // 2 if value == int(value) and value < 10 else value / 2)


def write_mutants(alert: str, folder: Path) -> list[Path]:
    """Write each test that asks about *alert* in a folder of its own, with all its mutants."""
    written = []
    for name, whole in unit_tests().items():
        for number, test in enumerate(whole["tests"]):
            case = _for_mutants(alert, test)
            if case:
                (here := folder / f"{name}-{number}").mkdir()
                written.append(_write_test(here, whole | {"tests": [case]}))
    return written


def _write_test(folder: Path, test: dict[str, Any]) -> Path:
    asked = set(re.findall(r"\w+__\d+", repr(test["tests"])))
    for file in test["rule_files"]:
        made = [g | {"rules": _records_and_mutants(g["rules"], asked)} for g in groups()[file]]
        (folder / file).write_text(yaml.dump({"groups": made}, Dumper=_Dumper))
    path = folder / "rules.test.yaml"
    path.write_text(yaml.dump(test, Dumper=_Dumper, allow_unicode=True))
    return path


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Repeats what stands in several places: promtool allows few aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _records_and_mutants(original: list[dict[str, Any]], asked: set[str]) -> list[dict[str, Any]]:
    kept = [rule for rule in original if "record" in rule]
    wanted = [m for m in mutants() if m.name in asked]
    return kept + [m.rule for m in wanted if any(m.original is rule for rule in original)]


def _for_mutants(alert: str, case: dict[str, Any]) -> dict[str, Any] | None:
    """Return the same input, and what it should give if the mutants were no mutants."""
    told = repr(case)
    concerned = [
        m for m in mutants() if m.alert == alert and m.original["labels"].get("window", "") in told
    ]
    alerts = [
        {
            "alertname": mutant.name,
            "eval_time": asked["eval_time"],
            "exp_alerts": [a for a in asked["exp_alerts"] if mutant.concerns(a["exp_labels"])],
        }
        for asked in case.get("alert_rule_test", ())
        if asked["alertname"] == alert
        for mutant in concerned
    ]
    queries = [
        {
            "expr": asked["expr"].replace(f'"{alert}"', f'"{mutant.name}"'),
            "eval_time": asked["eval_time"],
            "exp_samples": [s for s in asked["exp_samples"] if mutant.concerns(_labels(s))],
        }
        for asked in case.get("promql_expr_test", ())
        if f'"{alert}"' in asked["expr"]
        for mutant in concerned
    ]
    if not alerts and not queries:
        return None
    return case | {"alert_rule_test": alerts, "promql_expr_test": queries}


def _labels(sample: dict[str, Any]) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', sample["labels"]))


def caught(report: str) -> set[int]:
    """The numbers of the mutants that a report of failed tests names."""
    return {int(number) for number in re.findall(r"__(\d+)", report)}
