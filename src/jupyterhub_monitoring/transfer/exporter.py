"""Export: what a selector means, in a range, as a stream of columns; OpenMetrics is one of them.

Series by series, because OpenMetrics wants all samples of one together; memory is bounded by
reading so many series at a time as fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from ..store.matcher import Matcher, MatchType
from ..store.selection import ABSENT_BITS, STALE_BITS, Selectable, Tile
from .openmetrics_lines import STALE_TOKEN

CELLS = 4_000_000  # in memory at a time
ROWS = 20_000  # decoded at a time

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
_SUFFIXES_OF = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "summary": ("", "_count", "_sum", "_created"),
}
_SUFFIXES = ("_bucket", "_count", "_sum", "_total", "_created")

Progress = Callable[[float], None]
Metadata = dict[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Exported:
    """All samples of one series in the range; never none."""

    labels: dict[str, str]
    timestamps: NDArray[np.int64]  # milliseconds, ascending
    values: NDArray[np.float64]  # STALE among them


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported."""

    store: Selectable
    matchers: tuple[Matcher, ...]
    start_ms: int
    end_ms: int

    def series(self, progress: Progress = lambda _done: None) -> Iterator[Exported]:
        """Yield every series, those of a metric one after the other, metrics by family."""
        labels = self.store.select(self.matchers, self.start_ms, self.start_ms).labels
        names = sorted({row.get("__name__", "") for row in labels.rows()}, key=by_family)
        for done, name in enumerate(names):
            one = (Matcher("__name__", MatchType.EQUAL, name), *self.matchers)
            selection = self.store.select(one, self.start_ms, self.end_ms)
            for tile in selection.tiles:
                for position, timestamps, values in _columns(tile):
                    if len(values):
                        yield Exported(selection.labels.row(position), timestamps, values)
            progress((done + 1) / len(names))


def by_family(name: str) -> tuple[str, str]:
    """Return what brings the metrics of a family together: `x_bucket`, `x_count` and `x_sum`."""
    return family(name), name


def family(name: str) -> str:
    """Return *name* without the suffix that its type gave it."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _columns(tile: Tile) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float64]]]:
    """Yield (position, timestamps, values) of each series of *tile*, without ABSENT cells."""
    length = len(tile.timestamps)
    at_once = max(1, CELLS // max(length, 1))
    for first in range(0, len(tile.positions), at_once):
        chosen = slice(first, first + at_once)
        parts = [
            np.array(tile.rows(slice(row, row + ROWS))[:, chosen]) for row in range(0, length, ROWS)
        ]
        values = np.ascontiguousarray(np.concatenate(parts).T) if parts else np.empty((0, 0))
        for position, row in zip(tile.positions[chosen].tolist(), values, strict=False):
            there = row.view(np.int64) != ABSENT_BITS
            yield position, tile.timestamps[there], row[there]


def write_openmetrics(export: Export, metadata: Metadata, out: TextIO, progress: Progress) -> int:
    """Write OpenMetrics with timestamps; return how many samples there were."""
    described = ""
    count = 0
    for series in export.series(progress):
        name = series.labels["__name__"]
        if family(name) != described:
            described = family(name)
            out.writelines(_description(name, metadata))
        head = series_text(series.labels)
        out.writelines(
            f"{head} {value} {at}\n"
            for value, at in zip(_values(series.values), _seconds(series.timestamps), strict=True)
        )
        count += len(series.values)
    out.write("# EOF\n")
    return count


def _description(name: str, metadata: Metadata) -> list[str]:
    """Return the comments about the family of *name*, of a type that goes with such a name."""
    described = family(name)
    kind, text, _ = metadata.get(described) or metadata.get(f"{described}_total") or ("", "", "")
    suffix = name.removeprefix(described)
    if suffix not in _SUFFIXES_OF.get(kind, ()):
        return []
    help_text = [f"# HELP {described} {_escape(text)}\n"] if text else []
    return [f"# TYPE {described} {kind}\n", *help_text]


def series_text(labels: dict[str, str]) -> str:
    """Return a series as OpenMetrics writes it; names that it cannot write are in quotes."""
    name = labels["__name__"]
    plain = name.replace(":", "_").isidentifier() and name.isascii()
    inside = [] if plain else [f'"{name.translate(_ESCAPES)}"']
    for label, value in sorted(labels.items()):
        if label != "__name__":
            word = label if label.isidentifier() and label.isascii() else f'"{_escape(label)}"'
            inside.append(f'{word}="{_escape(value)}"')
    return (name if plain else "") + ("{" + ",".join(inside) + "}" if inside else "")


def _escape(text: str) -> str:
    return text.translate(_ESCAPES)


def _values(values: NDArray[np.float64]) -> list[str]:
    """Return the values as the shortest text that reads back as the same float64."""
    texts = [text.removesuffix(".0") for text in map(repr, values.tolist())]
    for special in np.flatnonzero(~np.isfinite(values)).tolist():
        texts[special] = _special(values[special])
    return texts


def _special(value: np.float64) -> str:
    if value.view(np.int64) == STALE_BITS:
        return STALE_TOKEN
    if np.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def _seconds(timestamps: NDArray[np.int64]) -> Sequence[str]:
    return [f"{'-' * (at < 0)}{abs(at) // 1000}.{abs(at) % 1000:03d}" for at in timestamps.tolist()]
