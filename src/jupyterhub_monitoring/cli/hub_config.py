"""What a `jupyterhub_config.py` says, for commands beside the Hub: the file is run."""

from __future__ import annotations

import traceback
from pathlib import Path

from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from ..configuration import only_reading
from ..errors import CannotStart


def read_config(path: Path) -> Config:
    """Return what the file at *path* says. Raises `CannotStart`, with file and line."""
    try:
        with only_reading():
            return PyFileConfigLoader(path.name, str(path.absolute().parent)).load_config()
    except Exception as error:  # noqa: BLE001 -- the file is a program
        why = error.msg if isinstance(error, SyntaxError) else error
        raise CannotStart(
            f"{_place(path, error)} cannot be run: {type(error).__name__}: {why}"
        ) from None


def _place(path: Path, error: Exception) -> str:
    """Return where *error* comes from: of what the file calls, the line that calls it."""
    full = str(path.absolute())
    if isinstance(error, SyntaxError) and error.filename == full:
        return f"{path}:{error.lineno}"
    lines = [at.lineno for at in traceback.extract_tb(error.__traceback__) if at.filename == full]
    return f"{path}:{lines[-1]}" if lines else str(path)
