"""The limits that a cgroup (v1, v2, or both side by side) sets to this process.

    /proc/self/cgroup      the cgroup's path per controller:  4:memory:/docker/ab   0::/docker/ab
    /proc/self/mountinfo   where its tree is mounted, and from which path on

A file that is not there sets no limit (the root of a tree has none). One that is there and cannot
be read or understood raises OSError or ValueError: then nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

V2 = ""
"""What stands for the controller in the lines of cgroup v2."""

V1_UNLIMITED = 1 << 62
"""v1 has no word for "no limit"; it shows the largest number of whole pages."""


@dataclass(frozen=True, slots=True)
class Place:
    """A cgroup's folder, and its path, which is the same in the trees of all v1 controllers."""

    folder: Path
    path: PurePosixPath


@dataclass(frozen=True, slots=True)
class Bound:
    """The cgroup that sets the tightest limit: *limit* in bytes, or in processors."""

    place: Place
    limit: float
    is_v2: bool


def memory_bound(root: Path) -> Bound | None:
    """Return the tightest memory limit, or None where there is none."""
    found = [
        Bound(place, limit, is_v2)
        for controller, file, is_v2 in (
            ("memory", "memory.limit_in_bytes", False),
            (V2, "memory.max", True),
        )
        for place in _places(root, controller)
        if (limit := _limit(place.folder / file)) is not None
    ]
    return min(found, key=lambda bound: bound.limit, default=None)


def memory_used(bound: Bound) -> float:
    """Return the bytes in use that the kernel cannot simply drop."""
    folder = bound.place.folder
    usage, cache = (
        ("memory.current", "inactive_file")
        if bound.is_v2
        else ("memory.usage_in_bytes", "total_inactive_file")
    )
    droppable = _field(folder / "memory.stat", cache)
    return max(0, int((folder / usage).read_text()) - droppable)


def cpu_bound(root: Path) -> Bound | None:
    """Return the tightest CPU quota in processors, or None where there is none."""
    found = [
        Bound(place, quota, is_v2)
        for controller, quota_of, is_v2 in (("cpu", _v1_quota, False), (V2, _v2_quota, True))
        for place in _places(root, controller)
        if (quota := quota_of(place.folder)) is not None
    ]
    return min(found, key=lambda bound: bound.limit, default=None)


def cpu_seconds(root: Path, bound: Bound) -> float:
    """Return the CPU seconds that the cgroup has used since it exists."""
    if bound.is_v2:
        return _field(bound.place.folder / "cpu.stat", "usage_usec") / 1e6
    same = [place for place in _places(root, "cpuacct") if place.path == bound.place.path]
    if not same:
        raise ValueError(f"no cpuacct for {bound.place.path}")
    return int((same[0].folder / "cpuacct.usage").read_text()) / 1e9


def _places(root: Path, controller: str) -> Iterator[Place]:
    """Yield this process's cgroup and those above it, as far as they are mounted here."""
    path, mount = _own_path(root, controller), _mount(root, controller)
    if path is None or mount is None:
        return
    top, point = mount
    if ".." in path.parts or not path.is_relative_to(
        top
    ):  # a namespace or a bind mount hides where we are
        path = top
    while True:
        yield Place(point / path.relative_to(top), path)
        if path == top:
            return
        path = path.parent


def _own_path(root: Path, controller: str) -> PurePosixPath | None:
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return PurePosixPath(path)
    return None


def _mount(root: Path, controller: str) -> tuple[PurePosixPath, Path] | None:
    """Return from which path on the controller's tree is mounted, and where."""
    for line in _lines(root / "proc/self/mountinfo"):
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split(" ", 2)
        if kind == ("cgroup" if controller else "cgroup2") and (
            not controller or controller in options.split(",")
        ):
            top, point = (_unescaped(field) for field in fields.split(" ")[3:5])
            return PurePosixPath(top), root / point.lstrip("/")
    return None


def _unescaped(field: str) -> str:
    """Undo mountinfo's octal escapes: a space is written 040 after a backslash."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field)


def _limit(file: Path) -> int | None:
    """Return the bytes in *file*; None when that is no limit."""
    lines = _lines(file)
    if not lines or lines[0] == "max" or int(lines[0]) >= V1_UNLIMITED:
        return None
    return int(lines[0])


def _v1_quota(folder: Path) -> float | None:
    quota, period = _lines(folder / "cpu.cfs_quota_us"), _lines(folder / "cpu.cfs_period_us")
    if not quota or not period or int(quota[0]) <= 0:
        return None
    return _processors(quota[0], period[0])


def _v2_quota(folder: Path) -> float | None:
    lines = _lines(folder / "cpu.max")
    if not lines or lines[0].startswith("max"):
        return None
    quota, period = lines[0].split()
    return _processors(quota, period)


def _processors(quota: str, period: str) -> float:
    if int(quota) <= 0 or int(period) <= 0:
        raise ValueError(f"a CPU quota of {quota} in {period} microseconds")
    return int(quota) / int(period)


def _field(file: Path, name: str) -> int:
    """Return one number of a file of `name number` lines. Raises ValueError if it is not there."""
    for line in file.read_text().splitlines():
        found, _, number = line.partition(" ")
        if found == name:
            return int(number)
    raise ValueError(f"{file} has no {name}")


def _lines(file: Path) -> list[str]:
    """Return the file's lines; none when it does not exist."""
    try:
        return file.read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []
