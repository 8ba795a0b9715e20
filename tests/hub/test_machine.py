"""Memory and CPU of what bounds the Hub: fake /proc and /sys trees, then the machine itself."""

from __future__ import annotations

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from jupyterhub_monitoring.hub import machine
from jupyterhub_monitoring.hub.machine import Machine, read_cpu, read_memory

MB = 1_000_000
MACHINE = "machine"  # in the tables: no cgroup bounds the Hub, the machine does

V2_MOUNT = "30 23 0:26 {top} /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
MEMORY_MOUNT = "35 31 0:32 {top} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
CPU_MOUNT = "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw master:9 - cgroup cgroup rw,cpu,cpuacct"
V1_UNLIMITED = "9223372036854771712"


def lay_out(root: Path, own: str, mounts: list[str], files: dict[str, str]) -> Path:
    """Lay out a tree; *files* are below /sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(own)
    other = "22 1 8:1 / / rw - ext4 /dev/root rw"
    (root / "proc/self/mountinfo").write_text("\n".join([other, *mounts]) + "\n")
    for name, text in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def v2(folder: str, limit: object, used: int = 0, cache: int = 0) -> dict[str, str]:
    return {
        f"{folder}/memory.max": f"{limit}\n",
        f"{folder}/memory.current": f"{used}\n",
        f"{folder}/memory.stat": f"anon 1\nfile {cache + 7}\ninactive_file {cache}\n",
    }


def v1(folder: str, limit: object, used: int = 0, cache: int = 0) -> dict[str, str]:
    return {
        f"memory/{folder}/memory.limit_in_bytes": f"{limit}\n",
        f"memory/{folder}/memory.usage_in_bytes": f"{used}\n",
        f"memory/{folder}/memory.stat": f"inactive_file 1\ntotal_inactive_file {cache}\n",
    }


MEMORY = {
    # name: (own cgroup, mounts, files, (used, total))
    "v2-container": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        v2(".", 500 * MB, 300 * MB, 100 * MB),
        (200 * MB, 500 * MB),
    ),
    "v2-tightest-is-above": (
        "0::/pod/hub\n",
        [V2_MOUNT.format(top="/")],
        {**v2("pod/hub", 800 * MB, 90 * MB), **v2("pod", 500 * MB, 400 * MB), **v2(".", "max")},
        (400 * MB, 500 * MB),
    ),
    "v2-tightest-is-own": (
        "0::/pod/hub\n",
        [V2_MOUNT.format(top="/")],
        {**v2("pod/hub", 300 * MB, 90 * MB), **v2("pod", 500 * MB, 400 * MB)},
        (90 * MB, 300 * MB),
    ),
    "v2-max": ("0::/hub\n", [V2_MOUNT.format(top="/")], v2("hub", "max", 5), MACHINE),
    "v2-bind-mounted-part": (
        "0::/docker/ab/hub\n",
        [V2_MOUNT.format(top="/docker/ab")],
        {**v2("hub", "max"), **v2(".", 500 * MB, 300 * MB)},
        (300 * MB, 500 * MB),
    ),
    "v2-namespace-hides-the-path": (
        "0::/../other\n",
        [V2_MOUNT.format(top="/")],
        v2(".", 500 * MB, 300 * MB),
        (300 * MB, 500 * MB),
    ),
    "v2-cache-counted-after-usage": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        v2(".", 500 * MB, 50, 60),
        (0, 500 * MB),
    ),
    "v2-usage-is-missing": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        {"./memory.max": "500000000\n"},
        (None, 500 * MB),
    ),
    "v2-stat-is-garbage": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        {**v2(".", 500 * MB, 5), "./memory.stat": "\n"},
        (None, 500 * MB),
    ),
    "v2-limit-is-garbage": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        {**v2(".", "lots", 5)},
        (None, None),
    ),
    "v2-limit-above-the-machine": ("0::/\n", [V2_MOUNT.format(top="/")], v2(".", 1 << 60), MACHINE),
    "v1-docker": (
        "4:memory:/docker/ab\n0::/\n",
        [MEMORY_MOUNT.format(top="/docker/ab")],
        v1(".", 500 * MB, 300 * MB, 100 * MB),
        (200 * MB, 500 * MB),
    ),
    "v1-nested": (
        "4:memory:/slice/hub\n",
        [MEMORY_MOUNT.format(top="/")],
        {
            **v1("slice/hub", V1_UNLIMITED, 5),
            **v1("slice", 500 * MB, 400 * MB),
            **v1(".", V1_UNLIMITED),
        },
        (400 * MB, 500 * MB),
    ),
    "v1-no-limit": (
        "4:memory:/a\n",
        [MEMORY_MOUNT.format(top="/")],
        v1("a", V1_UNLIMITED, 5),
        MACHINE,
    ),
    "hybrid-memory-is-v1": (
        "4:memory:/a\n0::/b\n",
        [MEMORY_MOUNT.format(top="/"), V2_MOUNT.format(top="/").replace("cgroup rw", "unified rw")],
        v1("a", 500 * MB, 300 * MB),
        (300 * MB, 500 * MB),
    ),
    "no-cgroups": ("", [], {}, MACHINE),
    "cgroup-not-mounted": ("0::/a\n", [], {}, MACHINE),
}


@pytest.mark.parametrize(("own", "mounts", "files", "expected"), MEMORY.values(), ids=MEMORY)
def test_memory(tmp_path, own, mounts, files, expected):
    """Memory is that of the tightest cgroup, else the machine's; what is unreadable is a gap."""
    got = read_memory(lay_out(tmp_path, own, mounts, files))
    if expected is MACHINE:
        assert got[1] == psutil.virtual_memory().total
        assert 0 < got[0] < got[1]
    else:
        assert got == expected


