"""The numbers of cgroups: trees of files as the kernel shows them, and odd ones."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyterhub_monitoring.usage.cgroup import CgroupSampler
from jupyterhub_monitoring.usage.model import Gap, GapReason, Look, RunningServer, ServerKey, Usage
from support.cgroup_rig import MB, V1_UNLIMITED, CgroupTree

UNIT = "/system.slice/jupyter-ann-singleuser.service"
ANN = RunningServer(ServerKey("ann", ""), {"unit_name": "jupyter-ann-singleuser"})
NOBODY = 65534

KNOWN = Usage(
    cpu_seconds=2.5,
    cpu_throttled_seconds=0.25,
    memory_bytes=200 * MB,
    memory_peak_bytes=350 * MB,
    processes=3,
    oom_kills=1,
)


@pytest.fixture(params=[1, 2], ids=["v1", "v2"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> CgroupTree:
    return CgroupTree(tmp_path, request.param)


@pytest.fixture
def v1(tmp_path: Path) -> CgroupTree:
    return CgroupTree(tmp_path, 1)


@pytest.fixture
def v2(tmp_path: Path) -> CgroupTree:
    return CgroupTree(tmp_path, 2)


def look(tree: CgroupTree, server: RunningServer = ANN) -> Look:
    sampler = CgroupSampler(tree.proc)
    try:
        return sampler.sample([server])[server.key]
    finally:
        sampler.close()


def usage(tree: CgroupTree, server: RunningServer = ANN) -> Usage:
    found = look(tree, server)
    assert isinstance(found, Usage), found
    return found


def test_a_unit_is_read_as_the_kernel_counts_it(tree: CgroupTree) -> None:
    """CPU, throttling, working set, peak, OOM kills, processes: the same from v1 and v2."""
    tree.make(UNIT, pids=(10, 11, 12))
    assert usage(tree) == KNOWN


def test_processes_below_the_cgroup_are_counted(tree: CgroupTree) -> None:
    """Podman puts a container's processes one cgroup further down."""
    tree.make(UNIT)
    tree.make(f"{UNIT}/container", pids=(10, 11))
    assert usage(tree).processes == 2


def test_no_processes_are_not_zero_processes(tree: CgroupTree) -> None:
    """A v1 hierarchy shows none of another pid namespace."""
    tree.make(UNIT, pids=())
    assert usage(tree).processes is None


LIMITS_V2 = {
    # what there is besides the unit, then the limits in bytes and cores
    "none": ({}, (None, None)),
    "own": ({UNIT: {"memory.max": "500000000\n", "cpu.max": "150000 100000\n"}}, (500 * MB, 1.5)),
    "of the slice above": (
        {"/system.slice": {"memory.max": "400000000\n", "cpu.max": "50000 50000\n"}},
        (400 * MB, 1.0),
    ),
    "a tighter one above": (
        {
            UNIT: {"memory.max": "500000000\n", "cpu.max": "200000 100000\n"},
            "/system.slice": {"memory.max": "400000000\n", "cpu.max": "100000 100000\n"},
        },
        (400 * MB, 1.0),
    ),
    "a looser one above": (
        {
            UNIT: {"memory.max": "500000000\n", "cpu.max": "200000 100000\n"},
            "/system.slice": {"memory.max": "900000000\n", "cpu.max": "max 100000\n"},
        },
        (500 * MB, 2.0),
    ),
    "at the top of a container's tree": (
        {"": {"memory.max": "600000000\n", "cpu.max": "400000 100000\n"}},
        (600 * MB, 4.0),
    ),
}


@pytest.mark.parametrize(("files", "limits"), LIMITS_V2.values(), ids=LIMITS_V2)
def test_the_tightest_limit_counts_in_v2(
    v2: CgroupTree, files: dict[str, dict[str, str]], limits: tuple[float | None, float | None]
) -> None:
    """A limit of a cgroup binds all those below it."""
    v2.make(UNIT)
    for path, texts in files.items():
        v2.write(path, **texts)
    found = usage(v2)
    assert (found.memory_limit_bytes, found.cpu_limit_cores) == limits


LIMITS_V1 = {
    "none": ({}, (None, None)),
    "own": (
        {
            UNIT: {
                "memory/memory.limit_in_bytes": "500000000\n",
                "cpu/cpu.cfs_quota_us": "150000\n",
            }
        },
        (500 * MB, 1.5),
    ),
    "a tighter one above": (
        {
            UNIT: {"memory/memory.limit_in_bytes": "500000000\n"},
            "/system.slice": {
                "memory/memory.limit_in_bytes": "400000000\n",
                "cpu/cpu.cfs_quota_us": "100000\n",
                "cpu/cpu.cfs_period_us": "50000\n",
            },
        },
        (400 * MB, 2.0),
    ),
    "the number that means none": (
        {UNIT: {"memory/memory.limit_in_bytes": f"{V1_UNLIMITED}\n"}},
        (None, None),
    ),
    "the number that means none with huge pages": (
        {UNIT: {"memory/memory.limit_in_bytes": "9223372036854710272\n"}},
        (None, None),
    ),
}


