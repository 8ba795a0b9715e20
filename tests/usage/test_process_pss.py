"""Proportional memory: what it counts, how seldom it is read, and what stands in for it."""

from __future__ import annotations

import errno
import logging
import time
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage import process_pss
from jupyterhub_monitoring.usage.model import ServerKey, Usage
from jupyterhub_monitoring.usage.process import ProcessSampler
from jupyterhub_monitoring.usage.process_pss import ProportionalMemory
from jupyterhub_monitoring.usage.process_table import PAGE_BYTES
from support.fake_proc import FakeProc, server_of

LATER = float("inf")


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path / "proc")


def test_pss_is_the_memory_where_it_is_asked_for(proc: FakeProc) -> None:
    """The sum over the tree; a child that has ended meanwhile, or a zombie, has none."""
    root = proc.new(pages=1000, pss_kib=300)
    proc.new(parent=root.pid, pages=1000, pss_kib=50)
    proc.new(parent=root.pid, state="Z", pages=0)
    server = server_of(root)
    look = ProcessSampler(proc=str(proc), pss_seconds=60).sample([server])[server.key]
    assert isinstance(look, Usage)
    assert look.memory_bytes == 350 * 1024


def test_pss_that_may_not_be_read_is_rss_and_the_log_says_so(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Other users' memory maps are closed to a service without CAP_SYS_PTRACE."""
    root = proc.new(pages=10, pss_kib=300)
    child = proc.new(parent=root.pid, pages=5, pss_kib=300)
    read_file = process_pss.read_file

    def refusing(path: str) -> bytes:
        if path.startswith(f"{proc}/{child.pid}/"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return read_file(path)

    monkeypatch.setattr(process_pss, "read_file", refusing)
    server = server_of(root, "secret-ann")
    sampler = ProcessSampler(proc=str(proc), pss_seconds=0.001)
    with caplog.at_level(logging.WARNING):
        looks = [sampler.sample([server])[server.key] for _ in range(3)]
    assert [look.memory_bytes for look in looks] == [15 * PAGE_BYTES] * 3
    (said,) = caplog.messages
    assert "RSS" in said
    assert "Permission denied" in said
    assert "secret" not in said


def test_a_kernel_without_it_gives_rss(proc: FakeProc) -> None:
    """Before Linux 4.14 there is no smaps_rollup."""
    root = proc.new(pages=10)
    server = server_of(root)
    look = ProcessSampler(proc=str(proc), pss_seconds=60).sample([server])[server.key]
    assert look.memory_bytes == 10 * PAGE_BYTES


class Machine:
    """Servers of one process each, and how often the memory of each was read."""

    def __init__(self, proc: FakeProc, monkeypatch: pytest.MonkeyPatch, servers: int) -> None:
        self.now = 0.0
        self.pids = {ServerKey(f"u{n}", ""): [proc.new(pss_kib=n + 1).pid] for n in range(servers)}
        self.memory = ProportionalMemory(str(proc), 60.0, lambda: self.now)
        self.reads: list[str] = []
        read_file = process_pss.read_file

        def noting(path: str) -> bytes:
            self.reads.append(path)
            return read_file(path)

        monkeypatch.setattr(process_pss, "read_file", noting)

    def look(self, at: float, deadline: float = LATER) -> int:
        """Look at all servers; return how many were read."""
        before = len(self.reads)
        self.now = at
        self.memory.look(self.pids, deadline)
        return len(self.reads) - before


def test_readings_are_spread(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 servers once a minute are 25 at each look, at the start too, and each in its turn."""
    machine = Machine(proc, monkeypatch, 100)
    reads = [machine.look(15.0 * n) for n in range(21)]
    assert max(reads) == 25
    assert sum(reads[:5]) == 101  # all, and the one of the first look again
    assert {machine.reads.count(path) for path in machine.reads} == {5, 6}


def test_no_server_is_read_more_often_than_asked(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often we look, a server's page tables are walked once in the time."""
    machine = Machine(proc, monkeypatch, 3)
    for second in range(60):
        machine.look(float(second))
    assert len(machine.reads) == len(set(machine.reads)) == 3


def test_a_server_that_ended_is_forgotten(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of a server that is gone is given to none."""
    machine = Machine(proc, monkeypatch, 1)
    machine.look(0.0)
    (key,) = machine.pids
    assert machine.memory.look({}, LATER) == {}
    machine.pids = {key: []}
    machine.look(1.0)
    assert machine.memory.look(machine.pids, LATER) == {}


def test_readings_end_with_the_time_limit(proc: FakeProc, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where page tables are huge, the look is not held up; the rest is read at the next one."""
    machine = Machine(proc, monkeypatch, 50)
    machine.look(0.0)
    assert machine.look(60.0, deadline=time.monotonic() - 1) == 0
    assert machine.look(120.0) == 50
