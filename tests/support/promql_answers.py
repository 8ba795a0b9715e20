"""Who answers a `promqltest` case: an engine in this process, or a server behind HTTP."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from jupyterhub_monitoring.errors import MonitoringError
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.promql.values import Result, Scalar, String, Vector

from .promqltest import Answer, Ask, Labels, Points, Refused


def engine_answers(engine: Engine) -> Ask:
    """Ask *engine*, as a program that has it in its own process does."""

    def ask(query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        try:
            if step_ms:
                return _answer(engine.range(query, start_ms, end_ms, step_ms), "matrix")
            return _answer(engine.instant(query, start_ms), "vector")
        except MonitoringError as error:
            raise Refused(str(error)) from error

    return ask


def _answer(result: Result, kind: str) -> Answer:
    said = {"warnings": result.warnings, "infos": result.infos}
    value = result.value
    if isinstance(value, String):
        return Answer("string", text=value.value, **said)
    if isinstance(value, Scalar) and kind == "vector":
        return Answer("scalar", number=float(value.values[0]), **said)
    if isinstance(value, Scalar):
        points = list(zip(result.steps.tolist(), value.values.tolist(), strict=True))
        return Answer(kind, [((), points)], **said)
    if isinstance(value, Vector):
        return Answer(kind, _series(value, result.steps), **said)
    raw = [
        (_labels(s.labels), list(zip(s.timestamps.tolist(), s.values.tolist(), strict=True)))
        for s in value
    ]
    return Answer("matrix", raw, **said)


def _series(vector: Vector, steps: np.ndarray) -> list[tuple[Labels, Points]]:
    series = []
    for column, labels in enumerate(vector.labels.rows()):
        there = vector.mask[:, column]
        values = vector.values[there, column].tolist()
        if values:
            points = list(zip(steps[there].tolist(), values, strict=True))
            series.append((_labels(labels), points))
    return series


def _labels(labels: dict[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def http_answers(url: str, headers: dict[str, str] | None = None) -> Ask:
    """Ask the Prometheus HTTP API at *url* (without `/api/v1`), as Grafana does."""

    def ask(query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        if step_ms:
            form = {"start": start_ms / 1000, "end": end_ms / 1000, "step": step_ms / 1000}
        else:
            form = {"time": start_ms / 1000}
        path = "query_range" if step_ms else "query"
        body = urllib.parse.urlencode({"query": query, **form}).encode()
        request = urllib.request.Request(f"{url}/api/v1/{path}", body, headers or {})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return _from_json(json.load(response))
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]) from error

    return ask


def _from_json(reply: dict[str, Any]) -> Answer:
    kind, result = reply["data"]["resultType"], reply["data"]["result"]
    said = {
        "warnings": tuple(reply.get("warnings", ())),
        "infos": tuple(reply.get("infos", ())),
    }
    if kind == "string":
        return Answer(kind, text=result[1], **said)
    if kind == "scalar":
        return Answer(kind, number=float(result[1]), **said)
    series = [
        (_labels(s["metric"]), [_point(p) for p in s.get("values", [s.get("value")])])
        for s in result
    ]
    return Answer(kind, series, **said)


def _point(pair: list[Any]) -> tuple[int, float]:
    return round(pair[0] * 1000), float(pair[1]) if pair[1] != "NaN" else math.nan
