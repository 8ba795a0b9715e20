"""Writing what `export` makes: never over a file that somebody else made."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import CannotStart
from ..export.artefact import MADE_BY

SECRET_MODE, MODE = 0o600, 0o644
SECRETS = ("secret.yaml",)
"""Names of files that only their owner may read."""

LONGEST = 8 << 20
"""Bytes of a file of ours, at most: a longer one is somebody else's."""


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write *files* below *folder*. Raises `CannotStart` before anything is written over."""
    for path in files:
        if _is_of_others(folder / path):
            raise CannotStart(
                f"{folder / path} is there and was not made by this command; name an empty folder"
                " with --output, or move that file away"
            )
    try:
        for path, text in files.items():
            _write(folder / path, text)
    except OSError as error:
        raise CannotStart(f"{error.filename or folder}: {error.strerror or error}") from None


def _is_of_others(path: Path) -> bool:
    try:
        if path.stat().st_size > LONGEST:
            return True
        return MADE_BY not in path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise CannotStart(f"{path}: {error.strerror or error}") from None


def _write(path: Path, text: str) -> None:
    """Write beside *path* and put in its place: whoever reads it sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = SECRET_MODE if path.name in SECRETS else MODE
    beside = path.with_name(f".{path.name}.new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
        out.write(text.encode())
    beside.replace(path)
