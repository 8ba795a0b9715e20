"""Prometheus's `WriteRequest`, remote write 1.0, as pieces that `snappy.compress` takes.

WriteRequest   { TimeSeries timeseries = 1; MetricMetadata metadata = 3; }
TimeSeries     { Label labels = 1; Sample samples = 2; }         labels sorted by name
Label          { string name = 1; string value = 2; }
Sample         { double value = 1; int64 timestamp = 2; }        milliseconds
MetricMetadata { enum type = 1; string metric_family_name = 2; string help = 4; string unit = 5; }
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..store.selection import Labels
from .snappy import varint

TYPES = (
    *("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset"),
)
"""By their number in the enum."""

_UNSIGNED = 1 << 64
_SAMPLE_LABELS, _SAMPLE_VALUE, _SAMPLE_TIME = b"\x0a", b"\x09", b"\x10"
_VALUE = struct.Struct("<d")


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one series, by time. *labels* is what `label_pieces` gave."""

    labels: tuple[bytes, ...]
    timestamps: Sequence[int]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.timestamps)


def label_pieces(labels: Labels, external: Mapping[str, str]) -> tuple[bytes, ...]:
    """Return each label as a field of a `TimeSeries`; a series' own of a name come first."""
    together = {**external, **dict(labels)}
    return tuple(
        _field(1, _text(1, name) + _text(2, value)) for name, value in sorted(together.items())
    )


def series_pieces(found: Iterable[Series]) -> Iterator[bytes]:
    """Yield the pieces of a `WriteRequest` of *found*."""
    times: dict[int, bytes] = {}
    for series in found:
        samples: list[bytes] = []
        octets = np.ascontiguousarray(series.values, dtype="<f8").tobytes()
        size = 0
        for place, timestamp in enumerate(series.timestamps):
            time = times.get(timestamp)
            if time is None:
                time = times[timestamp] = _SAMPLE_TIME + varint(timestamp % _UNSIGNED)
            length = 9 + len(time)
            value = octets[8 * place : 8 * place + 8]
            samples += (bytes((0x12, length)) + _SAMPLE_VALUE + value, time)
            size += 2 + length
        size += sum(map(len, series.labels))
        yield b"\x0a" + varint(size)
        yield from series.labels
        yield from samples


def metadata_pieces(families: Mapping[str, tuple[str, str, str]]) -> Iterator[bytes]:
    """Yield the pieces of a `WriteRequest` of the (type, help, unit) of *families*."""
    for name, (kind, described, unit) in sorted(families.items()):
        number = TYPES.index(kind) if kind in TYPES else 0
        body = b"\x08" + varint(number) if number else b""
        body += _text(2, name) + _text(4, described) + _text(5, unit)
        yield _field(3, body)


def _field(number: int, body: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(body)) + body


def _text(number: int, text: str) -> bytes:
    """Return a field of text; nothing where it is empty, which is the same."""
    return _field(number, text.encode("utf-8", "replace")) if text else b""
