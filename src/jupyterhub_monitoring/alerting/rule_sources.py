"""Where rule files are: paths, patterns of paths, and texts that come with us. Read as they are."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .rule_yaml import MOST_BYTES


@dataclass(frozen=True, slots=True)
class Sources:
    """What was found at one moment: texts by file name, in order, and what could not be read."""

    texts: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_sources(files: Sequence[str | os.PathLike[str]], texts: Mapping[str, str]) -> Sources:
    """Read *files*, of which each may be a pattern with `*`; *texts* come first.

    A file that is named and is not there is a problem, for an editor may be about to write it. A
    pattern that nothing matches is none: it means whatever is there.
    """
    found, problems = dict(texts), []
    for path in [path for pattern in files for path in _matching(os.fspath(pattern))]:
        text, problem = _read(Path(path))
        if problem:
            problems.append(f"{path}: {problem}")
        else:
            found[path] = text
    return Sources(found, tuple(problems))


def _matching(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        return [pattern]
    return sorted(glob.glob(pattern))  # noqa: PTH207 -- the pattern may be absolute


def _read(path: Path) -> tuple[str, str]:
    """Return the text of a file, or else why it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        return "", error.strerror or str(error)
    except UnicodeDecodeError as error:
        return "", f"no UTF-8 at byte {error.start}"
    too_large = f"a rule file may have {MOST_BYTES >> 20} MiB at most"
    return text, too_large if len(data) > MOST_BYTES else ""
