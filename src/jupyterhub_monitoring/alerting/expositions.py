"""The last expositions of one target as something that can be queried: a store of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from ..errors import BadData
from ..store.matcher import Matcher
from ..store.memory import MemorySeries
from ..store.selection import Labels, Row, Selection
from ..store.symbols import Symbols
from .alert import Millis, labels_of

KEPT_MILLIS = 3_600_000
"""How far back a window over expositions may reach."""

MOST = 500
"""Expositions that are kept: an hour of them at seven seconds."""

Samples = dict[Labels, float]


@dataclass
class Expositions:
    """A `Selectable` over texts in Prometheus's format, each read at one moment."""

    _read: list[tuple[Millis, Samples]] = field(default_factory=list)
    _series: MemorySeries = field(default_factory=MemorySeries)
    _written: int = 0  # into `_series`, which forgets nothing by itself

    def add(self, text: str | bytes, now: Millis) -> None:
        """Keep *text* as what was there at *now*. Raises `BadData` for text of another format."""
        samples = _samples(text)
        again = bool(self._read) and self._read[-1][0] >= now
        self._read = [one for one in self._read if now - KEPT_MILLIS <= one[0] < now][1 - MOST :]
        self._read.append((now, samples))
        if again or self._written >= 2 * MOST:
            self._series, self._written = MemorySeries(), 0
            for at, earlier in self._read[:-1]:
                self._write(at, earlier)
        self._write(now, samples)

    @property
    def symbols(self) -> Symbols:
        """The strings of all label tables."""
        return self._series.symbols

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the series that satisfy *matchers*; samples in [start_ms, end_ms]."""
        return self._series.select(matchers, start_ms, end_ms)

    def _write(self, at: Millis, samples: Samples) -> None:
        ids = self._series.series_ids(list(samples))
        self._series.append([Row(at, ids, np.array(list(samples.values()), dtype=np.float64))])
        self._written += 1


def _samples(text: str | bytes) -> Samples:
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    try:
        return {
            labels_of({"__name__": sample.name, **sample.labels}): float(sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
    except (ValueError, KeyError, IndexError) as error:
        raise BadData(f"this is no exposition in Prometheus's format: {error}") from None
