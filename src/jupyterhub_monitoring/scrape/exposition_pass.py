"""One exposition, read line by line: what is known is looked up, the rest is read with care."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from ..errors import BadExposition, ScrapeOverLimit
from ..store.selection import Labels
from .comment_line import Families
from .numbers import parse_value, parse_values
from .sample_line import (
    SampleLine,
    check_exemplar,
    parse_milliseconds,
    parse_openmetrics_line,
    parse_seconds,
    parse_text_line,
)
from .target_labels import TargetLabels

NO_TIMESTAMP = int(np.iinfo(np.int64).min)
"""Stands for "the time of the scrape" where other samples of it have their own timestamp."""

LONGEST_LINE = 1 << 18
"""Bytes of a line; reading one with care takes up to a hundred times its size."""

_EOF = b"# EOF"


class Format(Enum):
    """How an exposition is written."""

    TEXT = "text"
    OPENMETRICS = "openmetrics"


class ExpositionPass:
    """Collects the samples of one exposition. Until all lines are read, nothing else changes.

    *known* gives the slot of a series by its bytes in the line; series that are not in it get the
    slots from *next_slot* on, in the order of `fresh_labels`.
    """

    def __init__(
        self, form: Format, known: Mapping[bytes, int], next_slot: int, labels: TargetLabels
    ) -> None:
        self.families = Families(openmetrics=form is Format.OPENMETRICS)
        self.slots: list[int] = []
        self.fresh: dict[bytes, int] = {}
        self.fresh_labels: list[Labels] = []
        self.regular = True  # each line is "series value": the next may be compared with this one
        self._openmetrics = form is Format.OPENMETRICS
        self._known, self._next_slot, self._labels = known, next_slot, labels
        self._numbers: list[bytes] = []
        self._lines: list[int] = []  # which line a sample is of, from 1
        self._timestamps: dict[int, int] = {}  # by position among the samples

    def read(self, lines: Sequence[bytes]) -> None:
        """Take all *lines*. `BadExposition` at the first that is wrong."""
        used = len(lines) - (lines[-1] == b"")
        if self._openmetrics:
            if not used or lines[used - 1] != _EOF:
                last = lines[used - 1] if used else b""
                raise BadExposition(max(1, used), _shown(last), "the last line is not # EOF")
            used -= 1
        find = self._known.get
        for number, line in enumerate(lines[:used], 1):
            head, _, tail = line.rpartition(b" ")
            slot = find(head)
            if slot is None:
                self._read_other(number, line)
            else:
                self._add(slot, tail, number, None)

    def values(self, lines: Sequence[bytes]) -> NDArray[np.float64]:
        """Return the samples' values. `BadExposition` where one is no number."""
        try:
            return parse_values(self._numbers)
        except ValueError:
            self._mend(lines)
            return parse_values(self._numbers)

    def timestamps(self) -> NDArray[np.int64] | None:
        """Return the samples' own timestamps, milliseconds or `NO_TIMESTAMP`; None: no sample."""
        if not self._timestamps:
            return None
        timestamps = np.full(len(self.slots), NO_TIMESTAMP, dtype=np.int64)
        timestamps[list(self._timestamps)] = list(self._timestamps.values())
        return timestamps

    def _add(self, slot: int, number: bytes, line: int, timestamp: int | None) -> None:
        if timestamp is not None:
            self._timestamps[len(self.slots)] = timestamp
            self.regular = False
        self.slots.append(slot)
        self._numbers.append(number)
        self._lines.append(line)

    def _read_other(self, number: int, line: bytes) -> None:
        """Take a line that does not begin as one that is known."""
        if len(line) > LONGEST_LINE:
            raise ScrapeOverLimit("bytes in a line", LONGEST_LINE, len(line))
        try:
            text = line.decode()
            if text.lstrip(" \t").startswith("#"):
                self._read_comment(text)
            elif not self._openmetrics and not text.strip(" \t"):
                return
            elif not self._read_known(number, line):
                self._read_new(number, line, text)
        except UnicodeDecodeError:
            raise BadExposition(number, _shown(line), "the line is no UTF-8") from None
        except ValueError as error:
            raise BadExposition(number, _shown(line), str(error)) from None

    def _read_comment(self, text: str) -> None:
        if self._openmetrics and text.encode() == _EOF:
            raise ValueError("there are more lines after this one")
        self.families.note(text if self._openmetrics else text.lstrip(" \t"))

    def _read_known(self, number: int, line: bytes) -> bool:
        """Take a known series with a timestamp or an exemplar; False if this is none."""
        sample, mark, exemplar = line.partition(b" # ") if self._openmetrics else (line, b"", b"")
        head, _, tail = sample.rpartition(b" ")
        slot, timestamp = self._known.get(head), None
        if slot is None:
            head, _, value = head.rpartition(b" ")
            slot = self._known.get(head)
            if slot is None:
                return False
            parse = parse_seconds if self._openmetrics else parse_milliseconds
            timestamp, tail = parse(tail.decode()), value
        if mark:
            check_exemplar(exemplar.decode())
        self.regular = False
        self._add(slot, tail, number, timestamp)
        return True

    def _read_new(self, number: int, line: bytes, text: str) -> None:
        sample = self._parse(text)
        series = text[: sample.series_end].encode()
        slot = self._known.get(series, self.fresh.get(series))
        if slot is None:
            slot = self.fresh[series] = self._next_slot + len(self.fresh)
            pairs = self.families.normalise(sample.labels)
            self.fresh_labels.append(self._labels.of(sample.name, pairs))
        number_text = sample.number.encode()
        self.regular = self.regular and line == series + b" " + number_text
        self._add(slot, number_text, number, sample.timestamp_ms)

    def _parse(self, text: str) -> SampleLine:
        return parse_openmetrics_line(text) if self._openmetrics else parse_text_line(text)

    def _mend(self, lines: Sequence[bytes]) -> None:
        """Read with care the lines of known series whose rest is no number.

        It may still be one with a timestamp after a tab.
        """
        for index, number in enumerate(self._numbers):
            line = self._lines[index]
            try:
                parse_value(number.decode())
            except ValueError:
                text = lines[line - 1].decode(errors="replace")
                try:
                    sample = self._parse(text)
                except ValueError as error:
                    raise BadExposition(line, text, str(error)) from None
                self.regular = False
                self._numbers[index] = sample.number.encode()
                if sample.timestamp_ms is not None:
                    self._timestamps[index] = sample.timestamp_ms


def _shown(line: bytes) -> str:
    return line[:200].decode(errors="replace")
