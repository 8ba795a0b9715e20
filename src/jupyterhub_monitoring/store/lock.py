"""One process at a time writes to a data folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from ..errors import StoreLocked


class FolderLock:
    """The file *name* in *folder*, held until `release` or the end of the process.

    The kernel keeps the lock, so that no stale one is left behind by a kill -9. Raises
    `StoreLocked` where another process, or another lock of this one, holds it.
    """

    def __init__(self, folder: Path, name: str = "lock") -> None:
        self._file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
            os.close(self._file)
            raise StoreLocked(_what_to_do(folder, holder)) from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process have the folder. Safe to repeat."""
        if self._file >= 0:
            with contextlib.suppress(OSError):  # a full disk changes nothing about letting go
                os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = -1


def _what_to_do(folder: Path, holder: str) -> str:
    who = f"process {holder}" if holder.isdigit() else "another process"
    return (
        f"the data folder {folder} is in use by {who}; end that one"
        " (a Hub runs one monitoring service) or give this one a folder of its own"
    )
