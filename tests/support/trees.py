"""Folders of files for the walks over homes, and what `du` says of them."""

from __future__ import annotations

import subprocess
from pathlib import Path


def fill(folder: Path, files: int, *, per_folder: int = 100, size: int = 3000) -> None:
    """Put *files* files into *folder*, in folders within folders."""
    for number in range(files):
        inner = folder / f"a{number // per_folder % 7}" / f"b{number // per_folder}"
        if number % per_folder == 0:
            inner.mkdir(parents=True)
        (inner / f"f{number}").write_bytes(b"x" * (number % size))


def du(folder: Path, *options: str) -> int:
    """The first number that `du` prints."""
    told = subprocess.run(["du", "-sx", *options, folder], check=True, capture_output=True)
    return int(told.stdout.split()[0])


def du_bytes(folder: Path) -> int:
    """Allocated bytes. -B512, since du rounds up to what it prints."""
    return du(folder, "-B512") * 512


def du_entries(folder: Path) -> int:
    """What is in *folder*, itself not counted."""
    return du(folder, "--inodes") - 1
