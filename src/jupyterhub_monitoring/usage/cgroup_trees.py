"""Which cgroup hierarchies are mounted: v2, those of v1, or both side by side.

mountinfo of v2:  41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
mountinfo of v1:  35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
                             |  where it is mounted                        its controllers
                             the path in the hierarchy that is seen there
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

V2 = ""
"""What stands for the controller of cgroup v2, as in the lines of /proc/PID/cgroup."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A mounted hierarchy: the cgroup *top* of it is the folder *point*."""

    top: str
    point: str

    def folder(self, path: str) -> str | None:
        """Return the folder of the cgroup at *path*, or None where this mount does not show it."""
        if self.top in {"", path}:
            return self.point + path.removeprefix(self.top)
        if path.startswith(self.top + "/"):
            return self.point + path[len(self.top) :]
        return None

    def path(self, folder: str) -> str:
        """Return the path of the cgroup whose folder, below *point*, is *folder*."""
        return self.top + folder.removeprefix(self.point)


Trees = Mapping[str, Tree]
"""By controller: `memory`, `cpuacct`, `name=systemd` of v1; `V2`."""


def mounted_trees(proc: Path) -> Trees:
    """Return the hierarchies that this process sees; none where *proc* tells of none.

    Of several mounts of one hierarchy it is the one that shows most of it: a container may have
    its own part at /sys/fs/cgroup and the machine's elsewhere.
    """
    trees: dict[str, Tree] = {}
    for controller, tree in sorted(_mounts(proc / "self/mountinfo"), key=_shows_most):
        trees.setdefault(
            controller, Tree("" if tree.top.startswith("/..") else tree.top, tree.point)
        )
    return trees


def _shows_most(mount: tuple[str, Tree]) -> tuple[int, int]:
    """Order mounts: above the root of our namespace ("/../.."), that root, parts of it."""
    top = mount[1].top
    return -top.count(".."), len(top)


def _mounts(mountinfo: Path) -> Iterator[tuple[str, Tree]]:
    """Yield controllers and trees, with tops as the kernel writes them but for the last slash."""
    try:
        lines = mountinfo.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.partition(" ")
        if not kind.startswith("cgroup"):
            continue
        top, point = (_unescaped(field) for field in fields.split(" ")[3:5])
        if _is_part_of_another(top):
            continue
        tree = Tree(top.rstrip("/"), point)
        for controller in [V2] if kind == "cgroup2" else options.rpartition(" ")[2].split(","):
            yield controller, tree


def _is_part_of_another(top: str) -> bool:
    """Return whether *top* is neither in our namespace of cgroups nor above all of it."""
    parts = set(top.strip("/").split("/"))
    return ".." in parts and parts != {".."}


def _unescaped(field: str) -> str:
    """Undo mountinfo's octal escapes: a space is written 040 after a backslash."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), field)
