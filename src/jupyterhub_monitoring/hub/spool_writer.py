"""Writes events to the spool, from which the service reads them (see `spool.py`).

Whoever has an event only puts it into a queue; a thread writes, so that a disk that hangs or is
full holds up nothing. It begins with an event and ends when nothing waits: what was put in is on
its way to the disk at once, for the Hub may be about to exit.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import spool
from ..metrics.catalogue import EVENTS_DROPPED
from ..metrics.labels import Point, SpoolDrop
from .guard import report

log = logging.getLogger(__name__)

MOST_WAITING = 5_000
"""Lines that wait in memory while the disk takes none, some 2 MB; the oldest are dropped beyond."""

BATCH = 500

FILE_SECONDS = 3600.0
"""How long a file is written to. The service removes those before; what was typed as a name at a
login stays no longer than need be."""


class SpoolWriter:
    """The spool in *folder*, a data folder, for this life of the Hub. `put` never waits."""

    def __init__(
        self, folder: Path, file_bytes: int = spool.FILE_BYTES, most_bytes: int = spool.MOST_BYTES
    ) -> None:
        self._data_folder, self._folder = folder, folder / spool.FOLDER
        self._file_bytes, self._most_bytes = file_bytes, most_bytes
        self._file = spool.SpoolFile(round(time.time() * 1000), secrets.token_hex(8), 1)
        self._file_began = 0.0  # monotonic; 0.0 before its first line
        self._number = 0
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._writing = False
        self._told = False

    def put(self, event: str, fields: Mapping[str, Any]) -> None:
        """Write *event* soon. Raises what `spool.line` raises; then it is not written."""
        with self._changed:
            self._number += 1  # before the line is made: one that cannot be is a gap, as it should
            self._waiting.append(spool.line(self._number, time.time(), event, fields))
            if len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                EVENTS_DROPPED.labels(SpoolDrop.DISK.value).inc()
            if self._writing:
                return
            self._writing = True
        threading.Thread(target=self._write_all, name="hub-events", daemon=True).start()

    @property
    def is_writing(self) -> bool:
        """Whether something is on its way to the disk."""
        return self._writing

    def flush(self, seconds: float) -> bool:
        """Wait until all is written or cannot be, for at most so long; return whether it is."""
        with self._changed:
            self._changed.wait_for(lambda: not self._writing, seconds)
            return not self._waiting and not self._writing

    # --- In the thread -----------------------------------------------------------------------

    def _write_all(self) -> None:
        lines: list[bytes] = []
        try:
            while lines := self._next():
                self._write(lines)
        except Exception as error:  # noqa: BLE001 -- a thread that is gone would let all wait
            if not isinstance(error, OSError):
                report(Point.ACTIVITY, error)
            self._failed(lines, error)

    def _next(self) -> list[bytes]:
        with self._changed:
            lines = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not lines:
                self._writing = False
                self._changed.notify_all()
            return lines

    def _failed(self, lines: list[bytes], error: Exception) -> None:
        """Let them wait for the next event, behind which they are tried again."""
        if not self._told:
            self._told = True
            log.warning(
                "What happens on the Hub cannot be written to %s (%s): pages and reports of the"
                " monitoring service miss it. Make room or let the Hub's user write there.",
                self._folder,
                getattr(error, "strerror", None) or error,
            )
        with self._changed:
            self._waiting.extendleft(reversed(lines))
            while len(self._waiting) > MOST_WAITING:
                self._waiting.popleft()
                EVENTS_DROPPED.labels(SpoolDrop.DISK.value).inc()
            self._writing = False
            self._changed.notify_all()

    def _write(self, lines: list[bytes]) -> None:
        """Append *lines*; where that fails midway, to another file: the last may be cut off."""
        path = self._folder / self._file.name
        try:
            size = self._append(path, b"".join(lines))
        except OSError:
            if path.exists() and path.stat().st_size:
                self._file, self._file_began = self._file.next, 0.0
            raise
        now = time.monotonic()
        self._file_began = self._file_began or now
        if size >= self._file_bytes or now - self._file_began >= FILE_SECONDS:
            self._file, self._file_began = self._file.next, 0.0
            self._make_room()

    def _append(self, path: Path, text: bytes) -> int:
        self._data_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags, 0o600)
        try:
            if os.write(file, text) < len(text):
                raise OSError("the disk took a part only")
            return os.fstat(file).st_size
        finally:
            os.close(file)

    def _make_room(self) -> None:
        """Drop the oldest files until there is room for one more."""
        sizes = {}
        for found in spool.files(self._folder):
            with contextlib.suppress(OSError):  # the service has just read it
                sizes[found] = (self._folder / found.name).stat().st_size
        total = sum(sizes.values())
        for found, size in sizes.items():
            if total + self._file_bytes <= self._most_bytes:
                return
            self._drop(self._folder / found.name)
            total -= size

    def _drop(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            lines = path.read_bytes().count(b"\n")
            path.unlink()
            EVENTS_DROPPED.labels(SpoolDrop.LIMIT.value).inc(lines)
