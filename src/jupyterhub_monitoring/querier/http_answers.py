"""The JSON of Prometheus's HTTP API as answers. ValueError, KeyError or TypeError for any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import QueryRefused
from .answer import Instant, Line, Matrix, Metadata, Names, Sample, Shape, Span, Stored, by_labels

Json = Mapping[str, Any]


def warnings_of(body: Json) -> tuple[str, ...]:
    """Return the warnings; that an answer is of a part of the data is one."""
    told = tuple(map(str, body.get("warnings") or ()))
    if body.get("isPartial"):  # VictoriaMetrics's cluster
        told += ("a part of the engine did not answer: some series or samples may be missing",)
    return told


def infos_of(body: Json) -> tuple[str, ...]:
    """Return the infos."""
    return tuple(map(str, body.get("infos") or ()))


def instant_of(body: Json, at: float, expected: Shape | None, max_series: int) -> Instant:
    """Return the answer to an instant query.

    *expected* is the shape that the query has by Prometheus's rules: VictoriaMetrics gives scalars
    as vectors. None where the query is none of Prometheus's.
    """
    result, shape = body["data"]["result"], Shape(body["data"]["resultType"])
    told = warnings_of(body), infos_of(body)
    if shape is Shape.STRING:
        return Instant(at, shape, text=str(result[1]), warnings=told[0], infos=told[1])
    if shape is Shape.SCALAR:
        only = Sample({}, float(result[1]))
        return Instant(at, shape, (only,), warnings=told[0], infos=told[1])
    _bounded(result, max_series)
    if shape is Shape.MATRIX:
        stored = tuple(sorted(map(_stored, result), key=lambda one: by_labels(one.labels)))
        return Instant(at, shape, stored=stored, warnings=told[0], infos=told[1])
    samples = tuple(Sample(dict(row["metric"]), float(row["value"][1])) for row in result)
    if expected is Shape.SCALAR and len(samples) == 1:
        shape = Shape.SCALAR
    return Instant(at, shape, samples, warnings=told[0], infos=told[1])


def _stored(row: Json) -> Stored:
    times, values = _columns(row["values"])
    return Stored(dict(row["metric"]), times, values)


def _columns(pairs: Sequence[Sequence[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times and values of `[[time, "value"], …]`."""
    times = np.array([pair[0] for pair in pairs], dtype=np.float64)
    return times, np.array([float(pair[1]) for pair in pairs], dtype=np.float64)


def matrix_of(body: Json, span: Span, max_series: int) -> Matrix:
    """Return the answer to a range query about *span*.

    Some engines move the steps to multiples of the step: a value then stands at the nearest time.
    """
    if body["data"]["resultType"] != "matrix":
        raise ValueError("a range query gives a matrix")
    result, times = body["data"]["result"], span.times()
    _bounded(result, max_series)
    lines = [Line(dict(row["metric"]), _on_grid(row["values"], span)) for row in result]
    lines.sort(key=lambda line: by_labels(line.labels))
    return Matrix(times, tuple(lines), warnings_of(body), infos_of(body))


def _on_grid(pairs: Sequence[Sequence[Any]], span: Span) -> NDArray[np.float64]:
    times, values = _columns(pairs)
    steps = np.rint((times * 1000 - span.start_ms) / span.step_ms).astype(np.int64)
    inside = (steps >= 0) & (steps < span.points)
    row = np.full(span.points, np.nan)
    row[steps[inside]] = values[inside]
    return row


def _bounded(result: Sequence[object], max_series: int) -> None:
    if len(result) > max_series:
        raise QueryRefused(
            f"the answer has {len(result):,} series, and {max_series:,} are taken at most"
        )


def names_of(body: Json, limit: int) -> Names:
    """Return the first *limit* of a list of names or values."""
    found = sorted(map(str, body["data"]))
    return Names(tuple(found[:limit]), len(found) > limit, warnings_of(body))


def metadata_of(body: Json) -> dict[str, Metadata]:
    """Return what is told of each family: of several, what is told first."""
    told = {name: said[0] for name, said in sorted(body["data"].items()) if said}
    return {
        name: Metadata(str(said["type"]), str(said["help"]), str(said.get("unit", "")))
        for name, said in told.items()
    }
