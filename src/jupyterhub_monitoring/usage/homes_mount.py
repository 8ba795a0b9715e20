"""Where a home is mounted, and homes that are file systems of their own.

The size of the latter is known without looking at a file.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .snapshot import Home

WHOLE = frozenset({"ext2", "ext3", "ext4", "xfs", "f2fs", "zfs", "tmpfs"})
"""File systems whose use is that of what is mounted, if their root is. Of btrfs and of what a
server exports (NFS, CIFS) the numbers are of all that lies there, other people's homes too."""

_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of `/proc/self/mountinfo` (proc(5))."""

    number: str
    root: str  # the folder of the file system that is mounted, "/" for all of it
    kind: str
    source: str  # the block device, where the kind has one


def mount_of(folder: int) -> Mount | None:
    """Return the mount through which *folder*, a descriptor, was opened; None if unknown."""
    try:
        fields = Path(f"/proc/self/fdinfo/{folder}").read_text(encoding="ascii").split()
        number = fields[fields.index("mnt_id:") + 1]
        mounts = os.fsdecode(Path("/proc/self/mountinfo").read_bytes()).splitlines()
        line = next((line for line in mounts if line.startswith(f"{number} ")), None)
        return None if line is None else _mount(line)
    except (OSError, LookupError, ValueError):
        return None


def _mount(line: str) -> Mount:
    about, _, rest = line.partition(" - ")
    number, _, _, root, *_ = about.split(" ")
    kind, source, *_ = (
        _OCTAL.sub(lambda match: chr(int(match[1], 8)), field) for field in rest.split(" ")
    )
    return Mount(number, root, kind, source)


def own_file_system(folder: int) -> Home | None:
    """Return the use of the file system that is mounted on *folder*, a descriptor.

    None where it is not the root of one, or where its numbers may be those of other folders too.
    The numbers are the file system's own, as `df` shows them, so without newest change.
    """
    if os.stat("..", dir_fd=folder).st_dev == os.fstat(folder).st_dev:
        return None
    mount = mount_of(folder)
    if mount is None or mount.root != "/" or mount.kind not in WHOLE:
        return None
    use = os.fstatvfs(folder)
    entries = float(use.f_files - use.f_ffree) if use.f_files else None
    return Home(float((use.f_blocks - use.f_bfree) * use.f_frsize), entries)
