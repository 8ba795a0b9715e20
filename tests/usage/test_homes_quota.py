"""A project quota is read as the kernel lays it out, and only where it may be the home's own."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage import homes_quota
from jupyterhub_monitoring.usage.homes_mount import Mount, mount_of
from jupyterhub_monitoring.usage.homes_quota import Kernel, ProjectQuota, project_quota

GET_XFS, GET_STATE, GET_VFS = 0x580302, 0x580502, 0x80000702
"""QCMD(Q_XGETQUOTA, PRJQUOTA), QCMD(Q_XGETQSTAT, PRJQUOTA), QCMD(Q_GETQUOTA, PRJQUOTA)."""

ACCOUNTED, ENFORCED = 0x10, 0x20  # FS_QUOTA_PDQ_ACCT, FS_QUOTA_PDQ_ENFD
INHERITS = 0x200  # FS_XFLAG_PROJINHERIT


def bytes_of(size: int, *fields: tuple[int, str, int]) -> bytes:
    """A struct of *size* bytes with *fields*: offset, format, value."""
    whole = bytearray(b"\0" * size)
    for offset, kind, value in fields:
        struct.pack_into(f"={kind}", whole, offset, value)
    return bytes(whole)


def fsxattr(project: int, flags: int = INHERITS) -> bytes:
    """`struct fsxattr`, with an extent size that must not be taken for anything else."""
    return bytes_of(28, (0, "I", flags), (4, "I", 4096), (12, "I", project))


def fs_disk_quota(project: int, *, blocks: int, inodes: int, hard: int, realtime: int = 0) -> bytes:
    """`struct fs_disk_quota`: soft limits, limits of inodes and times are set, too."""
    counts = (8, "Q", hard), (40, "Q", blocks), (48, "Q", inodes), (88, "Q", realtime)
    others = (0, "b", 1), (1, "b", 2), (16, "Q", 77), (24, "Q", 78), (32, "Q", 79), (56, "i", 80)
    return bytes_of(112, (4, "I", project), *counts, *others)


def if_dqblk(*, space: int, inodes: int, hard: int, valid: int = 0x3F) -> bytes:
    """`struct if_dqblk`: the same."""
    counts = (0, "Q", hard), (16, "Q", space), (40, "Q", inodes), (64, "I", valid)
    others = (8, "Q", 77), (24, "Q", 78), (32, "Q", 79), (48, "Q", 80), (56, "Q", 81)
    return bytes_of(72, *counts, *others)


@dataclass
class FakeKernel:
    """Answers for a home `ann` in a folder of homes, all on one file system."""

    kind: str = "xfs"
    answer: bytes | int = fs_disk_quota(7, blocks=10, inodes=5, hard=100)  # or an errno
    flags: int | None = ACCOUNTED | ENFORCED  # None: the state cannot be asked for
    projects: dict[str, bytes | int] = field(
        default_factory=lambda: {"ann": fsxattr(7), "homes": fsxattr(0)}
    )
    mounts: dict[str, str] = field(default_factory=lambda: {"ann": "30", "homes": "30"})
    source: str = "/dev/mapper/homes"
    device: int | None = None
    asked: list[tuple[int, str, int]] = field(default_factory=list)

    def ioctl(self, folder: int, request: int, buffer: bytearray) -> int:
        assert request == 0x801C581F
        give(self.projects[name_of(folder)], buffer)
        return 0

    def quotactl(self, command: int, device: str, project: int, buffer: bytearray) -> None:
        self.asked.append((command, device, project))
        if command == GET_STATE:
            state = bytes_of(80, (0, "b", 1), (2, "H", self.flags or 0), (4, "b", 3))
            give(errno.ENOSYS if self.flags is None else state, buffer)
        else:
            assert command == (GET_XFS if self.kind == "xfs" else GET_VFS)
            give(self.answer, buffer)

    def mount_of(self, folder: int) -> Mount | None:
        return Mount(self.mounts[name_of(folder)], "/", self.kind, self.source)


def name_of(folder: int) -> str:
    return Path(f"/proc/self/fd/{folder}").readlink().name


def give(answer: bytes | int, buffer: bytearray) -> None:
    if isinstance(answer, int):
        raise OSError(answer, os.strerror(answer))
    assert len(buffer) == len(answer)
    buffer[:] = answer


Read = Callable[..., ProjectQuota | None]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads the quota of `homes/ann`, as a fake kernel has it."""
    home = tmp_path / "homes" / "ann"
    home.mkdir(parents=True)

    def look(kernel: FakeKernel) -> ProjectQuota | None:
        device = home.stat().st_dev if kernel.device is None else kernel.device
        asked = Kernel(kernel.ioctl, kernel.quotactl, kernel.mount_of, lambda _source: device)
        before = len(list(Path("/proc/self/fd").iterdir()))
        found = project_quota(home, asked)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        if found is not None:
            assert (found.project, found.home) == ((device, 7), home.stat().st_ino)
        return found

    return look