@pytest.mark.parametrize(("files", "limits"), LIMITS_V1.values(), ids=LIMITS_V1)
def test_the_tightest_limit_counts_in_v1(
    v1: CgroupTree, files: dict[str, dict[str, str]], limits: tuple[float | None, float | None]
) -> None:
    """A limit of a cgroup binds all those below it."""
    v1.make(UNIT)
    for path, texts in files.items():
        v1.write(path, **texts)
    found = usage(v1)
    assert (found.memory_limit_bytes, found.cpu_limit_cores) == limits


ODD_CONTENTS = {
    # name: (files, what is not known then)
    "cpu.stat is empty": ({"cpu.stat": ""}, {"cpu_seconds", "cpu_throttled_seconds"}),
    "cpu.stat has no throttling": ({"cpu.stat": "usage_usec 2500000\n"}, {"cpu_throttled_seconds"}),
    "cpu.stat is cut off": (
        {"cpu.stat": "usage_usec 25"},
        {"cpu_seconds", "cpu_throttled_seconds"},
    ),
    "cpu.stat is negative": (
        {"cpu.stat": "usage_usec -5\nthrottled_usec 250000\n"},
        {"cpu_seconds"},
    ),
    "memory.current is a word": ({"memory.current": "max\n"}, {"memory_bytes"}),
    "memory.current is empty": ({"memory.current": ""}, {"memory_bytes"}),
    "memory.current is larger than 64 bits": (
        {"memory.current": "9" * 40 + "\n"},
        {"memory_bytes"},
    ),
    "memory.current is no text": ({"memory.current": b"\xff\xfe\x00\n"}, {"memory_bytes"}),
    "memory.stat does not tell the cache": (
        {"memory.stat": "anon 1\ntotal_inactive_file 9\nworkingset_inactive_file 3\n"},
        {"memory_bytes"},
    ),
    "memory.stat is cut off": ({"memory.stat": "anon 1\ninactive_file 1000"}, {"memory_bytes"}),
    "memory.peak is a line of two": ({"memory.peak": "1\n2\n"}, {"memory_peak_bytes"}),
    "memory.events has other words": ({"memory.events": "oom_kills 7\noom 3\n"}, {"oom_kills"}),
    "memory.max is huge": ({"memory.max": "9" * 70 + "\n"}, set()),
    "cpu.max is cut off": ({"cpu.max": "100000 10"}, set()),
    "cpu.max has no period": ({"cpu.max": "100000\n"}, set()),
    "cpu.max has a period of nothing": ({"cpu.max": "100000 0\n"}, set()),
    "cgroup.procs is nonsense": ({"cgroup.procs": "a\nb\n"}, {"processes"}),
}


@pytest.mark.parametrize(("files", "unknown"), ODD_CONTENTS.values(), ids=ODD_CONTENTS)
def test_an_odd_file_makes_its_own_value_unknown(
    v2: CgroupTree, files: dict[str, Any], unknown: set[str]
) -> None:
    """What a file does not tell is None; what the others tell stays true."""
    v2.make(UNIT, pids=(10, 11, 12))
    v2.write(UNIT, **files)
    found, known = usage(v2), {name: getattr(KNOWN, name) for name in Usage.__dataclass_fields__}
    assert {name: getattr(found, name) for name in known} == {
        name: None if name in unknown else value for name, value in known.items()
    }


MISSING = {
    "memory.peak": ("memory_peak_bytes",),  # kernels before 5.19
    "memory.events": ("oom_kills",),
    "memory.stat": ("memory_bytes",),
    "memory.current": ("memory_bytes",),
    "cpu.stat": ("cpu_seconds", "cpu_throttled_seconds"),
    "cgroup.procs": ("processes",),
}


@pytest.mark.parametrize(("file", "unknown"), MISSING.items(), ids=MISSING)
def test_a_missing_file_makes_its_own_value_unknown(
    v2: CgroupTree, file: str, unknown: tuple[str, ...]
) -> None:
    """A kernel or a controller that does not count something: that is not known."""
    v2.make(UNIT, pids=(10,))
    (v2.folders(UNIT)[0] / file).unlink()
    found = usage(v2)
    assert [getattr(found, name) for name in unknown] == [None] * len(unknown)
    assert found.cpu_seconds is not None or found.memory_bytes is not None


def test_a_v1_controller_without_the_unit_is_unknown(v1: CgroupTree) -> None:
    """A unit without memory accounting has CPU seconds and no memory."""
    v1.make(UNIT)
    (memory,) = [folder for folder in v1.folders(UNIT) if "memory" in folder.parts]
    memory.rename(v1.points / "elsewhere")
    found = usage(v1)
    assert (found.cpu_seconds, found.memory_bytes) == (2.5, None)


