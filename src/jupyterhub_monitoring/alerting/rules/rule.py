"""Rules and groups of rules, as a rule file has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...promql.ast import Expr
from ..alert import Millis


@dataclass(frozen=True)
class RecordingRule:
    """`record:` what an expression gives is written under another name."""

    name: str
    query: str  # as written
    expr: Expr
    labels: Mapping[str, str]  # those of the group included
    line: int  # in its file, from 1


@dataclass(frozen=True)
class AlertingRule:
    """`alert:` each series that an expression gives is an alert.

    *labels* and *annotations* are as written, which is with templates in them (see
    `rule_template`); all of them can be parsed.
    """

    name: str
    query: str  # as written
    expr: Expr
    for_ms: Millis
    keep_firing_for_ms: Millis
    labels: Mapping[str, str]  # those of the group included
    annotations: Mapping[str, str]
    line: int  # in its file, from 1


Rule = RecordingRule | AlertingRule


@dataclass(frozen=True)
class RuleGroup:
    """Rules that are evaluated one after the other, at the same time of data."""

    file: str
    name: str
    rules: tuple[Rule, ...]
    interval_ms: Millis = 0  # 0: the default
    limit: int = 0  # series or alerts of each rule; 0: no limit
    query_offset_ms: Millis | None = None  # None: the default
    labels: Mapping[str, str] = field(default_factory=dict)
    line: int = 1
