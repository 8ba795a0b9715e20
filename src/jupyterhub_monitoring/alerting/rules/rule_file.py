"""Prometheus's rule files: from YAML to rules, and everything that is wrong with one.

What `promtool check rules` refuses is refused here, and what it accepts is accepted, but for what
docs/how-to/rules.md lists. Source of the checks: prometheus/prometheus, `model/rulefmt`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from yaml.nodes import Node, ScalarNode

from ...errors import BadData, TemplateError, WrongRules
from ...promql.ast import Expr, Number, Span
from ...promql.parser import parse
from ..text_file import read_text
from .rule import AlertingRule, RecordingRule, Rule, RuleGroup
from .rule_template import RuleTemplate
from .rule_yaml import (
    MOST_BYTES,
    Reading,
    TooMuch,
    document,
    duration,
    first_line,
    integer,
    keys_of,
    line_of,
    mappings,
    record,
    text,
    texts,
)

__all__ = [
    "AlertingRule",
    "Checked",
    "RecordingRule",
    "Rule",
    "RuleGroup",
    "check_file",
    "check_rules",
    "read_rules",
]

MOST_RULES = 10_000
"""Rules of one file."""

_FILE_KEYS = ("groups",)
_GROUP_KEYS = ("name", "interval", "query_offset", "limit", "rules", "labels")
_RULE_KEYS = (
    *("record", "alert", "expr", "for", "keep_firing_for"),
    *("labels", "annotations"),
)
_TESTS = (
    "this is a file with unit tests of rules, not with rules; `jupyterhub-monitoring rules test`"
    " takes it"
)
_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_PLACE = re.compile(r"(\d+):\d+: ")
_NOTHING = Number(0.0, Span(0, 0), False)


@dataclass(frozen=True)
class Checked:
    """A rule file and what is wrong with it. Its groups are of use only where nothing is."""

    file: str
    groups: tuple[RuleGroup, ...]
    problems: tuple[WrongRules, ...] = ()

    @property
    def rules(self) -> int:
        """How many rules it has."""
        return sum(len(group.rules) for group in self.groups)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Rules that give the same series, or alerts of the same name and labels."""
        return tuple(_duplicates(rule for group in self.groups for rule in group.rules))


def read_rules(name: str, text: str) -> tuple[RuleGroup, ...]:
    """Return the groups of a rule file; *name* is what errors call it.

    Raises WrongRules for the first problem, with the number of the others.
    """
    checked = check_rules(name, text)
    if not checked.problems:
        return checked.groups
    first, *others = checked.problems
    more = f" (and {len(others)} more)" if others else ""
    raise WrongRules(name, first.line, f"{first.reason}{more}")


def check_file(path: str | os.PathLike[str]) -> Checked:
    """Read the rule file at *path*. That it cannot be read is one of its problems."""
    name = os.fspath(path)
    try:
        return check_rules(name, read_text(path, MOST_BYTES))
    except OSError as error:
        return Checked(name, (), (WrongRules(name, 0, str(error.strerror)),))


def check_rules(name: str, text: str) -> Checked:
    """Return what the rule file *text* says, and all that is wrong with it."""
    reading = Reading(name)
    groups: list[RuleGroup] = []
    try:
        root = document(text, reading)
        if (line := keys_of(root).get("tests")) is not None:
            reading.wrong(line, _TESTS)
            return Checked(name, (), tuple(reading.problems))
        top = record(root, _FILE_KEYS, "a rule file", reading)
        for node in mappings(top.get("groups"), "groups", "a group", reading):
            groups.append(_Group(node, reading).read(groups))
    except TooMuch:
        pass
    problems = sorted(reading.problems, key=lambda problem: problem.line)
    return Checked(name, tuple(groups), tuple(problems))


class _Group:
    """Reads one group."""

    def __init__(self, node: Node, reading: Reading) -> None:
        self.node, self.reading = node, reading
        self.parts = record(node, _GROUP_KEYS, "a group", reading)
        self.name = text(self.parts.get("name"), "name", reading)

    def read(self, before: Iterable[RuleGroup]) -> RuleGroup:
        line, reading, parts = line_of(self.node), self.reading, self.parts
        earlier = list(before)
        if not self.name and not _is_broken(parts.get("name")):
            reading.wrong(line, "Groupname must not be empty")
        if self.name in {group.name for group in earlier}:
            reading.wrong(line, f'groupname: "{self.name}" is repeated in the same file')
        labels = texts(parts.get("labels"), "labels", reading)
        _check_labels(labels, f'group "{self.name}": ', reading)
        _check_templates("label", labels, f'group "{self.name}": ', reading)
        written = {name: value for name, (value, _) in labels.items()}
        return RuleGroup(
            file=reading.file,
            name=self.name,
            rules=self._rules(written, sum(len(group.rules) for group in earlier)),
            interval_ms=duration(parts.get("interval"), "interval", reading) or 0,
            limit=integer(parts.get("limit"), "limit", reading),
            query_offset_ms=duration(parts.get("query_offset"), "query_offset", reading),
            labels=written,
            line=line,
        )

    def _rules(self, labels: Mapping[str, str], before: int) -> tuple[Rule, ...]:
        rules: list[Rule] = []
        nodes = mappings(self.parts.get("rules"), "rules", "a rule", self.reading)
        for number, node in enumerate(nodes, 1):
            if before + number > MOST_RULES:
                self.reading.wrong(line_of(node), f"the file has more than {MOST_RULES:,} rules")
                raise TooMuch
            rules.append(
                _RuleReader(node, f'group "{self.name}", rule {number}', self.reading)(labels)
            )
        return tuple(rules)