def test_a_v1_unit_that_nothing_counts_is_not_gone(v1: CgroupTree) -> None:
    """Old systemd counts neither CPU nor memory unless it is told to."""
    v1.write(UNIT, **{"name=systemd/cgroup.procs": "10\n"})
    found = look(v1)
    assert isinstance(found, Gap)
    assert found.reason is GapReason.PROTOCOL


def test_a_cache_larger_than_the_use_is_no_negative_memory(tree: CgroupTree) -> None:
    """The kernel adds up the two at different times."""
    tree.make(UNIT, used=5 * MB, cache=6 * MB)
    assert usage(tree).memory_bytes == 0


def test_a_hybrid_machine_is_read_from_both(tmp_path: Path) -> None:
    """Controllers that v1 has are read there, the others from v2."""
    both, unified = CgroupTree(tmp_path, 1), CgroupTree(tmp_path / "unified", 2)
    mountinfo = both.proc / "self/mountinfo"
    v1_lines = [line for line in mountinfo.read_text().splitlines() if "rw,cpu" not in line]
    v2_lines = (unified.proc / "self/mountinfo").read_text().splitlines()
    mountinfo.write_text("\n".join([*v1_lines, *v2_lines]) + "\n")
    both.make(UNIT, used=700 * MB)
    unified.make(UNIT, cpu=9.0)
    found = usage(both)
    assert (found.cpu_seconds, found.memory_bytes) == (9.0, 600 * MB)


@pytest.fixture
def unreadable(tmp_path: Path) -> Iterator[Path]:
    """A folder that we may not look into, also where the tests are run by root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        yield folder
        if root:
            os.seteuid(0)


def test_what_may_not_be_read_is_a_gap(unreadable: Path, tmp_path: Path) -> None:
    """A unit whose folder is closed to us: a permission is missing, the unit is not gone."""
    me = os.geteuid()
    os.seteuid(0 if os.getuid() == 0 else me)
    tree = CgroupTree(unreadable, 2)
    tree.make(UNIT)
    folder = tree.folders(UNIT)[0]
    folder.chmod(0)
    os.seteuid(me)
    found = look(tree)
    os.seteuid(0 if os.getuid() == 0 else me)
    folder.chmod(0o755)
    assert isinstance(found, Gap)
    assert found.reason is GapReason.PERMISSION


def test_without_cgroups_nothing_is_claimed(tmp_path: Path) -> None:
    """A machine without cgroups, or another system: another backend looks, or it is a gap."""
    sampler = CgroupSampler(tmp_path / "nothing")
    assert not sampler.claims(ANN)
    assert sampler.sample([ANN])[ANN.key] == Gap(GapReason.UNREACHABLE, "no cgroups are mounted")


def test_a_unit_that_the_spawner_recorded_is_claimed_though_it_ended(tree: CgroupTree) -> None:
    """No other backend could find it, and "gone" is the truth."""
    sampler = CgroupSampler(tree.proc)
    assert sampler.claims(ANN)
    found = sampler.sample([ANN])[ANN.key]
    assert isinstance(found, Gap)
    assert found.reason is GapReason.GONE


def test_descriptors_are_held_up_to_a_limit(
    tree: CgroupTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many servers do not take all the files that the service may open, and all are read."""
    monkeypatch.setattr("jupyterhub_monitoring.usage.cgroup.MOST_DESCRIPTORS", 7)
    servers = [RunningServer(ServerKey(f"u{n}", ""), {"unit_name": f"u{n}"}) for n in range(20)]
    for server in servers:
        tree.make(f"/system.slice/{server.key.username}.service", pids=(10, 11, 12))
    sampler, before = CgroupSampler(tree.proc), len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(2):
        assert set(sampler.sample(servers).values()) == {KNOWN}
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 7
    sampler.sample(servers[5:])
    sampler.sample(servers)
    assert len(list(Path("/proc/self/fd").iterdir())) == before + 7
    sampler.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_another_server_of_the_same_name_starts_anew(tree: CgroupTree) -> None:
    """What an earlier server of the user counted is not added to the new one's."""
    tree.make(UNIT, cpu=50)
    sampler = CgroupSampler(tree.proc)
    first = RunningServer(ANN.key, ANN.state, started=1000.0)
    sampler.sample([first])
    tree.make(UNIT, cpu=2.5)
    second = RunningServer(ANN.key, ANN.state, started=2000.0)
    found = sampler.sample([second])[ANN.key]
    sampler.close()
    assert isinstance(found, Usage)
    assert found.cpu_seconds == 2.5


def test_a_cgroup_that_was_made_again_is_read_again(tree: CgroupTree) -> None:
    """The files that were held open are those of the one before."""
    tree.make(UNIT, used=300 * MB, cache=100 * MB)
    sampler = CgroupSampler(tree.proc)
    sampler.sample([ANN])
    for folder in tree.folders(UNIT):
        folder.rename(folder.with_suffix(".before"))
    tree.make(UNIT, used=500 * MB, cache=100 * MB)
    found = sampler.sample([ANN])[ANN.key]
    sampler.close()
    assert isinstance(found, Usage)
    assert found.memory_bytes == 400 * MB