EXT4 = if_dqblk(space=5120, inodes=5, hard=100)


@pytest.mark.parametrize(
    ("kernel", "numbers"),
    [
        pytest.param(FakeKernel(), (5120, 4, 51_200), id="XFS counts blocks of 512 bytes"),
        pytest.param(
            FakeKernel("ext4", EXT4), (5120, 4, 102_400), id="ext4 counts bytes, limits in KiB"
        ),
        pytest.param(FakeKernel("f2fs", EXT4), (5120, 4, 102_400), id="f2fs does the same"),
        pytest.param(
            FakeKernel(answer=fs_disk_quota(7, blocks=10, inodes=5, hard=0)),
            (5120, 4, None),
            id="XFS, a soft limit only",
        ),
        pytest.param(
            FakeKernel("ext4", if_dqblk(space=5120, inodes=5, hard=0)),
            (5120, 4, None),
            id="ext4, a soft limit only",
        ),
        pytest.param(
            FakeKernel("ext4", if_dqblk(space=5120, inodes=5, hard=9, valid=0x0A)),
            (5120, 4, None),
            id="a limit that is not filled in",
        ),
        pytest.param(FakeKernel(flags=ACCOUNTED), (5120, 4, None), id="XFS counts only"),
        pytest.param(
            FakeKernel("ext4", EXT4, flags=ACCOUNTED), (5120, 4, None), id="ext4 counts only"
        ),
        pytest.param(
            FakeKernel(flags=0x0F), (5120, 4, None), id="users' limits hold, not projects'"
        ),
        pytest.param(FakeKernel(flags=None), (5120, 4, None), id="whether limits hold is unknown"),
        pytest.param(
            FakeKernel(answer=fs_disk_quota(7, blocks=2**41, inodes=2**33, hard=2**42)),
            (2**50, 2**33 - 1, 2**51),
            id="a very large home",
        ),
        pytest.param(
            FakeKernel(projects={"ann": fsxattr(7), "homes": errno.ENOTTY}), None, id="odd above"
        ),
        pytest.param(
            FakeKernel(projects={"ann": fsxattr(7), "homes": fsxattr(3)}),
            (5120, 4, 51_200),
            id="another project above",
        ),
    ],
)
def test_numbers(read: Read, kernel: FakeKernel, numbers: tuple[int, int, int | None] | None):
    """Bytes, entries without the home itself, and the hard limit, if one holds."""
    found = read(kernel)
    assert numbers == (found and (found.used_bytes, found.entries, found.limit_bytes))


