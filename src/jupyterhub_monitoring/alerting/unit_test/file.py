"""A file of rule tests, in promtool's format, as records."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml.nodes import Node

from ...errors import WrongRouting
from ...store.selection import Labels
from ..alert import Millis
from ..rfc3339 import parse_rfc3339
from ..routing.strict_yaml import (
    MOST_BYTES,
    Reading,
    document,
    duration,
    flag,
    list_of,
    map_of,
    record,
    text,
)
from ..rules.rule_yaml import keys_of
from ..text_file import read_text

DEFAULT_INTERVAL_MS: Millis = 60_000

_RULES = (
    "this is a file with rules, not with unit tests of them; `jupyterhub-monitoring rules check`"
    " takes it"
)


@dataclass(frozen=True, slots=True)
class AlertCase:
    """What alerts of one name are to fire at a time: their labels and annotations."""

    eval_time_ms: Millis
    alertname: str
    expected: tuple[tuple[Labels, Labels], ...]


@dataclass(frozen=True, slots=True)
class ExpectedSample:
    """One series of an answer; its labels as they are written."""

    labels: str
    value: float
    histogram: str


@dataclass(frozen=True, slots=True)
class ExprCase:
    """What an expression is to give at a time."""

    expr: str
    eval_time_ms: Millis
    expected: tuple[ExpectedSample, ...]


@dataclass(frozen=True, slots=True)
class TestCase:
    """Input series, and what is to come of them. *series* are (label set, values) as written."""

    name: str
    interval_ms: Millis
    series: tuple[tuple[str, str], ...]
    alerts: tuple[AlertCase, ...]
    exprs: tuple[ExprCase, ...]
    external_labels: Mapping[str, str]
    external_url: str
    start_ms: Millis

    @property
    def last_ms(self) -> Millis:
        """How long after the start the last case is."""
        alerts = [case.eval_time_ms for case in self.alerts]
        return max([0, *alerts, *(case.eval_time_ms for case in self.exprs)])


@dataclass(frozen=True, slots=True)
class UnitTestFile:
    """A whole file. *rule_files* are the patterns, each with the files that it matches."""

    rule_files: tuple[tuple[str, tuple[str, ...]], ...]
    evaluation_interval_ms: Millis
    group_eval_order: tuple[str, ...]
    tests: tuple[TestCase, ...]
    fuzzy_compare: bool


def read_test_file(path: Path) -> UnitTestFile:
    """Read the file at *path*. Raises OSError, and `WrongRouting` with the line."""
    reading = Reading(str(path), None)
    node = document(read_text(path, MOST_BYTES), reading)
    if node is not None and (line := keys_of(node).get("groups")) is not None:
        raise WrongRouting(f"{path}:{line}: {_RULES}")
    found = {} if node is None else _FILE(node, reading)
    if len(set(order := found.get("group_eval_order", []))) < len(order):
        raise WrongRouting(f"{path}: a group is repeated in group_eval_order")
    interval_ms = found.get("evaluation_interval") or DEFAULT_INTERVAL_MS
    return UnitTestFile(
        rule_files=tuple(_matched(path.parent, name) for name in found.get("rule_files", ())),
        evaluation_interval_ms=interval_ms,
        group_eval_order=tuple(order),
        tests=tuple(_test(one, interval_ms) for one in found.get("tests", ())),
        fuzzy_compare=found.get("fuzzy_compare", False),
    )


def _matched(folder: Path, pattern: str) -> tuple[str, tuple[str, ...]]:
    full = str(folder / pattern)
    return full, tuple(sorted(glob.glob(full)))  # noqa: PTH207 -- may be absolute


def _test(found: Mapping[str, Any], interval_ms: Millis) -> TestCase:
    series: Sequence[Mapping[str, str]] = found.get("input_series", ())
    return TestCase(
        name=found.get("name", ""),
        interval_ms=found.get("interval") or interval_ms,
        series=tuple((one.get("series", ""), one.get("values", "")) for one in series),
        alerts=tuple(map(_alert_case, found.get("alert_rule_test", ()))),
        exprs=tuple(map(_expr_case, found.get("promql_expr_test", ()))),
        external_labels=found.get("external_labels", {}),
        external_url=found.get("external_url", ""),
        start_ms=found.get("start_timestamp", 0),
    )


def _alert_case(found: Mapping[str, Any]) -> AlertCase:
    expected = [
        (_sorted(one.get("exp_labels", {})), _sorted(one.get("exp_annotations", {})))
        for one in found.get("exp_alerts", ())
    ]
    return AlertCase(found.get("eval_time", 0), found.get("alertname", ""), tuple(expected))


def _sorted(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _expr_case(found: Mapping[str, Any]) -> ExprCase:
    expected = [
        ExpectedSample(one.get("labels", ""), one.get("value", 0.0), one.get("histogram", ""))
        for one in found.get("exp_samples", ())
    ]
    return ExprCase(found.get("expr", ""), found.get("eval_time", 0), tuple(expected))


# --- The keys --------------------------------------------------------------------------------


def _number(node: Node, reading: Reading) -> float:
    """Read a number as YAML writes it: `.inf`, `.NaN`, 0x1F and 1_000 included."""
    word = text(node, reading).replace("_", "")
    plain = word.lower().lstrip("+-")
    try:
        if plain in {".inf", ".nan"}:
            return float(word.replace(".", "", 1))
        return float(int(word, 0)) if plain.startswith(("0x", "0o", "0b")) else float(word)
    except ValueError:
        raise reading.wrong(node, f"expected a number, found {word!r}") from None


def _moment(node: Node, reading: Reading) -> Millis:
    """Read seconds since 1970 or RFC 3339."""
    word = text(node, reading)
    try:
        return round(float(word) * 1000)
    except ValueError:
        pass
    try:
        return parse_rfc3339(word)
    except ValueError:
        raise reading.wrong(node, f"cannot parse {word!r} to a valid timestamp") from None


_SERIES = record("an input series", {"series": text, "values": text})
_ALERT = record("an alert", {"exp_labels": map_of(text), "exp_annotations": map_of(text)})
_SAMPLE = record("a sample", {"labels": text, "value": _number, "histogram": text})
_ALERT_CASE = record(
    "alert_rule_test",
    {"eval_time": duration, "alertname": text, "exp_alerts": list_of(_ALERT)},
)
_EXPR_CASE = record(
    "promql_expr_test",
    {"expr": text, "eval_time": duration, "exp_samples": list_of(_SAMPLE)},
)
_TEST = record(
    "a test",
    {
        "interval": duration,
        "input_series": list_of(_SERIES),
        "alert_rule_test": list_of(_ALERT_CASE),
        "promql_expr_test": list_of(_EXPR_CASE),
        "external_labels": map_of(text),
        "external_url": text,
        "name": text,
        "start_timestamp": _moment,
    },
)
_FILE = record(
    "a file of rule tests",
    {
        "rule_files": list_of(text),
        "evaluation_interval": duration,
        "group_eval_order": list_of(text),
        "tests": list_of(_TEST),
        "fuzzy_compare": flag,
    },
)
