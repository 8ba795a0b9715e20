"""Files that the operator names: read whole, unless they are larger than such a file can be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

SECRET_BYTES = 64 << 10
"""Largest file that is taken for a secret."""


def read_text(path: str | os.PathLike[str], most_bytes: int) -> str:
    """Return the text of the file at *path*.

    Raises OSError, whose `strerror` says why: it also is no UTF-8, or larger than *most_bytes*.
    """
    with Path(path).open("rb") as file:
        data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        size = f"{most_bytes >> 20} MiB" if most_bytes >> 20 else f"{most_bytes >> 10} KiB"
        raise OSError(errno.EFBIG, f"it is larger than {size}", os.fspath(path))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"it is no text: no UTF-8 at byte {error.start}"
        raise OSError(errno.EILSEQ, why, os.fspath(path)) from None


def read_secret(path: str | os.PathLike[str]) -> str:
    """Return the secret that is all that stands in the file at *path*. Raises OSError."""
    return read_text(path, SECRET_BYTES).strip()


def state_of(path: str | os.PathLike[str]) -> object:
    """Return what is different as soon as the file at *path* is."""
    try:
        stat = Path(path).stat()
    except OSError as error:
        return os.fspath(path), error.errno
    return os.fspath(path), stat.st_mtime_ns, stat.st_size, stat.st_ino
