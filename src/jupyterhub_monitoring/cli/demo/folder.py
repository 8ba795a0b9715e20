"""The demo's folder: a temporary one, or one to keep; its owner's only, and one demo at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ...errors import CannotStart

MARK = ".jupyterhub-monitoring-demo"


@dataclass(frozen=True)
class Folder:
    """Where a demo lives, and whether it stays there when the demo ends."""

    path: Path
    kept: bool


@contextmanager
def demo_folder(wanted: Path | None) -> Iterator[Folder]:
    """Give a folder that only its owner can read. CannotStart where that cannot be had."""
    if wanted is None:
        path = Path(tempfile.mkdtemp(prefix="jupyterhub-monitoring-demo-"))
        try:
            yield Folder(path, kept=False)
        finally:
            shutil.rmtree(path, ignore_errors=True)
        return
    path = _prepare(wanted.expanduser().absolute())
    with _only_one(path):
        yield Folder(path, kept=True)


def _prepare(path: Path) -> Path:
    """Make *path*, or take it again; never somebody's folder full of other things."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(path.iterdir()) and not (path / MARK).exists():
            raise CannotStart(
                f"--data-dir {path} holds other things; name an empty or a new folder"
            )
        (path / MARK).touch()
        path.chmod(0o700)
    except FileExistsError as error:
        raise CannotStart(f"--data-dir {path} is a file; name a folder") from error
    except OSError as error:
        why = error.strerror or error
        raise CannotStart(f"--data-dir {path} cannot be written: {why}; name another") from error
    return path


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the folder's lock. It goes with this process, however that ends."""
    lock = os.open(path / MARK, os.O_RDWR)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise CannotStart(f"another demo runs in {path}; stop it or name another folder") from error
    try:
        yield
    finally:
        os.close(lock)
