"""Results as JSON, byte for byte as Prometheus writes them, in pieces.

For worker threads: the event loop only sends what was written here. A piece is one series or some
hundred samples of an instant vector, so that no answer is ever in memory as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress

import numpy as np
import orjson
from numpy.typing import NDArray

from ..promql.go_format import format_float, format_floats
from ..promql.values import RawSeries, Result, Scalar, String, Vector
from ..store.label_table import LabelTable
from .parameters import TRUNCATED

MAX_ANNOTATIONS = 10
"""Warnings, and infos, that an answer carries; of more it says how many."""

SAMPLES_PER_PIECE = 512
FEW_SERIES = 16
"""Of more, each value of a label is written once."""


def encode_data(data: object, warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> bytes:
    """Return the whole answer with *data*, which is anything that JSON knows."""
    return utf8(f'{{"status":"success","data":{to_json(data)}{_annotations(warnings, infos)}}}')


def encode_error(kind: str, text: str) -> bytes:
    """Return the answer to a request that failed; *kind* is the API's `errorType`."""
    return utf8(to_json({"status": "error", "errorType": kind, "error": text}))


def encode_result(
    result: Result,
    *,
    is_range: bool,
    limit: int = 0,
    stats: Mapping[str, object] | None = None,
    warnings: Sequence[str] = (),
) -> Iterator[bytes]:
    """Write the answer to a query: *limit* series at most (0 is all), *stats* where asked for.

    A range query's result is a matrix, also where it is one number per step.
    """
    kind, shown = _shown(result, is_range)
    yield f'{{"status":"success","data":{{"resultType":"{kind}","result":'.encode()
    if isinstance(shown, str):
        yield utf8(shown)
        truncated = False
    else:
        series = Limited(shown, limit)
        yield from _listed(series)
        truncated = series.truncated
    rest = "" if stats is None else f',"stats":{to_json(stats)}'
    all_warnings = [*result.warnings, *([TRUNCATED] if truncated else []), *warnings]
    yield utf8(f"{rest}}}{_annotations(all_warnings, result.infos)}}}")


def _shown(result: Result, is_range: bool) -> tuple[str, str | Iterator[str]]:
    """Return the type of *result* and its JSON, series by series where it has any."""
    value, steps = result.value, result.steps
    if isinstance(value, Vector):
        return ("matrix", _matrix(value, steps)) if is_range else ("vector", _vector(value, steps))
    if isinstance(value, Scalar):
        if is_range:
            return "matrix", _scalar_matrix(value, steps)
        return (
            "scalar",
            f'[{_plain_second(int(steps[0]))},"{format_float(float(value.values[0]))}"]',
        )
    if isinstance(value, String):
        return "string", f"[{_plain_second(int(steps[0]))},{to_json(value.value)}]"
    return "matrix", _raw_matrix(value)


class Limited:
    """The first *limit* of *texts*, all where it is 0; afterwards, whether there were more."""

    def __init__(self, texts: Iterator[str], limit: int) -> None:
        self._texts, self._limit, self.truncated = texts, limit, False

    def __iter__(self) -> Iterator[str]:
        for number, text in enumerate(self._texts, 1):
            if 0 < self._limit < number:
                self.truncated = True
                return
            yield text


def _listed(texts: Iterable[str]) -> Iterator[bytes]:
    separator = "["
    for text in texts:
        yield utf8(separator + text)
        separator = ","
    yield b"]" if separator == "," else b"[]"


# --- The kinds of results --------------------------------------------------------------------


def _vector(vector: Vector, steps: NDArray[np.int64]) -> Iterator[str]:
    at = _second(int(steps[0]))
    shown = np.flatnonzero(vector.mask[0])
    for begin in range(0, len(shown), SAMPLES_PER_PIECE):
        rows = shown[begin : begin + SAMPLES_PER_PIECE]
        metrics = encode_labels(vector.labels.take(rows))
        texts = format_values(vector.values[0, rows])
        for metric, text in zip(metrics, texts, strict=True):
            yield f'{{"metric":{metric},"value":[{at},"{text}"]}}'


def _matrix(vector: Vector, steps: NDArray[np.int64]) -> Iterator[str]:
    points = Points(steps)
    columns = np.arange(vector.values.shape[1])
    for begin in range(0, len(columns), SAMPLES_PER_PIECE):
        rows = columns[begin : begin + SAMPLES_PER_PIECE]
        metrics = encode_labels(vector.labels.take(rows))
        for row, metric in zip(rows.tolist(), metrics, strict=True):
            present = None if vector.present is None else vector.present[:, row]
            values = points.encode(vector.values[:, row], present)
            if values:
                yield f'{{"metric":{metric},"values":{values}}}'


