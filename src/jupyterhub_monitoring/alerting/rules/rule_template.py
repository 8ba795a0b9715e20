"""The templates in labels and annotations of alerting rules, as Prometheus expands them.

Source: prometheus/prometheus, `template/template.go` and `rules/alerting.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from ..alert import Millis
from ..go_template import GoObject, StringMap, Template
from .humanize import (
    humanize,
    humanize1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
    seconds_of,
    to_time,
)
from .template_text import (
    graph_link,
    match,
    re_replace_all,
    strip_domain,
    strip_port,
    table_link,
    title,
    to_lower,
    to_upper,
)

MOST_QUERIES = 100
"""Queries that one text may ask for."""

_VARIABLES = ("labels", "externalLabels", "externalURL", "value")


@dataclass(frozen=True)
class QuerySample(GoObject):
    """One series of what `query` gives."""

    labels: Mapping[str, str]  # `__name__` included
    value: float
    go_type = "*template.sample"

    def go_fields(self) -> Mapping[str, Any]:
        """`.Labels` and `.Value`."""
        return {"Labels": StringMap(self.labels), "Value": self.value}


class QueryResult(GoObject, tuple[QuerySample, ...]):
    """What `query` gives: a vector."""

    __slots__ = ()
    go_type = "template.queryResult"


Query = Callable[[str, Millis], Sequence[QuerySample]]
"""Answers a PromQL expression at a moment. Raises errors of this package."""


def _no_query(_expression: str, _at: Millis) -> Sequence[QuerySample]:
    raise ValueError("there is nothing to query here")


@dataclass(frozen=True)
class Surroundings:
    """What the templates of one evaluation know besides an alert's labels and value."""

    at: Millis
    query: Query = _no_query
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""


@dataclass(frozen=True)
class _Dot(GoObject):
    """`.Labels`, `.Value` and their like, under which the variables are to be had too."""

    fields: Mapping[str, Any]
    go_type = (
        "struct { Labels map[string]string; ExternalLabels map[string]string;"
        " ExternalURL string; Value interface {} }"
    )

    def go_fields(self) -> Mapping[str, Any]:
        return self.fields


@dataclass(frozen=True)
class RuleTemplate:
    """The text of a label or an annotation, parsed once."""

    template: Template

    @classmethod
    def parse(cls, text: str) -> RuleTemplate:
        """Return the template. Raises TemplateError, with the line within *text*."""
        return cls(Template.parse(text, FUNCTIONS, _VARIABLES))

    def expand(self, labels: Mapping[str, str], value: float, around: Surroundings) -> str:
        """Return the text for an alert. Raises TemplateError; see `failed` for what to show then.

        *labels* are those of the expression's result, `__name__` included.
        """
        if (text := self.template.constant) is not None:
            return text
        ours = StringMap(labels)
        external = StringMap(around.external_labels)
        dot = _Dot(
            {
                "Labels": ours,
                "ExternalLabels": external,
                "ExternalURL": around.external_url,
                "Value": value,
            }
        )
        values = (ours, external, around.external_url, value)
        variables = dict(zip(_VARIABLES, values, strict=True))
        return self.template.render(dot, variables, _functions_of(around))


def failed(error: Exception) -> str:
    """Return what stands in place of a text that could not be expanded."""
    return f"<error expanding template: {error}>"


def _functions_of(around: Surroundings) -> dict[str, Callable[..., Any]]:
    return {
        "query": partial(_query, around, [0]),
        "externalURL": lambda: around.external_url,
        "pathPrefix": lambda: urlsplit(around.external_url).path,
    }


def _query(around: Surroundings, asked: list[int], expression: str) -> QueryResult:
    asked[0] += 1
    if asked[0] > MOST_QUERIES:
        raise ValueError(f"more than {MOST_QUERIES} queries in one text")
    return QueryResult(around.query(expression, around.at))


def _first(result: QueryResult) -> QuerySample:
    if not result:
        raise ValueError("first() called on vector with no elements")
    return result[0]


def _label(name: str, sample: QuerySample) -> str:
    return sample.labels.get(name, "")


def _value(sample: QuerySample) -> float:
    return sample.value


def _strvalue(sample: QuerySample) -> str:
    return sample.labels.get("__value__", "")


def _sort_by_label(name: str, result: QueryResult) -> QueryResult:
    return QueryResult(sorted(result, key=lambda sample: sample.labels.get(name, "")))


def _args(*args: Any) -> dict[str, Any]:
    return {f"arg{number}": value for number, value in enumerate(args)}


def _safe_html(text: str) -> str:
    """Return *text*: nothing is escaped in a rule's texts."""
    return text


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "args": _args,
    "first": _first,
    "graphLink": graph_link,
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizeDuration": humanize_duration,
    "humanizePercentage": humanize_percentage,
    "humanizeTimestamp": humanize_timestamp,
    "label": _label,
    "match": match,
    "parseDuration": seconds_of,
    "reReplaceAll": re_replace_all,
    "safeHtml": _safe_html,
    "sortByLabel": _sort_by_label,
    "stripDomain": strip_domain,
    "stripPort": strip_port,
    "strvalue": _strvalue,
    "tableLink": table_link,
    "title": title,
    "toLower": to_lower,
    "toTime": to_time,
    "toUpper": to_upper,
    "value": _value,
    **_functions_of(Surroundings(0)),
}
"""Prometheus's functions for rules; `Surroundings` replace the last three."""
