"""Where an import sorts samples by time before the store gets them: files beside the store.

A file to import is mostly series by series, the store's pages are two hours of many series. So
samples are laid down by block first, in a folder of files, and then handed over one file at a
time: memory is bounded by the largest of them. The journal says how much of the input is laid
down, so that an import that was killed goes on from there; what the store has already, it does not
take twice.

    series        one JSON list of [name, value] pairs a line: series 0, 1, 2 ...
    BLOCK-PART    records (series u32, milliseconds i64, value f64), little-endian, in the order
                  of the input; when a part is large enough, the next one begins
    journal       JSON: the input, how far it is read, the sizes of the files above
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..store.selection import Labels

BLOCK_MS = 7_200_000
PART_BYTES = 32 << 20
RECORD = np.dtype([("series", "<u4"), ("timestamp", "<i8"), ("value", "<f8")])

Records = NDArray[np.void]


@dataclass(slots=True)
class Journal:
    """How far an import has come."""

    source: str  # what is imported, so that another input is not taken for this one
    place: list[int]  # how far it is read: (byte, line) of a file, (metric, block) of a Prometheus
    complete: bool = False  # all of it is laid down
    sizes: dict[str, int] = field(default_factory=dict)
    metadata: dict[str, list[str]] = field(default_factory=dict)


class Spill:
    """The folder of one import. Begins anew, or goes on where the same import was cut off."""

    def __init__(self, folder: Path, source: str) -> None:
        self._folder = folder
        self.journal = self._resume(source) or self._begin(source)
        self.series: list[Labels] = []
        self._numbers: dict[Labels, int] = {}
        self._parts: dict[int, int] = {}
        if (folder / "series").exists():
            for line in (folder / "series").read_text().splitlines():
                self.number(tuple((name, value) for name, value in json.loads(line)))
        self._kept = len(self.series)

    def _resume(self, source: str) -> Journal | None:
        try:
            journal = Journal(**json.loads((self._folder / "journal").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        if journal.source != source:
            return None
        for file in self._folder.iterdir():
            if file.name != "journal" and not journal.complete:
                os.truncate(file, journal.sizes.get(file.name, 0))
        return journal

    def _begin(self, source: str) -> Journal:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(mode=0o700)
        return Journal(source, [0, 0])

    def number(self, labels: Labels) -> int:
        """Return the number of a label set, a new one if it has none."""
        number = self._numbers.setdefault(labels, len(self.series))
        if number == len(self.series):
            self.series.append(labels)
        return number

    def lay_down(self, records: Records, place: Sequence[int]) -> None:
        """Keep *records*; the input is read as far as *place*."""
        blocks = records["timestamp"] // BLOCK_MS
        order = np.argsort(blocks, kind="stable")
        cuts = np.flatnonzero(np.diff(blocks[order])) + 1
        for chosen in np.split(order, cuts) if len(records) else ():
            self._append(self._part(int(blocks[chosen[0]])), records[chosen].tobytes())
        lines = (json.dumps(labels) + "\n" for labels in self.series[self._kept :])
        self._append("series", "".join(lines).encode())
        self._kept = len(self.series)
        self.journal.place = list(place)
        self.write_journal()

    def _part(self, block: int) -> str:
        """Return the name of the part of *block* that has room."""
        number = self._parts.get(block, 0)
        while self.journal.sizes.get(f"{block}-{number}", 0) >= PART_BYTES:
            number += 1
        self._parts[block] = number
        return f"{block}-{number}"

    def _append(self, name: str, data: bytes) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(data)
            self.journal.sizes[name] = file.tell()

    def write_journal(self) -> None:
        """Make what the journal says durable, all at once."""
        new = self._folder / "journal.new"
        new.write_text(json.dumps(asdict(self.journal)))
        new.replace(self._folder / "journal")

    def parts(self) -> Iterator[Records]:
        """Yield the samples by block, oldest first, and forget each when the next is asked for.

        They are in the order of the input.
        """
        names = (file.name for file in self._folder.iterdir() if file.name[-1:].isdigit())
        for name in sorted(names, key=lambda name: tuple(map(int, name.rsplit("-", 1)))):
            yield np.fromfile(self._folder / name, dtype=RECORD)
            (self._folder / name).unlink()

    def remove(self) -> None:
        """Remove the folder: the import is done, or cannot go on."""
        shutil.rmtree(self._folder, ignore_errors=True)


class Waiting:
    """Samples that are read and not laid down yet."""

    def __init__(self, spill: Spill) -> None:
        self._spill, self._records = spill, list[Records]()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, records: Records) -> None:
        """Take *records*, which come after those that are waiting."""
        self._records.append(records)
        self._count += len(records)

    def lay_down(self, place: Sequence[int]) -> None:
        """Lay all down; the input is read as far as *place*."""
        records = np.concatenate([*self._records, np.empty(0, dtype=RECORD)])
        self._records, self._count = [], 0
        self._spill.lay_down(records, place)
