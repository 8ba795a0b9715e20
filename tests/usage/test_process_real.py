"""Real processes: what the sampler says against what the kernel accounted (wait4, /proc)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from jupyterhub_monitoring.usage.model import Gap, GapReason, RunningServer, ServerKey, Usage
from jupyterhub_monitoring.usage.process import ProcessSampler

MIB = 1 << 20

ROUNDING = 0.04
"""User and system time, of its own and of its children: four numbers in whole hundredths."""

PRELUDE = """
import os, signal, subprocess, sys, time

def burn(seconds):
    while time.process_time() < seconds:
        sum(range(1000))

def say(word):
    sys.stdout.write(word + "\\n")
    sys.stdout.flush()

def wait():
    return sys.stdin.readline()

"""


class Server:
    """A server whose first process runs *script*; `say` and `wait` in it talk with us."""

    def __init__(self, script: str, name: str) -> None:
        environ = {**os.environ, "JUPYTERHUB_USER": name, "JUPYTERHUB_SERVER_NAME": ""}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
            start_new_session=True,
        )
        self.server = RunningServer(
            ServerKey(name, ""), {"pid": self.process.pid}, started=time.time()
        )
        self.sampler = ProcessSampler()

    def heard(self) -> str:
        """Return what it says next."""
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        """Let it go on after `wait()`."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def usage(self) -> Usage:
        look = self.sampler.sample([self.server])[self.server.key]
        assert isinstance(look, Usage), look
        return look

    def accounted_seconds(self) -> float:
        """End it, and return the CPU of it and of all that were waited for, by wait4."""
        self.process.kill()
        _, _, used = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        return used.ru_utime + used.ru_stime

    def close(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def start() -> Iterator[Callable[[str], Server]]:
    servers: list[Server] = []

    def made(script: str) -> Server:
        servers.append(Server(script, f"user-{os.getpid()}-{len(servers)}"))
        return servers[-1]

    yield made
    for server in servers:
        server.close()


def test_a_burner_used_what_wait4_says(start: Callable[[str], Server]) -> None:
    """CPU seconds are the kernel's, within 2 %."""
    server = start("burn(1.5); say('burnt'); wait()")
    assert server.heard() == "burnt"
    seen = server.usage().cpu_seconds
    assert seen == pytest.approx(server.accounted_seconds(), rel=0.02)


def test_twenty_children_that_ended_are_counted(start: Callable[[str], Server]) -> None:
    """Children that were waited for, seen by us or not: what they used is the server's."""
    server = start(
        """
children = []
for number in range(20):
    pid = os.fork()
    if pid == 0:
        burn(0.06)
        os._exit(0)
    children.append(pid)
for number, pid in enumerate(children):
    os.waitpid(pid, 0)
    say('waited')
say('all')
wait()
"""
    )
    sums, word = [], ""
    while word != "all":
        word = server.heard()
        sums.append(server.usage().cpu_seconds)
    assert sums == sorted(sums)
    assert server.usage().processes == 1
    assert sums[-1] == pytest.approx(server.accounted_seconds(), rel=0.02, abs=ROUNDING)


def test_a_killed_child_that_nobody_waits_for_is_counted(start: Callable[[str], Server]) -> None:
    """With SIGCHLD ignored the kernel forgets what a child used; we do not."""
    server = start(
        """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    burn(0.5)
    say(str(os.getpid()))
    while True:
        signal.pause()
wait()
"""
    )
    child = int(server.heard())
    before = server.usage().cpu_seconds
    assert before >= 0.48
    os.kill(child, signal.SIGKILL)
    ended(child)
    assert server.usage().cpu_seconds >= before
    assert server.accounted_seconds() < before - 0.4  # the kernel knows less


DAEMONS = {
    "a double fork": "os.setsid()",
    "a double fork in the server's session": "",
    "without the environment, in a group of its own": "os.setpgid(0, 0)",
}


@pytest.mark.parametrize("how", DAEMONS.values(), ids=DAEMONS)
def test_a_daemon_is_the_servers_until_it_ends(start: Callable[[str], Server], how: str) -> None:
    """A process that left the tree before we ever looked is found, and counted."""
    server = start(
        f"""
if os.fork() == 0:
    {how or "pass"}
    if os.fork() == 0:
        burn(0.2)
        say(str(os.getpid()))
        while True:
            signal.pause()
    os._exit(0)
os.wait()
wait()
"""
    )
    daemon = int(server.heard())
    try:
        assert psutil.Process(daemon).ppid() != server.process.pid
        seen = server.usage()
        assert seen.processes == 2
        assert seen.cpu_seconds >= 0.18
    finally:
        os.kill(daemon, signal.SIGKILL)
        ended(daemon)
    after = server.usage()
    assert after.processes == 1
    assert after.cpu_seconds >= seen.cpu_seconds


def test_memory_is_the_sum_over_proc(start: Callable[[str], Server]) -> None:
    """500 MiB that are taken and given back are seen, within 2 % of /proc's own sum."""
    server = start(
        """
taken = bytearray(os.urandom(1 << 20) * 500)
say('taken'); wait()
del taken
child = subprocess.Popen([sys.executable, '-c', 'import sys; print(); sys.stdin.read()'],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
say('freed'); wait()
"""
    )
    assert server.heard() == "taken"
    taken = server.usage()
    assert taken.memory_bytes == pytest.approx(resident_by_proc(server.process.pid), rel=0.02)
    assert taken.memory_bytes > 500 * MIB
    server.go()
    assert server.heard() == "freed"
    freed = server.usage()
    assert freed.processes == 2
    assert freed.memory_bytes == pytest.approx(resident_by_proc(server.process.pid), rel=0.02)
    assert freed.memory_bytes < 100 * MIB


def test_shared_pages_count_once_in_pss(start: Callable[[str], Server]) -> None:
    """Four processes share 100 MiB: RSS says 400 and more, PSS about 100."""
    server = start(
        """
shared = bytearray(os.urandom(1 << 20) * 100)
for _ in range(3):
    if os.fork() == 0:
        signal.pause()
say('shared'); wait()
os.killpg(0, signal.SIGKILL)
"""
    )
    assert server.heard() == "shared"
    rss = server.usage().memory_bytes
    server.sampler = ProcessSampler(pss_seconds=60)
    pss = server.usage().memory_bytes
    for child in psutil.Process(server.process.pid).children():
        child.kill()
    assert rss > 400 * MIB
    assert 100 * MIB < pss < 160 * MIB


def test_threads_are_no_processes_and_exec_changes_nothing(start: Callable[[str], Server]) -> None:
    """Eight threads that burn are one process; what it used before exec stays counted."""
    server = start(
        """
import threading
threads = [threading.Thread(target=burn, args=(0.4,)) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
say('burnt'); wait()
again = 'print(1, flush=True); input()'
os.execv(sys.executable, [sys.executable, '-c', again])
"""
    )
    assert server.heard() == "burnt"
    before = server.usage()
    server.go()
    assert server.heard() == "1"
    after = server.usage()
    assert before.processes == after.processes == 1
    assert after.cpu_seconds >= before.cpu_seconds >= 0.38  # two numbers, rounded down
    assert after.cpu_seconds == pytest.approx(server.accounted_seconds(), rel=0.02, abs=ROUNDING)


def test_another_name_does_not_hide_a_process(start: Callable[[str], Server]) -> None:
    """A process may call itself ") 5 (" and is read all the same."""
    server = start("open('/proc/self/comm', 'w').write(') 5 ('); burn(0.2); say('burnt'); wait()")
    assert server.heard() == "burnt"
    assert b"() 5 ()" in Path(f"/proc/{server.process.pid}/stat").read_bytes()
    assert server.usage().cpu_seconds >= 0.18


def test_a_server_that_was_killed_is_gone(start: Callable[[str], Server]) -> None:
    """Before the Hub waits for it and after: nothing is known, and nothing is zero."""
    server = start("say('up'); wait()")
    server.heard()
    server.usage()
    server.process.kill()
    ended(server.process.pid)
    for reap in (lambda: None, server.process.wait):
        reap()
        look = server.sampler.sample([server.server])[server.server.key]
        assert isinstance(look, Gap)
        assert look.reason is GapReason.GONE


def test_processes_may_come_and_go_while_we_look(start: Callable[[str], Server]) -> None:
    """A server that forks without pause: every look works, and the sum never falls."""
    server = start(
        """
import select
say('up')
while not select.select([sys.stdin], [], [], 0)[0]:
    subprocess.run(['true'])
say('done'); wait(); wait()
"""
    )
    server.heard()
    sums, until = [server.usage().cpu_seconds], time.monotonic() + 60
    while len(sums) < 30 or sums[-1] <= sums[0]:
        sums.append(server.usage().cpu_seconds)
        assert time.monotonic() < until, "it uses nothing"
    server.go()
    assert server.heard() == "done"
    sums.append(server.usage().cpu_seconds)
    assert sums == sorted(sums)
    assert sums[-1] > sums[0]
    assert sums[-1] == pytest.approx(server.accounted_seconds(), rel=0.02, abs=ROUNDING)


def resident_by_proc(pid: int) -> int:
    """The sum of VmRSS over a process and its children, as `/proc/PID/status` has it."""
    total = 0
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def ended(pid: int) -> None:
    """Wait until a process is a zombie, or gone."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.NoSuchProcess:
            return
        time.sleep(0.01)
    raise AssertionError("it does not end")
