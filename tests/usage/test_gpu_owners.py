"""Whose a process on a GPU is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage.gpu_owners import Owners
from support.usage_fakes import server

CONTAINER = "c" * 64


def process(proc: Path, pid: int, parent: int, cgroup: str = "/") -> None:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} (python (x) 3) S {parent} 1 1 0 -1")
    (folder / "cgroup").write_text(f"0::{cgroup}\n")


@pytest.mark.parametrize(
    ("pid", "owner"),
    [
        (100, "ana"),
        (102, "ana"),
        (200, "bob"),
        (300, None),
        (400, None),
        (1, None),
        (0, None),
        (-1, None),
    ],
    ids=["itself", "a grandchild", "a container's", "a stranger's", "gone", "init", "0", "below 0"],
)
def test_owners(tmp_path: Path, pid: int, owner: str | None):
    """The nearest server above it in the tree, or the one whose cgroup it is in."""
    process(tmp_path, 100, 1)
    process(tmp_path, 101, 100)
    process(tmp_path, 102, 101)
    process(tmp_path, 200, 5, f"/system.slice/docker-{CONTAINER}.scope/init")
    process(tmp_path, 300, 1)
    owners = Owners(tmp_path)
    owners.know([server("ana", state={"pid": 100}), server("bob", state={"object_id": CONTAINER})])
    found = owners.of(pid)
    assert (found.username if found else None) == owner


def test_a_circle_ends(tmp_path: Path):
    """A pid that was given again while we climb does not keep us for ever."""
    process(tmp_path, 7, 8)
    process(tmp_path, 8, 7)
    owners = Owners(tmp_path)
    owners.know([server("ana", state={"pid": 9})])
    assert owners.of(7) is None


def test_a_real_child():
    """As /proc has it."""
    owners = Owners()
    owners.know([server("ana", state={"pid": os.getpid()})])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = owners.of(child.pid)
    assert found is not None
    assert found.username == "ana"
