"""Packing and sealing beside the writer: only what is short is done while it waits.

Segments never change, so that their rows are read and encoded without a lock. What came late
meanwhile shows as other segments of a stream: that stream is done again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from .head import Head
from .pace import Pace
from .seal import SealedBlock, seal
from .slots import Slots

TRIES = 3
"""So often a block is compared with its late samples before the writer has to wait for them."""


class Sealer:
    """Works on *head* at its own *pace*; *writing* is the lock of who changes it."""

    def __init__(self, head: Head, slots: Slots, writing: threading.RLock, pace: Pace) -> None:
        self._head, self._slots, self._writing, self._pace = head, slots, writing, pace

    def freeze(self, show: Callable[[], None]) -> None:
        """Pack what is long past; *show* lets queries see it."""
        while True:
            with self._writing:
                due = self._head.due()
            for stream, chunk in due:
                frozen = self._head.pack(stream, chunk, self._pace.rest)
                with self._writing:
                    self._head.freeze(stream, chunk, frozen)
                    show()
            if not due:
                return

    def seal(self, block: int, write: Callable[[SealedBlock], None]) -> None:
        """Encode *block*, and *write* it while nothing changes."""
        taken = self._head.of_block(block)
        sealed = seal(block, taken, self._slots, self._pace.rest)
        for trial in range(TRIES + 1):
            with self._writing:
                now = self._head.of_block(block)
                late = {stream: rows for stream, rows in now.items() if taken.get(stream) != rows}
                if late and trial == TRIES:
                    sealed, late = sealed.updated(seal(block, late, self._slots, _at_once)), {}
                if not late:
                    write(sealed)
                    return
            taken = now
            sealed = sealed.updated(seal(block, late, self._slots, self._pace.rest))


def _at_once() -> None:
    """Take no rest: somebody waits."""
