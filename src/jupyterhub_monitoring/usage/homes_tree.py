"""A walk over one home directory that can be left at any time and gone on with later.

What it adds up is what `du -x` does: allocated blocks, of hard links once, on one file system.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from .homes_mount import own_file_system
from .model import Gap, GapReason
from .snapshot import Home

BLOCK_BYTES = 512
DEPTH = 100
"""Folders within folders; each of them holds two descriptors while we are below it."""

HARD_LINKS = 250_000
"""Files with further names that were not met yet; each of them takes about 150 bytes."""

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHANGED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}
_DENIED = {errno.EACCES, errno.EPERM}


@dataclass(slots=True)
class _Level:
    """A folder that is being read. Entries come one by one: a folder may have millions."""

    folder: int
    entries: Iterator[os.DirEntry[str]]

    def close(self) -> None:
        self.entries.close()  # type: ignore[attr-defined]
        os.close(self.folder)


class TreeWalk:
    """Adds up the folder at *path*, which has to be no symbolic link.

    Each folder is opened by its name within the one above it, never by a path: whoever owns the
    home cannot lead us elsewhere by putting a link where a folder was. For one thread.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.found: Home | Gap | None = None
        """What came of it, None until the walk has ended. A part that could not be read makes it a
        gap: a size without that part would be too small."""
        self.path = path
        self._levels: list[_Level] = []
        self._device = 0
        self._blocks = self._entries = 0
        self._newest = float("-inf")
        self._further_names: dict[tuple[int, int], int] = {}
        self._problems: Counter[GapReason] = Counter()
        self._operations = self._walk()

    def step(self, operations: int) -> int:
        """Do at most so many operations (stat, opening a folder) and return how many it were."""
        done = sum(1 for _ in islice(self._operations, operations))
        if self.found is None and done < operations:
            self.found = self._sum()
        return done

    def close(self) -> None:
        """Leave the walk, ended or not."""
        self._operations.close()
        while self._levels:
            self._levels.pop().close()

    def _walk(self) -> Generator[None, None, None]:
        """Do one operation between two yields."""
        yield
        if not self._begin():
            return
        while self._levels:
            entry = self._next_entry()
            if entry is None:
                self._levels.pop().close()
                continue
            yield
            if self._count_entry(entry):
                yield
                self._enter(entry.name)

    def _begin(self) -> bool:
        """Open the home. Return whether there is something to walk over."""
        try:
            level = _open(self.path, None)
        except OSError as error:
            self.found = _no_home(error)
            return False
        self._levels.append(level)
        with suppress(OSError):
            self.found = own_file_system(level.folder)
        if self.found is not None:
            return False
        of_home = os.fstat(level.folder)
        self._device = of_home.st_dev
        self._add(of_home)
        self._entries = 0  # the home itself is none of them
        return True

    def _next_entry(self) -> os.DirEntry[str] | None:
        try:
            return next(self._levels[-1].entries, None)
        except OSError as error:
            self._note(error)
            return None

    def _count_entry(self, entry: os.DirEntry[str]) -> bool:
        """Add *entry*. Return whether it is a folder to walk over."""
        try:
            found = entry.stat(follow_symlinks=False)
        except OSError as error:
            self._note(error)
            return False
        is_folder = stat.S_ISDIR(found.st_mode)
        if is_folder and found.st_dev != self._device:
            return False  # another file system; of files overlayfs may show another device
        if is_folder or found.st_nlink == 1 or self._is_first_name(found):
            self._add(found)
        return is_folder

    def _enter(self, name: str) -> None:
        if len(self._levels) >= DEPTH:
            self._problems[GapReason.FAILED] += 1
            return
        try:
            level = _open(name, self._levels[-1].folder)
        except OSError as error:
            self._note(error)
            return
        if os.fstat(level.folder).st_dev == self._device:
            self._levels.append(level)
        else:  # mounted since we looked
            level.close()

    def _is_first_name(self, found: os.stat_result) -> bool:
        """Whether no other name of a file was met. It is forgotten with its last name."""
        key = found.st_dev, found.st_ino
        left = self._further_names.pop(key, None)
        if left is None and len(self._further_names) >= HARD_LINKS:
            self._problems[GapReason.FAILED] += 1
            return True
        further = (found.st_nlink if left is None else left) - 1
        if further > 0:
            self._further_names[key] = further
        return left is None

    def _add(self, found: os.stat_result) -> None:
        self._blocks += found.st_blocks
        self._entries += 1
        # A user can set the first to any time, also a future one; the kernel sets the second.
        self._newest = max(self._newest, min(found.st_mtime, found.st_ctime))

    def _note(self, error: OSError) -> None:
        """Remember what could not be read. What went away or was replaced meanwhile is no part."""
        if error.errno in _DENIED:
            self._problems[GapReason.PERMISSION] += 1
        elif error.errno not in _CHANGED:
            self._problems[GapReason.UNREACHABLE] += 1

    def _sum(self) -> Home | Gap:
        if self._problems:
            reason, _ = self._problems.most_common(1)[0]
            return Gap(reason, f"{self._problems.total()} entries of a home could not be read")
        return Home(float(self._blocks * BLOCK_BYTES), float(self._entries), self._newest)


def _open(name: str | os.PathLike[str], folder: int | None) -> _Level:
    opened = os.open(name, FOLDER_FLAGS, dir_fd=folder)
    try:
        return _Level(opened, os.scandir(opened))
    except OSError:
        os.close(opened)
        raise


def _no_home(error: OSError) -> Gap:
    if error.errno == errno.ENOENT:
        return Gap(GapReason.GONE, "there is no home")
    if error.errno in _CHANGED:
        return Gap(GapReason.PROTOCOL, "a home is no folder, or a symbolic link")
    reason = GapReason.PERMISSION if error.errno in _DENIED else GapReason.UNREACHABLE
    return Gap(reason, f"a home cannot be opened: {error.strerror}")
