"""Trees of files like those that the kernel shows of cgroups, with systemd units in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.usage.cgroup import CgroupSampler
from jupyterhub_monitoring.usage.model import RunningServer, ServerKey

MB = 1_000_000
V1_UNLIMITED = "9223372036854771712"
V2_MOUNT = "30 23 0:26 {top} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V1_MOUNT = "3{number} 31 0:3{number} {top} {point} rw,nosuid shared:9 - cgroup cgroup rw,{name}"
V1_CONTROLLERS = ("cpu", "cpuacct", "memory", "pids", "name=systemd")


def v2_files(cpu: float = 2.5, used: int = 300 * MB, cache: int = 100 * MB) -> dict[str, str]:
    """The files of a v2 cgroup that has used *cpu* seconds, as kernel 6 writes them."""
    return {
        "cgroup.procs": "",
        "cpu.max": "max 100000\n",
        "cpu.stat": (
            f"usage_usec {cpu * 1e6:.0f}\nuser_usec {cpu * 8e5:.0f}\nsystem_usec {cpu * 2e5:.0f}\n"
            "nr_periods 9\nnr_throttled 2\nthrottled_usec 250000\nnr_bursts 0\nburst_usec 0\n"
        ),
        "memory.current": f"{used}\n",
        "memory.events": "low 0\nhigh 0\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n",
        "memory.max": "max\n",
        "memory.peak": f"{used + 50 * MB}\n",
        "memory.stat": (
            f"anon {used - cache}\nfile {cache + 7}\nkernel_stack 1\ninactive_anon 3\n"
            f"inactive_file {cache}\nactive_file 7\n"
        ),
        "pids.current": "17\n",
    }


def v1_files(cpu: float = 2.5, used: int = 300 * MB, cache: int = 100 * MB) -> dict[str, str]:
    """The files of a v1 cgroup, each after its controller."""
    return {
        "cpu/cpu.cfs_period_us": "100000\n",
        "cpu/cpu.cfs_quota_us": "-1\n",
        "cpu/cpu.stat": "nr_periods 9\nnr_throttled 2\nthrottled_time 250000000\n",
        "cpuacct/cpuacct.usage": f"{cpu * 1e9:.0f}\n",
        "memory/memory.limit_in_bytes": f"{V1_UNLIMITED}\n",
        "memory/memory.max_usage_in_bytes": f"{used + 50 * MB}\n",
        "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
        "memory/memory.stat": (
            f"cache {cache + 7}\ninactive_file 3\nhierarchical_memory_limit {V1_UNLIMITED}\n"
            f"total_cache {cache + 7}\ntotal_inactive_file {cache}\ntotal_active_file 7\n"
        ),
        "memory/memory.usage_in_bytes": f"{used}\n",
        "memory/cgroup.procs": "",
        "pids/pids.current": "17\n",
        "name=systemd/cgroup.procs": "",
    }


class CgroupTree:
    """A machine's /proc and cgroup trees in *folder*, of cgroup *version* 1 or 2."""

    def __init__(self, folder: Path, version: int, *, top: str = "/") -> None:
        self.proc, self.points = folder / "proc", folder / "cgroup"
        self.version = version
        points = [self.points / name for name in V1_CONTROLLERS] if version == 1 else [self.points]
        for point in points:
            point.mkdir(parents=True)
        mounts = [
            V1_MOUNT.format(number=number, name=point.name, top=top, point=point)
            if version == 1
            else V2_MOUNT.format(top=top, point=point)
            for number, point in enumerate(points)
        ]
        self.lay_out_proc("self", "/system.slice/jupyterhub.service")
        other = "22 1 8:1 / / rw - ext4 /dev/root rw"
        (self.proc / "self/mountinfo").write_text("\n".join([other, *mounts]) + "\n")

    def lay_out_proc(self, pid: object, path: str, parent: int = 1) -> None:
        """Let process *pid* be in the cgroup at *path*."""
        names = V1_CONTROLLERS if self.version == 1 else [""]
        lines = [f"{number}:{name}:{path}" for number, name in enumerate(names)]
        folder = self.proc / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup").write_text("\n".join(lines) + "\n")
        (folder / "stat").write_text(f"{pid} (jupyter) hub) S {parent} 1 1 0 -1 4194560\n")

    def write(self, path: str, **files: Any) -> None:
        """Write files of the cgroup at *path*: `controller/file` in v1, `file` in v2."""
        for name, text in files.items():
            controller, _, file = name.rpartition("/")
            target = self.points / controller / path.lstrip("/") / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text if isinstance(text, bytes) else text.encode())

    def make(self, path: str, pids: tuple[int, ...] = (), **numbers: Any) -> None:
        """Make the cgroup at *path* with all its files, and *pids* in it."""
        files = v1_files(**numbers) if self.version == 1 else v2_files(**numbers)
        procs = "memory/cgroup.procs" if self.version == 1 else "cgroup.procs"
        members = "".join(f"{pid}\n" for pid in pids)
        self.write(path, **{**files, procs: members})

    def remove(self, path: str) -> None:
        """Remove the cgroup at *path* from all hierarchies."""
        for folder in self.folders(path):
            shutil.rmtree(folder)

    def folders(self, path: str) -> list[Path]:
        """Return the folders of the cgroup at *path*."""
        points = [self.points, *(self.points / name for name in V1_CONTROLLERS)]
        below = [point / path.lstrip("/") for point in points]
        return [folder for folder in below if folder.exists()]


class CgroupRig:
    """Servers as units in a tree of files; see `SamplerRig`."""

    time_limit_seconds = 5.0

    def __init__(self, folder: Path, version: int) -> None:
        self.tree = CgroupTree(folder, version)
        self._now, self._step = 0.0, 0.0
        self._cpu: dict[ServerKey, float] = {}
        self.sampler = CgroupSampler(
            self.tree.proc, timeout_seconds=self.time_limit_seconds, clock=self._clock
        )

    def start(self, username: str) -> RunningServer:
        self._now += 60  # the trees are searched anew
        server = RunningServer(ServerKey(username, ""), {"unit_name": f"jupyter-{username}"})
        self._cpu[server.key] = 2.0
        self.tree.make(self._path(server), cpu=2.0, pids=(1000,))
        return server

    def use(self, server: RunningServer) -> None:
        self._cpu[server.key] += 1.5
        self.tree.make(self._path(server), cpu=self._cpu[server.key], pids=(1000,))

    def restart(self, server: RunningServer) -> None:
        path = self._path(server)
        old = [folder.rename(folder.with_suffix(".old")) for folder in self.tree.folders(path)]
        self._cpu[server.key] = 0.25
        self.tree.make(path, cpu=0.25, pids=(2000,))
        for folder in old:
            shutil.rmtree(folder)

    def end(self, server: RunningServer) -> None:
        self.tree.remove(self._path(server))

    def garble(self) -> None:
        for file in self.tree.points.rglob("*"):
            if file.is_file():
                file.write_bytes(b"\xff\x00 nonsense\n-7\n")

    def hang(self) -> None:
        self._step = self.time_limit_seconds

    def _clock(self) -> float:
        self._now += self._step
        return self._now

    def _path(self, server: RunningServer) -> str:
        return f"/system.slice/jupyter-{server.key.username}.service"


@contextmanager
def cgroup_v1(folder: Path) -> Iterator[CgroupRig]:
    yield CgroupRig(folder, 1)


@contextmanager
def cgroup_v2(folder: Path) -> Iterator[CgroupRig]:
    yield CgroupRig(folder, 2)
