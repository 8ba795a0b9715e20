"""A walk over a home says what `du` says, or that it could not look everywhere."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage import homes_tree
from jupyterhub_monitoring.usage.homes_tree import TreeWalk
from jupyterhub_monitoring.usage.model import Gap, GapReason
from jupyterhub_monitoring.usage.snapshot import Home
from support.trees import du_bytes, du_entries, fill

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "ann"
    folder.mkdir()
    return folder


def measure(folder: Path, operations: int = 1000) -> Home | Gap:
    walk = TreeWalk(folder)
    while walk.found is None:
        walk.step(operations)
    walk.close()
    return walk.found


def measured(folder: Path, operations: int = 1000) -> Home:
    found = measure(folder, operations)
    assert isinstance(found, Home), found
    return found


def reason(folder: Path) -> GapReason:
    found = measure(folder)
    assert isinstance(found, Gap), found
    assert "ann" not in found.detail
    return found.reason


def same_as_du(folder: Path) -> None:
    found = measured(folder)
    assert (found.bytes, found.entries) == (du_bytes(folder), du_entries(folder))


def plain(home: Path) -> None:
    fill(home, 10_000)


def nothing(_home: Path) -> None:
    pass


def sparse(home: Path) -> None:
    with (home / "disk.img").open("wb") as image:
        image.truncate(1 << 30)
        image.write(b"x")


def hard_links(home: Path) -> None:
    (home / "a").mkdir()
    (home / "data").write_bytes(b"x" * 100_000)
    for number in range(5):
        os.link(home / "data", home / "a" / f"{number}")


def links_from_outside(home: Path) -> None:
    (home.parent / "shared").write_bytes(b"x" * 100_000)
    os.link(home.parent / "shared", home / "a")
    os.link(home.parent / "shared", home / "b")


def symlinks(home: Path) -> None:
    (home / "loop").symlink_to(home)
    (home / "self").symlink_to("self")
    (home / "out").symlink_to("/usr")
    (home / "nowhere").symlink_to("/nowhere")


def odd_kinds(home: Path) -> None:
    os.mkfifo(home / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(home / "socket"))
    (home / "line\nend").touch()
    (home / os.fsdecode(b"\xff\xfe")).write_bytes(b"x" * 5000)


def wide(home: Path) -> None:
    for number in range(3000):
        (home / f"{number}").mkdir()


def nearly_too_deep(home: Path) -> None:
    deep = home.joinpath(*["d"] * (homes_tree.DEPTH - 1))
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"x" * 5000)


TREES = (
    *(plain, nothing, sparse, hard_links, links_from_outside),
    *(symlinks, odd_kinds, wide, nearly_too_deep),
)


@pytest.mark.parametrize("make", TREES, ids=lambda make: make.__name__)
def test_a_home_is_as_large_as_du_says(home: Path, make: Callable[[Path], None]) -> None:
    """Bytes and entries are those of `du -x`, to the byte."""
    make(home)
    same_as_du(home)


def test_the_newest_change_is_found(home: Path) -> None:
    """However deep it is; a file from the future (by `touch`) is as new as its real change."""
    fill(home, 50, per_folder=5)
    for path in [home, *home.rglob("*")]:
        os.utime(path, (1e9, 1e9))
    assert measured(home).newest_change == 1e9
    changed = home / "a3" / "b3" / "f17"
    os.utime(changed, (2e9, 1.5e9))
    assert measured(home).newest_change == 1.5e9
    before = time.time()
    os.utime(changed, (9e9, 9e9))
    newest = measured(home).newest_change
    assert newest is not None
    assert before - 1 < newest < before + 10


@pytest.mark.parametrize("operations", [1, 7, 10**6])
def test_pauses_change_nothing(home: Path, operations: int) -> None:
    """A walk in steps of any size comes to the same numbers, and no step is too large."""
    fill(home, 300, per_folder=20)
    hard_links(home / "a1")
    walk, steps = TreeWalk(home), []
    while walk.found is None:
        steps.append(walk.step(operations))
    assert max(steps) <= operations
    assert walk.found == measured(home)
    # one look at each thing and at the home, and one to open each folder but the home
    assert sum(steps) == 1 + len(list(home.rglob("*"))) + sum(p.is_dir() for p in home.rglob("*"))


def test_memory_does_not_grow_with_a_folder(home: Path) -> None:
    """A folder of very many files is read entry by entry."""
    fill(home, 5000, per_folder=5000, size=1)
    walk = TreeWalk(home)
    walk.step(2500)
    kept = sum(len(getattr(walk, name)) for name in ("_levels", "_further_names", "_problems"))
    walk.close()
    assert kept < 5


def test_a_walk_that_is_left_leaves_nothing_open(home: Path) -> None:
    """Neither one in the middle nor one at its end holds a descriptor."""
    fill(home, 300, per_folder=20)
    before = len(list(Path("/proc/self/fd").iterdir()))
    half, whole = TreeWalk(home), TreeWalk(home)
    half.step(100)
    whole.step(10**6)
    assert len(list(Path("/proc/self/fd").iterdir())) > before
    half.close()
    whole.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.fixture
def mounted(home: Path) -> Iterator[Path]:
    """A file system of 4 MiB at `project` in the home."""
    project = home / "project"
    project.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", project], check=True)
    yield project
    subprocess.run(["umount", "--lazy", project], check=True)


@needs_root
def test_other_file_systems_are_left_out(home: Path, mounted: Path) -> None:
    """What is mounted into a home is no part of it."""
    (mounted / "data").write_bytes(b"x" * 1_000_000)
    (home / "file").write_bytes(b"x" * 5000)
    same_as_du(home)
    assert measured(home).entries == 1


@needs_root
def test_a_home_that_is_a_file_system_costs_no_walk(mounted: Path) -> None:
    """Its use is the file system's own, at the price of three operations."""
    fill(mounted, 500, size=1)
    (mounted / "data").write_bytes(b"x" * 1_000_000)
    walk = TreeWalk(mounted)
    assert walk.step(10) <= 3
    walk.close()
    assert isinstance(walk.found, Home)
    df = subprocess.run(["df", "-B1", "--output=used", mounted], check=True, capture_output=True)
    assert walk.found.bytes == int(df.stdout.split()[1]) >= 1_000_000
    assert walk.found.newest_change is None


