"""Homes that are file systems of their own: their size is known without looking at a file."""

from __future__ import annotations

import os
from pathlib import Path

from .snapshot import Home

WHOLE = frozenset({"ext2", "ext3", "ext4", "xfs", "f2fs", "zfs", "tmpfs"})
"""File systems whose use is that of what is mounted, if their root is. Of btrfs and of what a
server exports (NFS, CIFS) the numbers are of all that lies there, other people's homes too."""


def own_file_system(folder: int) -> Home | None:
    """Return the use of the file system that is mounted on *folder*, a descriptor.

    None where it is not the root of one, or where its numbers may be those of other folders too.
    The numbers are the file system's own, as `df` shows them, so without newest change.
    """
    if os.stat("..", dir_fd=folder).st_dev == os.fstat(folder).st_dev or not _is_whole(folder):
        return None
    use = os.fstatvfs(folder)
    entries = float(use.f_files - use.f_ffree) if use.f_files else None
    return Home(float((use.f_blocks - use.f_bfree) * use.f_frsize), entries)


def _is_whole(folder: int) -> bool:
    """Whether a whole file system, not a part of one, is mounted where *folder* is."""
    try:
        fields = Path(f"/proc/self/fdinfo/{folder}").read_text(encoding="ascii").split()
        mount = fields[fields.index("mnt_id:") + 1]
        mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines()
    except (OSError, LookupError, ValueError):
        return False
    for line in mounts:
        about, _, kind = line.partition(" - ")
        if about.startswith(f"{mount} "):
            return about.split()[3] == "/" and kind.split()[0] in WHOLE
    return False
