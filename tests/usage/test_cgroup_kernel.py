"""Cgroups of this machine's kernel, with processes that burn, allocate, fork and are killed.

Each test says what the kernel's other accounts (wait4, /proc) must agree with. v2 is tried where
its hierarchy is mounted, with the controllers that it has there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage.cgroup import CgroupSampler
from jupyterhub_monitoring.usage.cgroup_trees import V2, mounted_trees
from jupyterhub_monitoring.usage.model import Gap, GapReason, Look, RunningServer, ServerKey, Usage

MIB = 1 << 20
PROC = Path("/proc")
NAME = f"jupyter-ann-{os.getpid()}"
PATH = f"/jupyter{os.getpid()}.slice/{NAME}.service"
UNIT = RunningServer(ServerKey("ann", ""), {"unit_name": NAME})

COMMANDS = """
import os, sys, time
def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
def children(count, seconds):
    for _ in range(count):
        if os.fork() == 0:
            burn(seconds)
            os._exit(0)
    for _ in range(count):
        os.wait()
kept = []
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Burner:
    """A process in the test's cgroup; `tell` runs a line of Python in it."""

    def __init__(self, folders: list[Path]) -> None:
        moves = "".join(f"echo $$ > {folder}/cgroup.procs && " for folder in folders)
        command = ["sh", "-c", f'{moves}exec "$0" -c "$1"', sys.executable, COMMANDS]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self.pid = self.process.pid

    def tell(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        assert self.process.stdout.readline() == "done\n"

    def resident_bytes(self) -> int:
        return int((PROC / f"{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def end(self) -> float:
        """End the process; return the CPU seconds of it and its children by wait4."""
        self.process.stdin.close()
        _, _, used = os.wait4(self.pid, 0)
        self.process.returncode = 0
        return used.ru_utime + used.ru_stime


class Machine:
    """The test's cgroup in hierarchies that are mounted, with the processes in it."""

    def __init__(self, points: dict[str, Path], proc: Path) -> None:
        self.folders = {name: point / PATH.lstrip("/") for name, point in points.items()}
        self.sampler = CgroupSampler(proc)
        self._burners: list[Burner] = []

    def start(self) -> Burner:
        folders = list(dict.fromkeys(self.folders.values()))
        self._burners.append(Burner(folders))
        self._burners[-1].tell("pass")
        return self._burners[-1]

    def look(self, server: RunningServer = UNIT) -> Look:
        return self.sampler.sample([server])[server.key]

    def usage(self) -> Usage:
        found = self.look()
        assert isinstance(found, Usage), found
        return found

    def remove(self) -> None:
        for burner in self._burners:
            with suppress(ProcessLookupError):
                burner.process.kill()
                burner.process.wait()
        for folder in self.folders.values():
            for each in (folder, folder.parent):
                _remove(each)


def _remove(folder: Path) -> None:
    for _ in range(50):
        with suppress(FileNotFoundError, OSError):
            folder.rmdir()
        if not folder.exists():
            return
        time.sleep(0.05)


def _make(points: dict[str, Path]) -> None:
    try:
        for point in points.values():
            (point / PATH.lstrip("/")).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error.strerror}")


@pytest.fixture
def v1() -> Iterator[Machine]:
    """The hierarchies of v1, where this machine has them."""
    trees = mounted_trees(PROC)
    names = ("cpuacct", "cpu", "memory")
    if not all(name in trees and not trees[name].top for name in names):
        pytest.skip("this machine has no v1 hierarchies of cpuacct, cpu and memory")
    points = {name: Path(trees[name].point) for name in names}
    _make(points)
    machine = Machine(points, PROC)
    yield machine
    machine.remove()
    machine.sampler.close()


@pytest.fixture
def v2(tmp_path: Path) -> Iterator[Machine]:
    """The hierarchy of v2, alone: /proc/self/mountinfo tells of no other."""
    trees = mounted_trees(PROC)
    if V2 not in trees or trees[V2].top:
        pytest.skip("this machine has no v2 hierarchy")
    points = {V2: Path(trees[V2].point)}
    _make(points)
    (tmp_path / "self").mkdir()
    lines = (PROC / "self/mountinfo").read_text().splitlines()
    only = [line for line in lines if " - cgroup2 " in line]
    (tmp_path / "self/mountinfo").write_text("\n".join(only) + "\n")
    machine = Machine(points, tmp_path)
    yield machine
    machine.remove()
    machine.sampler.close()


@pytest.fixture(params=["v1", "v2"])
def machine(request: pytest.FixtureRequest) -> Machine:
    return request.getfixturevalue(request.param)


def test_cpu_seconds_are_those_of_wait4(machine: Machine) -> None:
    """One core burnt, and children that ended: within 2 % of what the kernel tells a parent."""
    burner = machine.start()
    burner.tell("burn(1.0)")
    burner.tell("children(20, 0.02)")
    counted = machine.usage().cpu_seconds
    assert counted == pytest.approx(burner.end(), rel=0.02)


def test_processes_are_those_in_the_cgroup(machine: Machine) -> None:
    """Processes, not threads; each of them."""
    burner = machine.start()
    burner.tell(
        "import threading; threading.Thread(target=time.sleep, args=(9,), daemon=1).start()"
    )
    assert machine.usage().processes == 1
    second = machine.start()
    assert machine.usage().processes == 2
    second.end()
    assert machine.usage().processes == 1


def test_what_ended_is_gone(machine: Machine) -> None:
    """Files that we hold open of a cgroup that was removed tell nothing any more."""
    burner = machine.start()
    machine.usage()
    burner.end()
    machine.remove()
    found = machine.look()
    assert isinstance(found, Gap)
    assert found.reason is GapReason.GONE


def test_a_cgroup_that_was_made_again_goes_on(machine: Machine) -> None:
    """A unit that was started again under its name: its CPU seconds do not go backwards."""
    burner = machine.start()
    burner.tell("burn(0.3)")
    before = machine.usage().cpu_seconds
    burner.end()
    machine.remove()
    for folder in machine.folders.values():
        folder.mkdir(parents=True)
    machine.start().tell("burn(0.1)")
    after = machine.usage().cpu_seconds
    assert before is not None
    assert after is not None
    assert before + 0.1 <= after < before + 0.3


def test_memory_is_what_the_processes_took(v1: Machine) -> None:
    """300 MiB more, then given back: within 2 % of the pages that /proc counts; the peak stays."""
    burner = v1.start()
    at_first, resident = v1.usage().memory_bytes, burner.resident_bytes()
    burner.tell(f"kept.append(b'x' * {300 * MIB})")
    full, peak = v1.usage().memory_bytes, v1.usage().memory_peak_bytes
    taken = burner.resident_bytes() - resident
    assert at_first is not None
    assert full is not None
    assert taken >= 300 * MIB
    assert full - at_first == pytest.approx(taken, rel=0.02)
    burner.tell("kept.clear()")
    after = v1.usage()
    assert after.memory_bytes == pytest.approx(at_first, abs=0.02 * taken)
    assert after.memory_peak_bytes == peak
    assert peak is not None
    assert peak >= full


def test_what_is_cached_of_files_is_no_memory_in_use(v1: Machine, tmp_path: Path) -> None:
    """The kernel drops it when somebody needs the memory."""
    burner = v1.start()
    before = v1.usage().memory_bytes
    burner.tell(
        f"f = open({str(tmp_path / 'file')!r}, 'wb'); f.write(bytes({64 * MIB})); f.flush()"
    )
    raw = int((v1.folders["memory"] / "memory.usage_in_bytes").read_text())
    after = v1.usage().memory_bytes
    assert before is not None
    assert after is not None
    assert raw > before + 60 * MIB
    assert after < before + 8 * MIB


def test_a_quota_and_what_it_held_up_are_the_kernels(v1: Machine) -> None:
    """A twentieth of a core, which even a busy machine gives a process."""
    burner = v1.start()
    before = v1.usage()
    (v1.folders["cpu"] / "cpu.cfs_quota_us").write_text("5000")
    burner.tell("burn(0.05)")
    after = v1.usage()
    assert (before.cpu_limit_cores, after.cpu_limit_cores) == (None, 0.05)
    assert before.cpu_throttled_seconds == 0
    assert after.cpu_throttled_seconds is not None
    assert after.cpu_throttled_seconds > 0.1


def test_a_limit_and_those_it_killed_are_the_kernels(v1: Machine) -> None:
    """A limit of the slice above, and a child that wanted more."""
    (v1.folders["memory"].parent / "memory.limit_in_bytes").write_text(str(64 * MIB))
    burner = v1.start()
    before = v1.usage()
    burner.tell(
        "if os.fork() == 0: open('/proc/self/oom_score_adj', 'w').write('1000'); b'x' * (200 << 20)"
    )
    burner.tell("os.wait()")
    after = v1.usage()
    assert before.memory_limit_bytes == 64 * MIB
    assert (before.oom_kills, after.oom_kills) == (0, 1)


def test_a_process_with_a_cgroup_to_itself_is_found_by_its_pid(v1: Machine) -> None:
    """The pid of LocalProcessSpawner leads to the cgroup where a site gave the process one."""
    burner = v1.start()
    server = RunningServer(ServerKey("ann", ""), {"pid": burner.pid})
    ours = RunningServer(ServerKey("bob", ""), {"pid": os.getpid()})
    assert v1.sampler.claims(server)
    assert not v1.sampler.claims(ours)
    burner.tell("burn(0.2)")
    found = v1.look(server)
    assert isinstance(found, Usage)
    assert found.cpu_seconds is not None
    assert found.cpu_seconds >= 0.2
