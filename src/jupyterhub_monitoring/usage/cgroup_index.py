"""Where in the cgroup trees the units, containers and jobs of this machine are."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from .cgroup_trees import V2, Trees

MOST_FOLDERS = 50_000
"""So many are listed at most, however large the tree is."""

_SEARCHED = ("name=systemd", V2, "memory", "cpuacct")
_LED_BY = re.compile(
    r".+\.slice|user@\d+\.service|docker|libpod_parent|slurm|uid_\d+|(.+_)?slurmstepd\.scope"
)
_FOUND = re.compile(r".+\.(service|scope)|[0-9a-f]{64}|job_\d+")
_USER_MANAGER = re.compile(r"user@\d+\.service")


def cgroups_by_name(trees: Trees) -> dict[str, str]:
    """Return the paths of cgroups by the last part of them, in slices and where engines put them.

    A service below a user's own manager is left out: anybody can give one the name of another
    user's server.
    """
    found: dict[str, str] = {}
    for point in dict.fromkeys(trees[name].point for name in _SEARCHED if name in trees):
        tree = next(tree for tree in trees.values() if tree.point == point)
        for folder in _folders(point):
            name = folder.rpartition("/")[2]
            found.setdefault(name, tree.path(folder))
    return found


def _folders(top: str) -> Iterator[str]:
    """Yield the folders that may be a server's, those further up first."""
    level, listed = [top], 0
    while level:
        below: list[str] = []
        for folder in level:
            users_own = _USER_MANAGER.search(folder) is not None
            for entry in _folders_in(folder):
                listed += 1
                if listed > MOST_FOLDERS:
                    return
                if _LED_BY.fullmatch(entry.name):
                    below.append(entry.path)
                if _FOUND.fullmatch(entry.name) and not (
                    users_own and entry.name.endswith(".service")
                ):
                    yield entry.path
        level = below


def _folders_in(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:  # gone meanwhile, or not for us: nothing of ours is in it
        return []