def cpu_v2(folder: str, limit: str, microseconds: int | None = 0) -> dict[str, str]:
    files = {f"{folder}/cpu.max": f"{limit}\n"}
    if microseconds is not None:
        files[f"{folder}/cpu.stat"] = f"usage_usec {microseconds}\nuser_usec 1\n"
    return files


def cpu_v1(folder: str, quota: int, nanoseconds: int = 0) -> dict[str, str]:
    return {
        f"cpu,cpuacct/{folder}/cpu.cfs_quota_us": f"{quota}\n",
        f"cpu,cpuacct/{folder}/cpu.cfs_period_us": "100000\n",
        f"cpu,cpuacct/{folder}/cpuacct.usage": f"{nanoseconds}\n",
    }


SEPARATE = [
    "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
    "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct",
]
CPU = {
    # name: (own cgroup, mounts, files, (processors, CPU seconds) or None for a gap)
    "v2-half-a-processor": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        cpu_v2(".", "50000 100000", 7_000_000),
        (0.5, 7),
    ),
    "v2-tightest-is-above": (
        "0::/pod/hub\n",
        [V2_MOUNT.format(top="/")],
        {
            **cpu_v2("pod/hub", "90000 100000", 1_000_000),
            **cpu_v2("pod", "50000 100000", 7_000_000),
        },
        (0.5, 7),
    ),
    "v2-max": ("0::/\n", [V2_MOUNT.format(top="/")], cpu_v2(".", "max 100000", 7), MACHINE),
    "v2-more-than-there-is": (
        "0::/\n",
        [V2_MOUNT.format(top="/")],
        cpu_v2(".", "99900000 100000", 7),
        MACHINE,
    ),
    "v2-no-stat": ("0::/\n", [V2_MOUNT.format(top="/")], cpu_v2(".", "50000 100000", None), None),
    "v2-garbage": ("0::/\n", [V2_MOUNT.format(top="/")], cpu_v2(".", "50000", 7), None),
    "v1-together": (
        "3:cpu,cpuacct:/docker/ab\n",
        [CPU_MOUNT.format(top="/docker/ab")],
        cpu_v1(".", 50_000, 7_000_000_000),
        (0.5, 7),
    ),
    "v1-apart": (
        "1:cpu:/a/b\n2:cpuacct:/a/b\n",
        SEPARATE,
        {
            "cpu/a/cpu.cfs_quota_us": "50000\n",
            "cpu/a/cpu.cfs_period_us": "100000\n",
            "cpuacct/a/cpuacct.usage": "7000000000\n",
            "cpuacct/a/b/cpuacct.usage": "1\n",
        },
        (0.5, 7),
    ),
    "v1-quota-without-cpuacct": (
        "1:cpu:/a\n",
        SEPARATE[:1],
        {"cpu/a/cpu.cfs_quota_us": "50000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
        None,
    ),
    "v1-no-quota": ("3:cpu,cpuacct:/\n", [CPU_MOUNT.format(top="/")], cpu_v1(".", -1, 7), MACHINE),
    "no-cgroups": ("", [], {}, MACHINE),
}


