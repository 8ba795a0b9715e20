"""Makes of a group, as its file says it, what is evaluated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ...promql.engine import Engine
from ..alert import AlertSink, Millis
from .alert_restore import ForStateMemory
from .alert_texts import AlertTexts
from .evaluation import AlertingRun, RecordingRun, RuleRun
from .group_evaluation import GroupEvaluation, GroupParts, key_of
from .recording import SeriesWriter
from .rule import AlertingRule, RecordingRule, RuleGroup
from .rule_query import RuleQueries


@dataclass(frozen=True, slots=True)
class GroupFactory:
    """What all groups have in common."""

    engine: Engine
    writer: SeriesWriter
    sink: AlertSink | None = None
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""
    default_interval_ms: Millis = 60_000
    queries: Callable[[Engine], RuleQueries] = RuleQueries

    def make(self, group: RuleGroup, *, restoring: bool = False) -> GroupEvaluation:
        """Return *group* to be evaluated; *restoring* its alerts, after a restart."""
        writer = self.writer.named(key_of(group))
        parts = GroupParts(self.queries(self.engine), writer, self.sink)
        runs = [self._run(rule, group.limit, parts, restoring=restoring) for rule in group.rules]
        interval_ms = group.interval_ms or self.default_interval_ms
        return GroupEvaluation(group, interval_ms, runs, parts)

    def _run(
        self, rule: AlertingRule | RecordingRule, limit: int, parts: GroupParts, *, restoring: bool
    ) -> RuleRun:
        if isinstance(rule, RecordingRule):
            return RecordingRun(rule, parts.queries, parts.writer, limit)
        texts = AlertTexts(rule, parts.queries, self.external_labels, self.external_url)
        run = AlertingRun(rule, texts, parts.queries, parts.writer, limit)
        if restoring:
            run.memory = ForStateMemory(self.engine.storage, rule)
        return run
