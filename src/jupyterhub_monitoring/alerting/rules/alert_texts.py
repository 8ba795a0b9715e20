"""Labels and annotations of alerts: the templates of a rule, expanded for what it found."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from ...errors import MonitoringError
from ...promql.printer import one_line
from ..alert import ALERTNAME, Millis, labels_of
from .alert_state import Element
from .rule import AlertingRule
from .rule_query import RuleQueries
from .rule_template import QuerySample, RuleTemplate, Surroundings, failed
from .template_text import table_link

log = logging.getLogger(__name__)


Key = tuple[tuple[tuple[str, str], ...], float]
"""What the texts of an alert are made of, where no query is among it."""


class AlertTexts:
    """The texts of one alerting rule. Those of the last evaluation are not made again."""

    def __init__(
        self,
        rule: AlertingRule,
        queries: RuleQueries,
        external_labels: Mapping[str, str],
        external_url: str,
    ) -> None:
        self._rule, self._queries = rule, queries
        self._labels = _parsed(rule.labels)
        self._annotations = _parsed(rule.annotations)
        self._external = external_labels, external_url
        texts = [*rule.labels.values(), *rule.annotations.values()]
        self.ask = any("query" in text for text in texts)
        """Whether a template may ask the engine."""
        self._made: dict[Key, Element] = {}
        self.generator_url = (
            (external_url + table_link(one_line(rule.expr))) if external_url else ""
        )
        """Where the expression can be looked at."""

    def elements(
        self, rows: Sequence[Mapping[str, str]], values: Sequence[float], at: Millis
    ) -> list[Element]:
        """Return what the rule found at *at*: a label set and a value for each."""
        around = Surroundings(at, self._query, *self._external)
        before, self._made = self._made, {}
        found = []
        for row, value in zip(rows, values, strict=True):
            key = tuple(row.items()), value
            element = None if self.ask else before.get(key)
            if element is None:
                element = self._element(row, value, around)
            self._made[key] = element
            found.append(element)
        return found

    def _element(self, row: Mapping[str, str], value: float, around: Surroundings) -> Element:
        labels = {name: text for name, text in row.items() if name != "__name__"}
        for name, template in self._labels.items():
            labels[name] = self._expanded(template, row, value, around)
        labels[ALERTNAME] = self._rule.name
        annotations = {
            name: self._expanded(template, row, value, around)
            for name, template in self._annotations.items()
        }
        return Element(labels_of(labels), tuple(sorted(annotations.items())), value)

    def _expanded(
        self, template: RuleTemplate, row: Mapping[str, str], value: float, around: Surroundings
    ) -> str:
        """Return a text; one that cannot be made says so in its place, as in Prometheus."""
        try:
            return template.expand(row, value, around)
        except MonitoringError as error:
            log.warning("A template of alert %s cannot be expanded: %s", self._rule.name, error)
            return failed(error)

    def _query(self, expression: str, at: Millis) -> list[QuerySample]:
        vector = self._queries.vector(expression, at)
        values: list[float] = vector.values[0].tolist()
        rows = vector.labels.rows()
        return [QuerySample(row, value) for row, value in zip(rows, values, strict=True)]


def _parsed(texts: Mapping[str, str]) -> dict[str, RuleTemplate]:
    return {name: RuleTemplate.parse(text) for name, text in texts.items()}
