"""Reading `/proc`: odd lines, processes that end while they are read, and what may not be read."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyterhub_monitoring.usage import process_table
from jupyterhub_monitoring.usage.model import Gap, GapReason, Usage
from jupyterhub_monitoring.usage.process import ProcessSampler
from jupyterhub_monitoring.usage.process_table import PAGE_BYTES, TICKS_PER_SECOND, parse_stat
from support.fake_proc import FakeProc, FakeProcess, server_of

NAMES = ["python", ") 5 (", "((", "))", " ", "", "a) S 1 1 1 (b", "kworker/u8:3-events_unbound"]


@pytest.fixture
def proc(tmp_path: Path) -> FakeProc:
    return FakeProc(tmp_path / "proc")


@pytest.mark.parametrize("name", NAMES)
def test_any_program_name_is_read(name: str) -> None:
    """A program may call itself anything, also what looks like other fields."""
    fake = FakeProcess(
        7, parent=3, session=5, group=6, name=name, user=10, system=2, pages=9, started=77
    )
    fake_waited = parse_stat(7, fake.stat().encode())
    assert fake_waited == (7, 3, 6, 5, 77, False, 12, 0, 9)


NONSENSE = {
    "nothing": b"",
    "no parenthesis": b"7 python S 1",
    "cut off": b"7 (python) S 1 7",
    "no numbers": b"7 (python) S " + b"x " * 50,
    "bytes": bytes(range(256)),
}


@pytest.mark.parametrize("line", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_a_gap(proc: FakeProc, line: bytes) -> None:
    """A line that is not understood is never a number."""
    server = server_of(proc.new())
    (proc.folder / str(server.state["pid"]) / "stat").write_bytes(line)
    assert gap_of(ProcessSampler(proc=str(proc)), server) is GapReason.PROTOCOL


def test_the_numbers_are_in_seconds_and_bytes(proc: FakeProc) -> None:
    """Ticks and pages become seconds and bytes; peaks and limits are not known."""
    root = proc.new(user=150, system=50, waited_user=30, waited_system=20, pages=100)
    proc.new(parent=root.pid, pages=11, threads=40)
    server = server_of(root)
    assert ProcessSampler(proc=str(proc)).sample([server])[server.key] == Usage(
        cpu_seconds=250 / TICKS_PER_SECOND, memory_bytes=111 * PAGE_BYTES, processes=2
    )


def test_a_zombie_has_no_memory_and_is_no_process(proc: FakeProc) -> None:
    """A child that nobody has waited for yet still has its CPU time, and nothing else."""
    root = proc.new(user=100, pages=5)
    proc.new(parent=root.pid, state="Z", user=50, pages=0)
    server = server_of(root)
    assert ProcessSampler(proc=str(proc)).sample([server])[server.key] == Usage(
        cpu_seconds=150 / TICKS_PER_SECOND, memory_bytes=5 * PAGE_BYTES, processes=1
    )


def test_a_process_that_ends_while_we_read_is_left_out(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the listing and the reading anything may end: at opening, and at reading."""
    root = proc.new(pages=1)
    at_open, at_read = proc.new(parent=root.pid, pages=2), proc.new(parent=root.pid, pages=4)
    read_file = process_table.read_file

    def racing(path: str, folder: int | None = None) -> bytes:
        if path == f"{at_open.pid}/stat":
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if path == f"{at_read.pid}/stat":
            raise ProcessLookupError(errno.ESRCH, "No such process")
        return read_file(path, folder)

    monkeypatch.setattr(process_table, "read_file", racing)
    server = server_of(root)
    look = ProcessSampler(proc=str(proc)).sample([server])[server.key]
    assert isinstance(look, Usage)
    assert (look.memory_bytes, look.processes) == (PAGE_BYTES, 1)


def failing(error: OSError) -> Callable[[int], list[int]]:
    def fail(_: int) -> list[int]:
        raise error

    return fail


WHOLE_PASS = {
    "no /proc": (FileNotFoundError(errno.ENOENT, "x"), GapReason.UNREACHABLE, "no /proc"),
    "not to be listed": (
        PermissionError(errno.EACCES, "x"),
        GapReason.PERMISSION,
        "/proc may not be listed",
    ),
    "too many open files": (
        OSError(errno.EMFILE, "Too many open files"),
        GapReason.UNREACHABLE,
        "/proc cannot be read: Too many open files",
    ),
}


@pytest.mark.parametrize(("error", "reason", "detail"), WHOLE_PASS.values(), ids=WHOLE_PASS)
def test_where_nothing_can_be_read_every_server_is_a_gap(
    proc: FakeProc,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    reason: GapReason,
    detail: str,
) -> None:
    """A machine without `/proc`, or one that we may not see, gives reasons and no zeros."""
    monkeypatch.setattr(process_table, "list_pids", failing(error))
    servers = [server_of(proc.new(), "ann"), server_of(proc.new(), "bob")]
    looks = ProcessSampler(proc=str(proc)).sample(servers)
    assert looks == {server.key: Gap(reason, detail) for server in servers}


def test_a_proc_that_is_not_mounted_is_no_proc(tmp_path: Path) -> None:
    """An empty folder in the place of `/proc` does not mean that all servers ended."""
    server = server_of(FakeProcess(7))
    for proc in (tmp_path, tmp_path / "none"):
        looks = ProcessSampler(proc=str(proc)).sample([server])
        assert looks[server.key] == Gap(GapReason.UNREACHABLE, "no /proc")


def test_a_process_that_we_may_not_read_is_a_gap(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hidepid=1 the process is listed, but its files are closed to us."""
    closed, open_ = proc.new(), proc.new()
    read_file = process_table.read_file

    def refusing(path: str, folder: int | None = None) -> bytes:
        if path.startswith(f"{closed.pid}/"):
            raise PermissionError(errno.EPERM, "x")
        return read_file(path, folder)

    monkeypatch.setattr(process_table, "read_file", refusing)
    servers = [server_of(closed, "ann"), server_of(open_, "bob")]
    ann, bob = ProcessSampler(proc=str(proc)).sample(servers).values()
    reasons = {getattr(ann, "reason", None), getattr(bob, "reason", None)}
    assert reasons == {GapReason.PERMISSION, None}


def test_a_process_that_is_not_listed_but_there_is_hidden(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hidepid=2 other users' processes are not listed; they have not ended for that."""

    def kill(pid: int, signal: int) -> None:
        assert signal == 0
        raise PermissionError

    monkeypatch.setattr("os.kill", kill)
    server = server_of(FakeProcess(4_100_500))
    assert gap_of(ProcessSampler(proc=str(proc)), server) is GapReason.PERMISSION


def test_a_pass_that_takes_too_long_is_given_up(
    proc: FakeProc, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sampler keeps its time limit on a machine that hardly answers."""
    server = server_of(proc.new())
    for _ in range(30):
        proc.new()
    read_file = process_table.read_file

    def slow(path: str, folder: int | None = None) -> bytes:
        time.sleep(0.02)
        return read_file(path, folder)

    monkeypatch.setattr(process_table, "read_file", slow)
    assert (
        gap_of(ProcessSampler(proc=str(proc), time_limit_seconds=0.1), server) is GapReason.TIMEOUT
    )


def gap_of(sampler: ProcessSampler, server: object) -> GapReason:
    ((_, look),) = sampler.sample([server]).items()  # type: ignore[list-item]
    assert isinstance(look, Gap), look
    return look.reason
