"""Import: from an input of any size into the store, a block at a time, resumable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..errors import CannotStart
from ..store.samples import Importable, Samples
from ..store.selection import Appended
from .openmetrics_lines import LONGEST_LINE, OpenMetricsLines, WrongLine, refuse
from .spill import Spill, Waiting

PIECE_BYTES = 1 << 20  # of a file, read at a time
BATCH = 500_000  # samples between two lines of the journal

Progress = Callable[[str, float], None]
"""Called with what is being done and which part of it is done, 0 to 1."""


def lay_down_file(path: Path, spill: Spill, progress: Progress) -> None:
    """Lay down the samples of an OpenMetrics file, from where an earlier import was cut off."""
    lines = OpenMetricsLines(spill.number)
    lines.metadata.update({k: (v[0], v[1], v[2]) for k, v in spill.journal.metadata.items()})
    byte, line = spill.journal.place
    size = max(path.stat().st_size, 1)
    waiting = Waiting(spill)
    for piece in _pieces(path, byte):
        try:
            waiting.add(lines.read(piece))
        except WrongLine as wrong:
            raise refuse(path, line + wrong.place + 1, wrong) from None
        byte += sum(map(len, piece)) + len(piece)
        line += len(piece)
        spill.journal.metadata = {k: list(v) for k, v in lines.metadata.items()}
        if len(waiting) >= BATCH:
            waiting.lay_down((byte, line))
        progress("reading", byte / size)
    if not lines.ended:
        raise refuse(path, line, "the file ends without # EOF, so it was cut off")
    spill.journal.complete = True
    waiting.lay_down((byte, line))


def _pieces(path: Path, begin: int) -> Iterator[list[bytes]]:
    """Yield the lines of a file from byte *begin* on, some at a time."""
    rest = b""
    with path.open("rb") as file:
        file.seek(begin)
        while read := file.read(PIECE_BYTES):
            *lines, rest = (rest + read).split(b"\n")
            yield lines
            if len(rest) > LONGEST_LINE:
                break  # as it is, it is refused; what comes after it is of no use
    if rest:
        yield [rest]


def hand_over(spill: Spill, store: Importable, progress: Progress) -> Appended:
    """Give the store all that is laid down; return what became of it."""
    ids = store.series_ids(spill.series) if spill.series else np.empty(0, dtype=np.int64)
    store.describe({k: (v[0], v[1], v[2]) for k, v in spill.journal.metadata.items()})
    sizes = spill.journal.sizes
    total = max(sum(size for name, size in sizes.items() if name != "series"), 1)
    done, counts = 0, Appended()
    for records in spill.parts():
        samples = Samples.sorted(ids[records["series"]], records["timestamp"], records["value"])
        counts = _sum(counts, store.import_samples(samples))
        done += records.nbytes
        progress("storing", done / total)
    return counts


def _sum(one: Appended, other: Appended) -> Appended:
    return Appended(
        one.stored + other.stored,
        one.duplicate + other.duplicate,
        one.repeated + other.repeated,
        one.too_old + other.too_old,
    )


def identity(path: Path) -> str:
    """Return what tells one input from another: name, size and time of the last change."""
    try:
        status = path.stat()
    except OSError as error:
        raise CannotStart(f"{path} cannot be read: {error.strerror}") from None
    if not path.is_file():
        raise CannotStart(f"{path} is no file; name one with OpenMetrics text in it")
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
