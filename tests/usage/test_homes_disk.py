"""The room in the file system of the homes is what `df` says, and a gap where it is unknown."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage import homes_disk
from jupyterhub_monitoring.usage.homes_disk import HomesDisk, Room, homes_folder
from support.eventually import eventually


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[HomesDisk]:
    made = HomesDisk(str(tmp_path))
    yield made
    made.close()


def shown(disk: HomesDisk) -> dict[str, tuple[dict[str, str], float]]:
    return {s.name: (s.labels, s.value) for family in disk.collect() for s in family.samples}


@pytest.mark.parametrize(
    ("homes", "folder"),
    [
        pytest.param("/home/{username}", "/home", id="the usual"),
        pytest.param("/srv/nfs/{escaped_username}/work", "/srv/nfs", id="a folder in the middle"),
        pytest.param("/data/home-{username}", "/data", id="a name with something before it"),
        pytest.param("/{username}", "/", id="at the top"),
        pytest.param("my.module:place", None, id="a function"),
        pytest.param("", None, id="nobody looks at homes"),
    ],
)
def test_the_folder_of_all_homes(homes: str, folder: str | None):
    """It is what all have in common, and has no username in it."""
    assert homes_folder(homes) == folder


def test_the_numbers_are_those_of_df(disk: HomesDisk, tmp_path: Path):
    """Free and in all, with the folder's path, soon after the start; nothing before."""
    assert shown(disk) == {}
    disk.start()
    eventually(lambda: len(shown(disk)) == 2)
    labels, free = shown(disk)["jupyterhub_disk_free_bytes"]
    stat = os.statvfs(tmp_path)
    assert labels == {"path": str(tmp_path)}
    assert free == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.05)
    used = (stat.f_blocks - stat.f_bfree) * stat.f_frsize
    assert shown(disk)["jupyterhub_disk_size_bytes"][1] == pytest.approx(used + free, rel=0.05)


def test_a_folder_that_is_not_there_is_a_gap():
    """Unknown is not a full disk."""
    assert homes_disk.room_in("/no/such/folder") is None


def test_what_was_seen_long_ago_is_a_gap(disk: HomesDisk, monkeypatch: pytest.MonkeyPatch):
    """A file server that hangs leaves no old number standing."""
    now = 1000.0
    monkeypatch.setattr(homes_disk.time, "monotonic", lambda: now)
    disk._seen = now, Room(1.0, 2.0)
    assert len(shown(disk)) == 2
    now += homes_disk.KEEP_SECONDS + 1
    assert shown(disk) == {}