@needs_root
def test_a_part_of_a_file_system_is_walked_over(home: Path, mounted: Path) -> None:
    """A home that is mounted from a folder of a larger file system is not as large as that."""
    (mounted / "other").mkdir()
    (mounted / "other" / "data").write_bytes(b"x" * 1_000_000)
    (mounted / "ann").mkdir()
    (mounted / "ann" / "data").write_bytes(b"x" * 5000)
    inner = home / "inner"
    inner.mkdir()
    subprocess.run(["mount", "--bind", mounted / "ann", inner], check=True)
    try:
        assert measured(inner).bytes == du_bytes(inner) < 100_000
    finally:
        subprocess.run(["umount", "--lazy", inner], check=True)


def test_no_home_is_a_gap(tmp_path: Path) -> None:
    """Missing, a file, a link to elsewhere: none of them is zero bytes."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("/usr")
    assert reason(tmp_path / "nobody") is GapReason.GONE
    assert reason(tmp_path / "file") is GapReason.PROTOCOL
    assert reason(tmp_path / "link") is GapReason.PROTOCOL


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o111], ids=["---", "r--", "--x"])
def test_a_folder_that_may_not_be_read_is_a_gap(tmp_path: Path, mode: int) -> None:
    """A size without that folder would be too small, so there is none."""
    home = tmp_path / "ann"
    fill(home, 20)
    folder = home / "a0" / "b0"
    folder.chmod(mode)
    try:
        assert as_nobody(home) == GapReason.PERMISSION.value
    finally:
        folder.chmod(0o755)
    assert as_nobody(home) == "Home"


def as_nobody(home: Path) -> str:
    """What a walk by somebody without rights comes to."""
    child, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.chdir(home)  # the folders above are pytest's, and closed to others
        if os.geteuid() == 0:
            home.chmod(0o755)
            os.setgroups([])
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        found = measure(Path())
        os.write(theirs, (found.reason.value if isinstance(found, Gap) else "Home").encode())
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(theirs)
    with os.fdopen(child) as told:
        return told.read()


def test_a_home_that_is_too_deep_is_a_gap(home: Path) -> None:
    """We do not run out of descriptors, and say so instead of a smaller number."""
    home.joinpath(*["d"] * (homes_tree.DEPTH + 5)).mkdir(parents=True)
    assert reason(home) is GapReason.FAILED


def test_too_many_hard_links_are_a_gap(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a limit; files with all their names in the home do not use it up."""
    monkeypatch.setattr(homes_tree, "HARD_LINKS", 3)
    for number in range(20):
        folder = home / str(number)
        folder.mkdir()
        (folder / "a").touch()
        os.link(folder / "a", folder / "b")
    same_as_du(home)
    for number in range(5):
        (home.parent / f"out{number}").touch()
        os.link(home.parent / f"out{number}", home / f"link{number}")
    assert reason(home) is GapReason.FAILED


def test_a_home_that_vanishes_meanwhile_is_no_error(home: Path) -> None:
    """What is removed while we look at it is not there; the rest counts."""
    fill(home, 400, per_folder=20)
    walk = TreeWalk(home)
    walk.step(50)
    shutil.rmtree(home)
    walk.step(10**6)
    assert isinstance(walk.found, Home)


def test_a_folder_that_becomes_a_link_leads_nowhere(home: Path, tmp_path: Path) -> None:
    """A user who swaps a folder for a link between our two looks at it gains nothing."""
    outside = tmp_path / "secret"
    fill(outside, 200)
    (home / "trap").mkdir()
    walk = TreeWalk(home)
    walk.step(2)  # the home, and the look at the trap
    (home / "trap").rmdir()
    (home / "trap").symlink_to(outside)
    walk.step(10**6)
    assert isinstance(walk.found, Home)
    assert walk.found.entries == 1


def test_a_home_that_is_busy_is_measured(home: Path) -> None:
    """Files that come and go while we walk neither end the walk nor fail it."""
    fill(home, 1000, per_folder=50)
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            folder = home / "churn" / str(number % 5)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "file").touch()
            shutil.rmtree(folder)

    busy = threading.Thread(target=churn)
    busy.start()
    try:
        for _ in range(5):
            assert 1000 <= (measured(home, 20).entries or 0) < 1100
    finally:
        stop.set()
        busy.join()