class _RuleReader:
    """Reads one rule; *where* it is among all stands before each problem."""

    def __init__(self, node: Node, where: str, reading: Reading) -> None:
        self.line, self.reading = line_of(node), reading
        self.parts = record(node, _RULE_KEYS, "a rule", reading)
        self.alert, self.record = self._text("alert"), self._text("record")
        self.where = f'{where}, "{self.alert or self.record}": '

    def __call__(self, group_labels: Mapping[str, str]) -> Rule:
        labels = texts(self.parts.get("labels"), "labels", self.reading)
        annotations = texts(self.parts.get("annotations"), "annotations", self.reading)
        for_ms = self._duration("for")
        keep_firing_for_ms = self._duration("keep_firing_for")
        self._check_name()
        query, expr = self._expr()
        _check_labels(labels, self.where, self.reading)
        written = {name: value for name, (value, _) in labels.items()}
        every = dict(sorted({**group_labels, **written}.items()))
        if self.record:
            unwanted = {"annotations": annotations, "for": for_ms}
            self._check_recording({**unwanted, "keep_firing_for": keep_firing_for_ms})
            return RecordingRule(self.record, query, expr, every, self.line)
        self._check_annotations(annotations)
        _check_templates("label", labels, self.where, self.reading)
        _check_templates("annotation", annotations, self.where, self.reading)
        notes = {name: value for name, (value, _) in sorted(annotations.items())}
        return AlertingRule(
            self.alert, query, expr, for_ms, keep_firing_for_ms, every, notes, self.line
        )

    def _text(self, key: str) -> str:
        return text(self.parts.get(key), key, self.reading)

    def _duration(self, key: str) -> int:
        return duration(self.parts.get(key), f"{self.where}{key}", self.reading) or 0

    def _wrong(self, reason: str, key: str = "") -> None:
        node = self.parts.get(key)
        self.reading.wrong(self.line if node is None else line_of(node), self.where + reason)

    def _check_name(self) -> None:
        if self.alert and self.record:
            self._wrong("only one of 'record' and 'alert' must be set", "record")
        elif not (self.alert or self.record) and not any(
            _is_broken(self.parts.get(key)) for key in ("alert", "record")
        ):
            self._wrong("one of 'record' or 'alert' must be set")

    def _expr(self) -> tuple[str, Expr]:
        """Return the expression's text and tree; where it is wrong, any tree."""
        node = self.parts.get("expr")
        query = text(node, "expr", self.reading)
        if not query or node is None:
            if not _is_broken(node):
                self._wrong("field 'expr' must be set in rule", "expr")
            return "", _NOTHING
        try:
            return query, parse(query)
        except BadData as error:
            place = _PLACE.match(str(error))
            line = _line_within(node, int(place[1]) if place else 1)
            self.reading.wrong(line, f"{self.where}could not parse expression: {error}")
            return query, _NOTHING

    def _check_recording(self, unwanted: Mapping[str, object]) -> None:
        for key, value in unwanted.items():
            if value:
                self._wrong(f"invalid field '{key}' in recording rule", key)
        if not _METRIC_NAME.fullmatch(self.record):
            self._wrong(f"invalid recording rule name: {self.record}", "record")

    def _check_annotations(self, annotations: Mapping[str, tuple[str, Node]]) -> None:
        for name, (_, node) in annotations.items():
            if not _LABEL_NAME.fullmatch(name):
                self.reading.wrong(line_of(node), f"{self.where}invalid annotation name: {name}")


def _is_broken(node: Node | None) -> bool:
    """Say whether *node* is something of which has been told already: no text."""
    return node is not None and not isinstance(node, ScalarNode)


def _line_within(node: Node, line: int) -> int:
    """Return the line of the file where *line*, counted within the text of *node*, stands."""
    if isinstance(node, ScalarNode) and node.style == "|":
        return first_line(node) + line - 1
    return line_of(node)


def _check_labels(labels: Mapping[str, tuple[str, Node]], where: str, reading: Reading) -> None:
    for name, (_, node) in labels.items():
        if not _LABEL_NAME.fullmatch(name) or name == "__name__":
            reading.wrong(line_of(node), f"{where}invalid label name: {name}")


def _check_templates(
    kind: str, written: Mapping[str, tuple[str, Node]], where: str, reading: Reading
) -> None:
    for name, (value, node) in written.items():
        if (error := _template_error(value)) is not None:
            line = _line_within(node, error.line)
            reading.wrong(line, f'{where}{kind} "{name}": template: {error.reason}')


def _template_error(text: str) -> TemplateError | None:
    if "{{" not in text:
        return None
    try:
        RuleTemplate.parse(text)
    except TemplateError as error:
        return error
    return None


def _duplicates(rules: Iterable[Rule]) -> list[str]:
    """Return a sentence for each name and labels that more than one rule has."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], list[Rule]] = {}
    for rule in rules:
        found.setdefault((rule.name, tuple(sorted(rule.labels.items()))), []).append(rule)
    return [
        f"{name} is in lines {', '.join(str(rule.line) for rule in same)} with the same labels"
        f" {_shown(labels)}: {_why(same)}"
        for (name, labels), same in found.items()
        if len(same) > 1
    ]


def _shown(labels: tuple[tuple[str, str], ...]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}"


def _why(same: list[Rule]) -> str:
    if all(isinstance(rule, RecordingRule) for rule in same):
        return "they may write the same series"
    return "their alerts cannot be told apart"