@pytest.mark.parametrize(
    "kernel",
    [
        *(
            pytest.param(FakeKernel(kind, number), id=f"{kind}, {errno.errorcode[number]}")
            for kind in ("xfs", "ext4")
            for number in (
                *(errno.EPERM, errno.ENOSYS, errno.ESRCH, errno.ENOENT, errno.EOPNOTSUPP),
                *(errno.EINVAL, errno.ENOTBLK, errno.ENODEV, errno.EIO),
            )
        ),
        pytest.param(FakeKernel(projects={"ann": fsxattr(0)}), id="no project"),
        pytest.param(FakeKernel(projects={"ann": fsxattr(7, flags=0)}), id="new files have none"),
        pytest.param(FakeKernel(projects={"ann": errno.ENOTTY}), id="no such ioctl: NFS"),
        pytest.param(
            FakeKernel(projects={"ann": fsxattr(7), "homes": fsxattr(7)}), id="the parent's project"
        ),
        pytest.param(FakeKernel(mounts={"ann": "31", "homes": "30"}), id="mounted from elsewhere"),
        pytest.param(FakeKernel(device=12345), id="another disk has the name"),
        pytest.param(
            FakeKernel(answer=fs_disk_quota(8, blocks=10, inodes=5, hard=0)), id="another's answer"
        ),
        pytest.param(
            FakeKernel(answer=fs_disk_quota(7, blocks=0, inodes=0, hard=9)), id="nothing counted"
        ),
        pytest.param(
            FakeKernel(answer=fs_disk_quota(7, blocks=10, inodes=5, hard=9, realtime=1)),
            id="files on a real-time device",
        ),
        pytest.param(
            FakeKernel("ext4", if_dqblk(space=10, inodes=5, hard=9, valid=0x09)), id="no bytes"
        ),
        pytest.param(
            FakeKernel("ext4", if_dqblk(space=10, inodes=5, hard=9, valid=0x03)), id="no inodes"
        ),
        *(
            pytest.param(FakeKernel(kind), id=kind)
            for kind in ("overlay", "nfs4", "btrfs", "ext3", "zfs", "tmpfs", "fuse.xfs")
        ),
    ],
)
def test_no_number(read: Read, kernel: FakeKernel):
    """Where a quota cannot be read, or is not the home's, there is none; never zero."""
    assert read(kernel) is None


def test_what_is_asked(read: Read):
    """The device that is mounted is asked for the project, and whether limits hold."""
    kernel = FakeKernel(source="/dev/disk 1")
    read(kernel)
    assert kernel.asked == [(GET_XFS, "/dev/disk 1", 7), (GET_STATE, "/dev/disk 1", 0)]


def test_a_project_may_have_any_number(tmp_path: Path):
    """Projects have 32 bits."""
    (tmp_path / "homes" / "ann").mkdir(parents=True)
    most = 2**32 - 1
    kernel = FakeKernel(
        answer=fs_disk_quota(most, blocks=1, inodes=1, hard=0),
        projects={"ann": fsxattr(most), "homes": fsxattr(0)},
    )
    device = tmp_path.stat().st_dev
    asked = Kernel(kernel.ioctl, kernel.quotactl, kernel.mount_of, lambda _source: device)
    found = project_quota(tmp_path / "homes" / "ann", asked)
    assert found is not None
    assert found.project == (device, most)


@pytest.mark.parametrize("path", ["nobody", "file", "link", "a\0b", 4711, None], ids=repr)
def test_what_is_no_home_has_no_quota(tmp_path: Path, path: object):
    """Nothing raises, and no link is followed."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/")
    where = tmp_path / path if isinstance(path, str) else path
    assert project_quota(where, Kernel(FakeKernel().ioctl)) is None  # type: ignore[arg-type]


def test_a_c_library_without_quotactl(read: Read, monkeypatch: pytest.MonkeyPatch):
    """As musl has had it on some systems: no quota, no error."""

    class Library:
        def __init__(self, *_args: object, **_options: object) -> None:
            pass

    monkeypatch.setattr(homes_quota.ctypes, "CDLL", Library)
    kernel = FakeKernel()
    kernel.quotactl = homes_quota.quotactl  # type: ignore[method-assign]
    assert read(kernel) is None


def test_the_real_call_reports_what_the_kernel_says():
    """What is no block device is refused by the kernel, with its reason, not by a crash."""
    with pytest.raises(OSError, match=r".") as refused:
        homes_quota.quotactl(GET_XFS, "/dev/null", 7, bytearray(112))
    assert refused.value.errno in {errno.ENOTBLK, errno.EPERM, errno.ENOSYS}


def test_the_real_kernel_has_no_quota_here(tmp_path: Path):
    """The whole way, with nothing replaced."""
    assert project_quota(tmp_path) is None


def test_the_mount_is_found(tmp_path: Path):
    """Kind and source are those that findmnt prints."""
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        mount = mount_of(folder)
    finally:
        os.close(folder)
    command = [
        "findmnt",
        "--noheadings",
        "--raw",
        "--output",
        "FSTYPE,SOURCE",
        "--target",
        tmp_path,
    ]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert mount is not None
    assert [mount.kind, mount.source] == told[:2] or mount.source in {"/dev/root", "none"}
