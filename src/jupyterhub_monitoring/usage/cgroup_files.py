"""Reading the files of a cgroup, often and cheaply."""

from __future__ import annotations

import os
import re

READ_BYTES = 1 << 16
"""More than any of the files that we read has; its kernel writes it in one piece."""

DEEPEST = 16
"""How far below a cgroup its processes are looked for."""

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_NUMBER = re.compile(rb"(\d{1,20})\n")


class Allowance:
    """How many descriptors may be held in all. Files beyond are opened for each look."""

    def __init__(self, descriptors: int) -> None:
        self._left = descriptors

    def take(self) -> bool:
        """Return whether one more may be held."""
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def give_back(self, descriptors: int) -> None:
        """Say that *descriptors* are closed."""
        self._left += descriptors


class Folder:
    """A cgroup's folder in one hierarchy. Its files stay open between looks, as far as allowed."""

    def __init__(self, path: str, allowance: Allowance) -> None:
        self.path = path
        self._allowance = allowance
        self._held: dict[str, int] = {}
        self._inode: tuple[int, int] | None = None

    def is_there(self) -> bool:
        """Return whether the cgroup exists; one that was made anew is read anew."""
        try:
            found = os.stat(self.path)  # noqa: PTH116  # a path object costs more
        except (FileNotFoundError, NotADirectoryError):
            self.close()
            return False
        inode = (found.st_dev, found.st_ino)
        if inode != self._inode:
            self.close()
            self._inode = inode
        return True

    def read(self, name: str) -> bytes:
        """Return what file *name* says; nothing where there is none. Raises other OSErrors."""
        held = self._held.get(name)
        if held is not None:
            return os.pread(held, READ_BYTES, 0)
        try:
            if not self._allowance.take():
                return read_once(f"{self.path}/{name}")
            self._held[name] = self._opened(name)
        except FileNotFoundError:
            return b""
        return os.pread(self._held[name], READ_BYTES, 0)

    def _opened(self, name: str) -> int:
        try:
            return os.open(f"{self.path}/{name}", _FLAGS)
        except OSError:
            self._allowance.give_back(1)
            raise

    def close(self) -> None:
        """Close what is held."""
        for descriptor in self._held.values():
            os.close(descriptor)
        self._allowance.give_back(len(self._held))
        self._held.clear()


def read_once(path: str) -> bytes:
    """Return what the file at *path* says; twice as fast as with a file object."""
    opened = os.open(path, _FLAGS)
    try:
        return os.read(opened, READ_BYTES)
    finally:
        os.close(opened)


def number(text: bytes) -> int | None:
    """Return the number that *text* is; None where it is none, or cut off."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found else None


def field(text: bytes, name: bytes) -> int | None:
    """Return the number after *name* in lines of `name number`; None where there is none."""
    begin = 0 if text.startswith(name + b" ") else text.find(b"\n" + name + b" ") + 1
    if not begin and not text.startswith(name + b" "):
        return None
    found = _NUMBER.match(text, begin + len(name) + 1)
    return int(found[1]) if found else None


def processes_in(folder: str) -> list[int]:
    """Return the processes of a cgroup and of those below it. Raises OSError.

    A process of another pid namespace is 0.
    """
    return _processes(folder, DEEPEST)


def _processes(folder: str, depth: int) -> list[int]:
    found = [int(line) for line in _lines(f"{folder}/cgroup.procs") if line.isdigit()]
    links = os.stat(folder).st_nlink  # noqa: PTH116  # as above
    if depth and links > 2:  # one for each folder below; listing costs more
        with os.scandir(folder) as entries:
            below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        for path in below:
            found += _processes(path, depth - 1)
    return found


def _lines(path: str) -> list[bytes]:
    """Return all lines of a file that the kernel writes in pieces of a page or so."""
    opened = os.open(path, _FLAGS)
    try:
        pieces = list(iter(lambda: os.read(opened, READ_BYTES), b""))
    finally:
        os.close(opened)
    return b"".join(pieces).split()
