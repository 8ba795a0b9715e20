"""OpenMetrics with timestamps, in bulk: what `promtool tsdb create-blocks-from` takes.

Beyond OpenMetrics, the value `StaleNaN` is a staleness marker: the series ended here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from ..errors import CannotStart
from ..scrape.comment_line import Families
from ..scrape.numbers import parse_value, parse_values
from ..scrape.sample_line import check_exemplar, parse_series
from ..store.selection import STALE, Labels
from .spill import RECORD, Records

STALE_TOKEN = "StaleNaN"  # noqa: S105 -- a word of the format, not a secret
LONGEST_LINE = 1 << 20

_SECONDS = re.compile(r"([0-9]{1,15})(?:\.([0-9]{1,3}))?")
_LARGEST_MS = 1 << 53
_KNOWN_TIMES = 1_000_000


class WrongLine(ValueError):  # noqa: N818 -- named for what is wrong
    """A line cannot be read. *place* is its place among those that were given."""

    def __init__(self, place: int, reason: object) -> None:
        super().__init__(str(reason))
        self.place = place


class OpenMetricsLines:
    """Reads the lines of one file. *number_of* gives a label set its number.

    Lines that begin alike are of one series, so that its labels are read once; targets are
    scraped together, so that the text of a time is read once. The rest is done for many at a time.
    """

    def __init__(self, number_of: Callable[[Labels], int]) -> None:
        self.ended = False
        self._families = Families(openmetrics=True)
        self._number_of = number_of
        self._known: dict[bytes, int] = {}
        self._times = _Times()

    @property
    def metadata(self) -> dict[str, tuple[str, str, str]]:
        """Return (type, help, unit) of each family so far."""
        return self._families.metadata

    def read(self, lines: Sequence[bytes]) -> Records:
        """Return the samples of *lines*, in their order. Raises `WrongLine`."""
        known = self._known
        numbers: list[int] = []
        values: list[bytes] = []
        times: list[bytes] = []
        for place, line in enumerate(lines):
            parts = line.rsplit(b" ", 2)
            if len(parts) < 3 or parts[0] not in known:
                try:
                    parts = self._learn(line.decode())
                except ValueError as reason:
                    raise WrongLine(place, reason) from None
                if not parts:
                    continue
            numbers.append(known[parts[0]])
            values.append(parts[1])
            times.append(parts[2])
        records = np.empty(len(numbers), dtype=RECORD)
        records["series"] = numbers
        records["timestamp"] = self._read(self._times.of, times, lines)
        records["value"] = self._read(_values, values, lines)
        return records

    def _learn(self, line: str) -> list[bytes]:
        """Return the series of a line, its value and its time; nothing where it is a comment."""
        if self.ended:
            raise ValueError("there is something after # EOF")
        if line == "# EOF":
            self.ended = True
            self._known.clear()  # whatever follows is to be looked at
            return []
        if line.startswith("#"):
            self._families.note(line)
            return []
        if not line:
            raise ValueError("the line is empty, which OpenMetrics does not allow")
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the line is longer than {LONGEST_LINE:,} characters")
        return self._learn_series(line)

    def _learn_series(self, line: str) -> list[bytes]:
        name, labels, end = parse_series(line, 0)
        rest, mark, exemplar = line[end:].partition(" # ")
        if mark:
            check_exemplar(exemplar)
        words = rest.split(" ")
        if words[0] or len(words) < 2 or not all(words[1:]):
            raise ValueError("a value and a timestamp follow the series, after one space each")
        if len(words) < 3:
            raise ValueError("the sample has no timestamp; without one nobody knows when it was")
        if len(words) > 3:
            raise ValueError(f"{words[3][:40]!r} follows the timestamp")
        kept = sorted([("__name__", name), *((n, v) for n, v in labels if v)])
        series = line[:end].encode()
        self._known[series] = self._number_of(tuple(kept))
        return [series, words[1].encode(), words[2].encode()]

    def _read(
        self,
        read: Callable[[list[bytes]], NDArray[np.generic]],
        texts: list[bytes],
        lines: Sequence[bytes],
    ) -> NDArray[np.generic]:
        """Return what *read* makes of *texts*, one for each sample among *lines*."""
        try:
            return read(texts)
        except ValueError:
            samples = [place for place, line in enumerate(lines) if not line.startswith(b"#")]
            for place, text in zip(samples, texts, strict=True):
                try:
                    read([text])
                except ValueError as reason:  # noqa: PERF203 -- the first one ends this
                    raise WrongLine(place, reason) from None
            raise


class _Times(dict[bytes, int]):
    """The milliseconds of the texts of times, as far as they were asked for lately."""

    def of(self, texts: list[bytes]) -> NDArray[np.int64]:
        """Return the milliseconds of *texts*. ValueError."""
        if len(self) > _KNOWN_TIMES:
            self.clear()
        return np.fromiter(map(self.__getitem__, texts), dtype=np.int64, count=len(texts))

    def __missing__(self, text: bytes) -> int:
        self[text] = at = milliseconds(text.decode())
        return at


def _values(texts: list[bytes]) -> NDArray[np.float64]:
    """Return the numbers that *texts* are. ValueError, which says why if it is one text."""
    token = STALE_TOKEN.encode()
    stale = [place for place, text in enumerate(texts) if text == token]
    for place in stale:
        texts[place] = b"NaN"
    if len(texts) == 1:
        parse_value(texts[0].decode())
    values = parse_values(texts)
    values[stale] = STALE
    return values


def milliseconds(text: str) -> int:
    """Return an OpenMetrics timestamp, in seconds, as milliseconds, the rest cut off.

    Exactly: `1700000000.123` times 1000 is not 1700000000123 as a float64.
    """
    usual = _SECONDS.fullmatch(text)
    if usual:
        return int(usual[1]) * 1000 + int((usual[2] or "").ljust(3, "0"))
    parse_value(text)
    exact = Decimal(text) * 1000
    if not exact.is_finite() or abs(exact) > _LARGEST_MS:
        raise ValueError(f"the timestamp {text[:40]!r} is out of range")
    return int(exact)


def refuse(path: object, line: int, reason: object) -> CannotStart:
    """Return the error for a file that cannot be read."""
    return CannotStart(
        f"{path}, line {line}: {reason}. Nothing of it was imported; mend the line and try again"
    )
