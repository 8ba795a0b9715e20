"""What a Prometheus answers to a dashboard: its macros and variables filled as Grafana does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jupyterhub_monitoring.dashboards import Dashboard
from support.prometheus import RealPrometheus

_LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


@dataclass(frozen=True)
class Question:
    """One query of a dashboard, and which of its panel's it is."""

    dashboard: str
    panel: str
    legend: str
    expr: str
    instant: bool = False


def questions(
    dashboard: Dashboard, drawn: dict[str, Any], values: dict[str, str]
) -> list[Question]:
    """Return everything that *drawn*, a dashboard's JSON, asks. *values* are of `$` words."""
    found = [
        Question(
            dashboard.id,
            panel["title"],
            target["legendFormat"],
            filled(target["expr"], values),
            target["instant"],
        )
        for panel in drawn["panels"]
        for target in panel.get("targets", [])
    ]
    marks = [mark for mark in drawn["annotations"]["list"] if "expr" in mark]
    return found + [
        Question(dashboard.id, mark["name"], "", filled(mark["expr"], values)) for mark in marks
    ]


def filled(expr: str, values: dict[str, str]) -> str:
    """Return *expr* with *values* in place of words that begin with `$`."""
    return re.sub(r"\$(\w+)", lambda word: values[word[1]], expr)


def series(prometheus: RealPrometheus, question: Question, start: float, end: float) -> list[Any]:
    """Return the series that the answer has, those without a number left out."""
    if question.instant:
        rows = prometheus.api("query", query=question.expr, time=str(end))["result"]
    else:
        rows = prometheus.api(
            "query_range", query=question.expr, start=str(start), end=str(end), step="1"
        )["result"]
    return [row for row in rows if _has_number(row)]


def _has_number(row: dict[str, Any]) -> bool:
    points = row.get("values") or [row["value"]]
    return any(value != "NaN" for _, value in points)


def choices(prometheus: RealPrometheus, query: str, values: dict[str, str]) -> list[str]:
    """Return what a variable's query lets one choose from."""
    found = _LABEL_VALUES.fullmatch(filled(query, values))
    assert found is not None, query
    path = f"label/{found[2]}/values"
    result: list[str] = prometheus.api(path, **{"match[]": found[1]})
    return result


def variable_queries(drawn: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and the query of each variable that asks for its values."""
    for variable in drawn["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]
