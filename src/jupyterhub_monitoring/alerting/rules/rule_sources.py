"""Where rule files are: paths, patterns of paths, and texts that come with us. Read as they are."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..text_file import read_text
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
        try:
            found[path] = read_text(path, MOST_BYTES)
        except OSError as error:  # noqa: PERF203 -- each file by itself
            problems.append(f"{path}: {error.strerror}")
    return Sources(found, tuple(problems))


def _matching(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        return [pattern]
    return sorted(glob.glob(pattern))  # noqa: PTH207 -- the pattern may be absolute
