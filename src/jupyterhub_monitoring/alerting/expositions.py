"""The last expositions of one target as something that can be queried: a store of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from ..errors import BadData
from ..store.label_table import LabelTable
from ..store.matcher import Matcher
from ..store.selection import ABSENT, Labels, Selection
from ..store.symbols import Symbols
from .alert import Millis, labels_of

KEPT_MILLIS = 3_600_000
"""How far back a window over expositions may reach."""

MOST = 500
"""Expositions that are kept: an hour of them at seven seconds."""


@dataclass(slots=True)
class _Tile:
    """All series, one row per exposition; nothing is claimed of it."""

    positions: NDArray[np.intp]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]
    dense: bool = False
    ascending: bool = False

    def rows(self, index: slice | NDArray[np.intp]) -> NDArray[np.float64]:
        return np.ascontiguousarray(self.values[index])


@dataclass
class Expositions:
    """A `Selectable` over texts in Prometheus's format, each read at one moment."""

    symbols: Symbols = field(default_factory=Symbols)
    _read: list[tuple[Millis, dict[Labels, float]]] = field(default_factory=list)

    def add(self, text: str | bytes, now: Millis) -> None:
        """Keep *text* as what was there at *now*. Raises `BadData` for text of another format."""
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        try:
            samples = {
                labels_of({"__name__": sample.name, **sample.labels}): float(sample.value)
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
        except (ValueError, KeyError, IndexError) as error:
            raise BadData(f"this is no exposition in Prometheus's format: {error}") from None
        self._read = [one for one in self._read if now - KEPT_MILLIS <= one[0] < now][1 - MOST :]
        self._read.append((now, samples))

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection:
        """Return the series that satisfy *matchers*; samples in [start_ms, end_ms]."""
        read = [one for one in self._read if start_ms <= one[0] <= end_ms]
        tests = [(matcher.name, matcher.test()) for matcher in matchers]
        sets = [
            labels
            for labels in dict.fromkeys(labels for _, samples in read for labels in samples)
            if all(test(dict(labels).get(name, "")) for name, test in tests)
        ]
        values = np.full((len(read), len(sets)), ABSENT)
        for row, (_, samples) in enumerate(read):
            for column, labels in enumerate(sets):
                if labels in samples:
                    values[row, column] = samples[labels]
        table = LabelTable.of(self.symbols, [dict(labels) for labels in sets])
        if not sets:
            return Selection(table, [])
        times = np.array([at for at, _ in read], dtype=np.int64)
        return Selection(table, [_Tile(np.arange(len(sets)), times, values)])
