"""From the text of one target, scrape after scrape, to series ids and values.

Nearly every line of a scrape begins as a line of the last one did; only its value is new. So the
part before the last space is looked up as bytes, and only what is not found is read with care.
When all lines begin as they did, in the same order, not even that is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ..errors import ScrapeOverLimit
from ..store.selection import Labels
from .exposition_pass import ExpositionPass, Format
from .numbers import parse_values
from .state import Metadata
from .target import Limits
from .target_labels import TargetLabels

GiveIds = Callable[[Sequence[Labels]], NDArray[np.int64]]

LINES_PER_SAMPLE = 5
"""Lines that there may be for each sample allowed: HELP, TYPE, UNIT, an empty one, itself."""

_SPARE = 1000
"""Series that are remembered beyond twice those of the last exposition."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One exposition, read: *values[i]* of series *ids[i]*, in the order of the lines.

    *timestamps* is None where no line has one; else milliseconds, or `NO_TIMESTAMP`.
    """

    ids: NDArray[np.int64]
    values: NDArray[np.float64]
    timestamps: NDArray[np.int64] | None
    same: bool  # the same series in the same order as in the reading before


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the last exposition looked, without its values.

    Its parts are for `compress` and `map`, so that a line costs hardly a step of Python.
    """

    is_sample: list[bool]  # by line; the others are comments, or empty
    is_comment: list[bool]
    comments: list[bytes]
    heads: list[bytes]  # of each sample, up to its value
    value_starts: list[int]
    ids: NDArray[np.int64]


class ExpositionReader:
    """Reads the expositions of one target, one after the other, in one thread.

    *give_ids* is the store's `series_ids`. *allow_new* is called with the number of new series
    before they get ids, and raises `ScrapeOverLimit` where they are too many.
    """

    def __init__(
        self,
        labels: TargetLabels,
        limits: Limits,
        give_ids: GiveIds,
        allow_new: Callable[[int], None],
    ) -> None:
        self.metadata: Metadata = {}
        self._labels, self._limits = labels, limits
        self._give_ids, self._allow_new = give_ids, allow_new
        self._format = Format.TEXT
        self._slots: dict[bytes, int] = {}  # which of `_ids`, by a series' bytes in its line
        self._ids = np.empty(0, dtype=np.int64)
        self._layout: _Layout | None = None

    @property
    def remembered(self) -> int:
        """How many series lines are remembered."""
        return len(self._slots)

    def read(self, body: bytes, form: Format) -> Reading:
        """Return what *body* says. `BadExposition` or `ScrapeOverLimit`: nothing of it counts."""
        if form is not self._format:
            self._forget(form)
        number_of_lines = body.count(b"\n") + 1
        most = LINES_PER_SAMPLE * self._limits.samples + 100
        if number_of_lines > most:
            raise ScrapeOverLimit("lines", most, number_of_lines)
        lines = body.split(b"\n")
        layout = self._layout
        if layout is not None and number_of_lines == len(layout.is_sample):
            reading = _read_same(lines, layout)
            if reading is not None:
                return reading
        return self._read_anew(lines)

    def _forget(self, form: Format) -> None:
        self._format, self.metadata, self._layout = form, {}, None
        self._slots, self._ids = {}, np.empty(0, dtype=np.int64)

    def _read_anew(self, lines: list[bytes]) -> Reading:
        this = ExpositionPass(self._format, self._slots, len(self._ids), self._labels)
        this.read(lines)
        values = this.values(lines)
        metadata = this.families.metadata
        if any(metadata.get(family, kept)[0] != kept[0] for family, kept in self.metadata.items()):
            self._forget(self._format)  # `le` may mean something else now
            return self._read_anew(lines)
        if len(this.slots) > self._limits.samples:
            raise ScrapeOverLimit("samples", self._limits.samples, len(this.slots))
        self._learn(this)
        ids = self._ids[np.array(this.slots, dtype=np.intp)]
        self.metadata = metadata
        self._layout = _layout(lines, ids) if this.regular else None
        self._prune(this.slots)
        return Reading(ids, values, this.timestamps(), same=False)

    def _learn(self, this: ExpositionPass) -> None:
        if not this.fresh:
            return
        self._allow_new(len(this.fresh))
        self._ids = np.concatenate([self._ids, self._give_ids(this.fresh_labels)])
        self._slots.update(this.fresh)

    def _prune(self, slots: list[int]) -> None:
        """Forget the series that were not in this exposition once they are the larger part."""
        if len(self._slots) <= 2 * len(slots) + _SPARE:
            return
        used = sorted(set(slots))
        moved = {slot: place for place, slot in enumerate(used)}
        self._slots = {s: moved[slot] for s, slot in self._slots.items() if slot in moved}
        self._ids = self._ids[np.array(used, dtype=np.intp)]


def _layout(lines: list[bytes], ids: NDArray[np.int64]) -> _Layout:
    """Return the layout of *lines*, each of which is empty, a comment or "series value"."""
    is_comment = [line.lstrip(b" \t")[:1] in {b"", b"#"} for line in lines]
    is_sample = [not comment for comment in is_comment]
    heads = [line[: line.rindex(b" ") + 1] for line in compress(lines, is_sample)]
    return _Layout(
        is_sample,
        is_comment,
        list(compress(lines, is_comment)),
        heads,
        [len(head) for head in heads],
        ids,
    )


def _read_same(lines: list[bytes], layout: _Layout) -> Reading | None:
    """Read *lines* that begin as the last exposition's did; None where they do not."""
    samples = list(compress(lines, layout.is_sample))
    if not all(map(bytes.startswith, samples, layout.heads)):
        return None
    if list(compress(lines, layout.is_comment)) != layout.comments:
        return None
    try:
        tails = zip(samples, layout.value_starts, strict=True)
        values = parse_values([sample[start:] for sample, start in tails])
    except ValueError:
        return None  # the way line by line finds which, or a timestamp
    return Reading(layout.ids, values, None, same=True)
