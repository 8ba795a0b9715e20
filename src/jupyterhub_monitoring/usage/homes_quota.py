"""Project quotas: what the file system has counted of a home already, and what it may grow to.

Numbers and layouts are the kernel's: <linux/fs.h>, <linux/dqblk_xfs.h> and <linux/quota.h>.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .homes_mount import Mount, mount_of
from .homes_tree import FOLDER_FLAGS

FS_IOC_FSGETXATTR = 0x801C581F  # PowerPC, MIPS and SPARC have another, and refuse this one
FS_XFLAG_PROJINHERIT = 0x200
PRJQUOTA = 2
Q_XGETQUOTA = 0x5803 << 8 | PRJQUOTA
Q_XGETQSTAT = 0x5805 << 8 | PRJQUOTA
Q_GETQUOTA = 0x800007 << 8 | PRJQUOTA
FS_QUOTA_PDQ_ENFD = 0x20
QIF_BLIMITS, QIF_SPACE, QIF_INODES = 1, 2, 8

FSXATTR = struct.Struct("=I8xI12x")
"""`struct fsxattr`: fsx_xflags, fsx_projid."""

FS_DISK_QUOTA = struct.Struct("=4xIQ24xQQ32xQ16x")
"""`struct fs_disk_quota`: d_id, d_blk_hardlimit, d_bcount, d_icount, d_rtbcount."""

FS_QUOTA_STAT = struct.Struct("=2xH76x")
"""`struct fs_quota_stat`: qs_flags."""

IF_DQBLK = struct.Struct("=Q8xQ16xQ16xI4x")
"""`struct if_dqblk`: dqb_bhardlimit, dqb_curspace, dqb_curinodes, dqb_valid."""

XFS_BLOCK_BYTES = 512
VFS_BLOCK_BYTES = 1024


@dataclass(frozen=True, slots=True)
class ProjectQuota:
    """What the project of a home has allocated, and its hard limit, None for none.

    *entries* is without the home itself, as a walk counts.
    """

    project: tuple[int, int]  # the number of the file system's device, and the project's
    home: int  # the folder's inode
    used_bytes: int
    entries: int
    limit_bytes: int | None


QuotaOf = Callable[["str | os.PathLike[str]"], "ProjectQuota | None"]
"""Takes the path of a home; None where no quota tells of it. May block, raises nothing."""

Ioctl = Callable[[int, int, bytearray], object]
Quotactl = Callable[[int, str, int, bytearray], None]
"""Takes command, block device, project and what the answer is written to. Raises `OSError`."""


def quotactl(command: int, device: str, project: int, answer: bytearray) -> None:
    """Ask the kernel. `OSError` where it refuses; of a project it asks for CAP_SYS_ADMIN.

    `AttributeError` where the C library has no such function.
    """
    call = ctypes.CDLL(None, use_errno=True).quotactl
    call.argtypes = (ctypes.c_uint, ctypes.c_char_p, ctypes.c_uint, ctypes.c_void_p)
    buffer = (ctypes.c_char * len(answer)).from_buffer(answer)
    if call(command, os.fsencode(device), project, ctypes.addressof(buffer)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def device_number(device: str) -> int:
    """Return the number of the block device at the path *device*. Raises `OSError`."""
    return Path(device).stat().st_rdev


@dataclass(frozen=True, slots=True)
class Kernel:
    """What is asked of it; a test gives its own."""

    ioctl: Ioctl = fcntl.ioctl
    quotactl: Quotactl = quotactl
    mount_of: Callable[[int], Mount | None] = mount_of
    device_number: Callable[[str], int] = device_number


KERNEL = Kernel()


def project_quota(path: str | os.PathLike[str], kernel: Kernel = KERNEL) -> ProjectQuota | None:
    """Return the quota of the home at *path*. Raises nothing, but blocks as its file system does.

    None where the home has no project, or only that of the folder above, whose numbers are of
    everybody's homes; where the project has no quota; and where we may not ask.
    """
    try:
        folder = os.open(path, FOLDER_FLAGS)
        try:
            return _quota(folder, kernel)
        finally:
            os.close(folder)
    except (OSError, ValueError, TypeError):  # the others: no path at all
        return None
    except AttributeError:  # a C library without quotactl
        return None


def _quota(folder: int, kernel: Kernel) -> ProjectQuota | None:
    project, mount = _own_project(folder, kernel), kernel.mount_of(folder)
    read = _READ.get(mount.kind) if mount is not None else None
    if project is None or mount is None or read is None:
        return None
    home = os.fstat(folder)
    if kernel.device_number(mount.source) != home.st_dev:
        return None  # another disk has that name by now, or in our container
    counted = read(kernel.quotactl, mount.source, project)
    if counted is None or counted.inodes == 0:
        return None  # not even the home is in it: not counted yet
    limit = counted.limit_bytes if _is_enforced(mount.source, kernel) else 0
    where = (home.st_dev, project)
    return ProjectQuota(where, home.st_ino, counted.bytes, counted.inodes - 1, limit or None)


def _own_project(folder: int, kernel: Kernel) -> int | None:
    """Return the project that the home is in and the folder above is not; None if unknown.

    Above a home that is mounted from elsewhere is another folder than the one that it may have
    its project from.
    """
    flags, project = _flags_and_project(folder, kernel)
    if project == 0 or not flags & FS_XFLAG_PROJINHERIT:
        return None  # without the flag, new files are in no project and not counted
    above = os.open("..", FOLDER_FLAGS, dir_fd=folder)
    try:
        mount, mount_above = kernel.mount_of(folder), kernel.mount_of(above)
        if mount is None or mount_above is None or mount.number != mount_above.number:
            return None
        return None if _flags_and_project(above, kernel)[1] == project else project
    finally:
        os.close(above)


def _flags_and_project(folder: int, kernel: Kernel) -> tuple[int, int]:
    answer = bytearray(FSXATTR.size)
    kernel.ioctl(folder, FS_IOC_FSGETXATTR, answer)
    flags, project = FSXATTR.unpack(answer)
    return flags, project


def _is_enforced(device: str, kernel: Kernel) -> bool:
    """Whether limits hold; a quota may be there for counting only."""
    answer = bytearray(FS_QUOTA_STAT.size)
    try:
        kernel.quotactl(Q_XGETQSTAT, device, 0, answer)
    except OSError:
        return False
    (flags,) = FS_QUOTA_STAT.unpack(answer)
    return bool(flags & FS_QUOTA_PDQ_ENFD)


@dataclass(frozen=True, slots=True)
class _Counted:
    bytes: int
    inodes: int
    limit_bytes: int  # 0 for none


def _of_xfs(quotactl: Quotactl, device: str, project: int) -> _Counted | None:
    answer = bytearray(FS_DISK_QUOTA.size)
    quotactl(Q_XGETQUOTA, device, project, answer)
    of_project, limit, blocks, inodes, realtime_blocks = FS_DISK_QUOTA.unpack(answer)
    if of_project != project or realtime_blocks:
        return None  # what is on the real-time device is counted, and limited, by itself
    return _Counted(blocks * XFS_BLOCK_BYTES, inodes, limit * XFS_BLOCK_BYTES)


def _of_vfs(quotactl: Quotactl, device: str, project: int) -> _Counted | None:
    answer = bytearray(IF_DQBLK.size)
    quotactl(Q_GETQUOTA, device, project, answer)
    limit, used, inodes, valid = IF_DQBLK.unpack(answer)
    if not valid & QIF_SPACE or not valid & QIF_INODES:
        return None
    return _Counted(used, inodes, limit * VFS_BLOCK_BYTES if valid & QIF_BLIMITS else 0)


_READ = {"xfs": _of_xfs, "ext4": _of_vfs, "f2fs": _of_vfs}
