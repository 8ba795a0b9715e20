"""Reads what the Hub has written to its spool (see `spool.py`), from where it was read last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .. import spool
from ..spool import SpooledEvent, SpoolFile

BATCH_BYTES = 256 << 10
"""What is read at once, and so kept in one transaction: a thousand events or so."""

OPEN_SECONDS = 3600.0
"""How long the last file of a life may still be written to, though another life has begun."""


@dataclass(frozen=True, slots=True)
class Batch:
    """*events* in order, and up to where they go: bytes by the name of a file.

    *done* are files of which nothing more is to come. A line that is none is left out; the numbers
    of the others tell whether something is missing.
    """

    events: tuple[SpooledEvent, ...] = ()
    offsets: Mapping[str, int] = field(default_factory=dict)
    done: tuple[str, ...] = ()


class SpoolReader:
    """The spool in *folder*, a data folder. Raises OSError where it cannot be read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / spool.FOLDER

    def names(self) -> set[str]:
        """Return the files that there are."""
        return {file.name for file in spool.files(self._folder)}

    def batches(self, offsets: Mapping[str, int], now: float) -> Iterator[Batch]:
        """Yield what is new since *offsets*, in order."""
        files = spool.files(self._folder)
        for index, file in enumerate(files):
            others = files[index + 1 :]
            # The Hub writes on in another file only when this one is complete.
            complete = any(other.life == file.life for other in others)
            with contextlib.suppress(FileNotFoundError):  # the Hub has made room
                yield from self._of_file(file, offsets.get(file.name, 0), complete=complete)
                if complete or (others and self._is_old(file, now)):
                    yield Batch(done=(file.name,))

    def remove(self, name: str) -> None:
        """Remove a file that is done."""
        (self._folder / name).unlink(missing_ok=True)

    def _is_old(self, file: SpoolFile, now: float) -> bool:
        return now - (self._folder / file.name).stat().st_mtime > OPEN_SECONDS

    def _of_file(self, file: SpoolFile, offset: int, *, complete: bool) -> Iterator[Batch]:
        with (self._folder / file.name).open("rb") as opened:
            if opened.seek(0, 2) < offset:
                offset = 0  # another file of that name; its numbers tell what is new
            opened.seek(offset)
            while text := opened.read(BATCH_BYTES):
                whole = text[: text.rfind(b"\n") + 1]
                if not whole:
                    if not complete and len(text) < BATCH_BYTES:
                        return  # the rest of the line is being written
                    whole = text  # no line of ours is as long, or its end will never come
                offset += len(whole)
                opened.seek(offset)
                yield _batch(file, whole, offset)


def _batch(file: SpoolFile, text: bytes, offset: int) -> Batch:
    found = (spool.event_of(line, file.life) for line in text.split(b"\n"))
    return Batch(tuple(event for event in found if event is not None), {file.name: offset})