@pytest.mark.parametrize(("own", "mounts", "files", "expected"), CPU.values(), ids=CPU)
def test_cpu(tmp_path, own, mounts, files, expected):
    """CPU is that of the tightest quota, else the machine's; what is unreadable is a gap."""
    clock = read_cpu(lay_out(tmp_path, own, mounts, files), now=5.0)
    if expected is None:
        assert clock is None
    elif expected is MACHINE:
        assert (clock.scope, clock.processors) == ("machine", psutil.cpu_count())
        assert clock.used_seconds > 0
    else:
        assert (clock.processors, clock.used_seconds) == expected


def test_cpu_is_a_share_of_the_quota(tmp_path, monkeypatch):
    """100 is all of the quota; the first reading, a resize and a counter set back are gaps."""
    now = [100.0]
    monkeypatch.setattr(machine.time, "monotonic", lambda: now[0])
    root = lay_out(
        tmp_path, "0::/\n", [V2_MOUNT.format(top="/")], cpu_v2(".", "50000 100000", 7_000_000)
    )
    here, folder = Machine(root), root / "sys/fs/cgroup"
    seen = [here.usage().cpu_percent]
    for seconds, quota, used in [
        (10, "50000 100000", 9.5),  # 2.5 s of the 5 s that the quota gives in 10 s
        (10, "50000 100000", 14.5),
        (0, "50000 100000", 14.5),  # no time has passed
        (10, "100000 200000", 19.5),  # the same share, in other words
        (10, "80000 100000", 20),  # resized
        (10, "80000 100000", 24),
        (10, "80000 100000", 1),  # set back
    ]:
        now[0] += seconds
        (folder / "cpu.max").write_text(quota)
        (folder / "cpu.stat").write_text(f"usage_usec {int(used * 1e6)}\n")
        seen.append(here.usage().cpu_percent)
    assert seen == [None, 50, 100, None, 100, None, pytest.approx(50), None]


def test_a_machine_that_idles(monkeypatch: pytest.MonkeyPatch):
    """Nothing used is 0 %, whatever the processors' idle times add up to; it is no gap."""
    busy, idle = psutil.cpu_times()._replace(user=1331.91, system=303.16, softirq=6.63), 1051.39
    monkeypatch.setattr(machine, "read_cpu", lambda _root, now: machine._machine_clock(now))
    here, shown = Machine(), []
    for step in range(100):
        now = busy._replace(idle=idle + 0.17 * step)
        monkeypatch.setattr(psutil, "cpu_times", lambda now=now: now)
        shown.append(here.usage().cpu_percent)
    assert shown == [None] + 99 * [0]


def test_the_machine_itself():
    """Where no cgroup bounds us, the numbers are those that `free` and a busy processor show."""
    here = Machine()
    here.usage()
    began, ours = time.monotonic(), time.process_time()
    while time.monotonic() - began < 0.5:
        pass
    usage = here.usage()
    share = 100 * (time.process_time() - ours) / (time.monotonic() - began) / psutil.cpu_count()
    _, total, *_, available = (
        subprocess.run(["free", "-b"], capture_output=True, text=True, check=True)
        .stdout.splitlines()[1]
        .split()
    )
    usage = replace(here.usage(), cpu_percent=usage.cpu_percent)  # memory as it is just now
    if usage.memory_total == int(total):  # else a cgroup bounds this test: the tables' business
        assert usage.memory_used == pytest.approx(int(total) - int(available), rel=0.25)
    assert 0.8 * share <= usage.cpu_percent <= 101


def test_reading_does_not_wait(monkeypatch: pytest.MonkeyPatch):
    """No look at the machine takes a while to measure something."""
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    here = Machine()
    for _ in range(3):
        here.usage()