def _scalar_matrix(scalar: Scalar, steps: NDArray[np.int64]) -> Iterator[str]:
    yield f'{{"metric":{{}},"values":{Points(steps).encode(scalar.values)}}}'


def _raw_matrix(all_series: Sequence[RawSeries]) -> Iterator[str]:
    points: Points | None = None
    for series in all_series:
        if len(series.timestamps) == 0:
            continue
        if points is None or points.steps is not series.timestamps:
            points = Points(series.timestamps)  # targets share their timestamps
        values = points.encode(series.values)
        yield f'{{"metric":{to_json(series.labels)},"values":{values}}}'


class Points:
    """`[[time,"value"],…]` for many series at the same *steps*, whose times are written once."""

    def __init__(self, steps: NDArray[np.int64]) -> None:
        self.steps = steps
        self._heads = _heads(steps)

    def encode(self, values: NDArray[np.float64], present: NDArray[np.bool_] | None = None) -> str:
        """Return the JSON of *values*, shape (P,), where *present*; "" when there is none."""
        heads = self._heads
        if present is not None and not present.all():
            heads = list(compress(heads, present.tolist()))
            values = values[present]
        if not heads:
            return ""
        text = "".join(chain.from_iterable(zip(heads, format_values(values), strict=True)))
        return f'[{text[3:]}"]]'


# --- The parts of a result -------------------------------------------------------------------


def encode_labels(labels: LabelTable) -> list[str]:
    """Return each label set as a JSON object, sorted by label name."""
    if labels.size <= FEW_SERIES:
        return [to_json(row) for row in labels.rows()]
    parts: list[list[str]] = [[] for _ in range(labels.size)]
    for name, column in sorted(labels.columns.items()):
        symbols, which = np.unique(column, return_inverse=True)
        head = f"{to_json(name)}:"
        texts = [head + to_json(text) if text else "" for text in labels.symbols.texts(symbols)]
        for part, index in zip(parts, which.tolist(), strict=True):
            if texts[index]:
                part.append(texts[index])
    return [f"{{{','.join(part)}}}" for part in parts]


def format_values(values: NDArray[np.float64]) -> list[str]:
    """Return *values*, shape (n,), as Prometheus's JSON has them.

    That is without an exponent between 1e-6 and 1e21, and with one beyond.
    """
    texts = format_floats(np.ascontiguousarray(values))
    magnitudes = np.abs(values)
    beyond = ((magnitudes < 1e-6) & (magnitudes > 0)) | (
        (magnitudes >= 1e21) & (magnitudes < np.inf)
    )
    if beyond.any():
        for index in np.flatnonzero(beyond).tolist():
            texts[index] = repr(float(values[index]))
    return texts


def _heads(steps: NDArray[np.int64]) -> list[str]:
    """Return `"],[time,"` for each of *steps*; all at once for whole seconds, the usual case."""
    seconds, parts = np.divmod(steps, 1000)
    if parts.any() or not len(steps):
        return [f'"],[{_second(at)},"' for at in steps.tolist()]
    written = orjson.dumps(seconds, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].decode()
    apart = written.replace(",", ',"\n"],[')
    return f'"],[{apart},"'.split("\n")


def _second(ms: int) -> str:
    """Return milliseconds as seconds, as samples have them: `1435781430.780`, `1435781431`."""
    whole, part = divmod(abs(ms), 1000)
    sign = "-" if ms < 0 else ""
    return f"{sign}{whole}.{part:03d}" if part else f"{sign}{whole}"


def _plain_second(ms: int) -> str:
    """Return milliseconds as seconds, as scalars and strings have them: `1435781430.78`."""
    return repr(ms / 1000).removesuffix(".0")


def _annotations(warnings: Sequence[str], infos: Sequence[str]) -> str:
    said = ""
    for kind, name, texts in (("warning", "warnings", warnings), ("info", "infos", infos)):
        if texts:
            shown = list(texts[:MAX_ANNOTATIONS])
            if len(texts) > MAX_ANNOTATIONS:
                shown.append(f"{len(texts) - MAX_ANNOTATIONS} more {kind} annotations omitted")
            said += f',"{name}":{to_json(shown)}'
    return said


def to_json(data: object) -> str:
    """Return *data* as compact JSON that keeps every character but half surrogates."""
    return _encode(data)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def utf8(text: str) -> bytes:
    """Return *text* as UTF-8; half a surrogate pair becomes U+FFFD, as in Go."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
