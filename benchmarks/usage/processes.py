"""CPU of one look at N servers of four processes each: ours, psutil, process-exporter, the floor.

    python benchmarks/usage/processes.py [--servers 200 1000] [--rounds 7] [--alone]

The floor opens, reads and closes `/proc/PID/stat` of each process, and does nothing with it; it is
there twice, as the control. The other floor does so with `stat` and `statm`, the two files that
usage is usually read from, and of which ours needs only the first. Each round runs all of them
once, in an order of its own; the median round counts, user and system time together. Most users'
servers are idle, and so are these; "all lines changed" is ours when every process has worked since
the last look. process-exporter is asked
for its metrics once a round, by its own CPU clock, with one group for each program name: by its
defaults (threads and smaps), and with both switched off. psutil's trees are made for ten of the
servers only, and their time is scaled up: each lists all processes of the machine. --alone leaves
all peers out.
"""

from __future__ import annotations

import argparse
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from jupyterhub_monitoring.usage.model import RunningServer, ServerKey, Usage
from jupyterhub_monitoring.usage.process import ProcessSampler
from support.peers import find

TREE = "sleep 3600 & sleep 3600 & sleep 3600 & wait"
PROCESSES_A_SERVER = 4
INTERVAL_SECONDS = 15
TREES = 10
EXPORTER = "prometheus-process-exporter"
LEAN = ("-threads=false", "-gather-smaps=false")
FLOOR, CONTROL = "floor: open, read, close", "floor again (control)"
BOTH = "floor of stat and statm"

Look = Callable[[], float]
"""Looks once, and returns the seconds of CPU that it took."""


@contextmanager
def servers(count: int) -> Iterator[list[RunningServer]]:
    """Start *count* servers: each a shell, in a session of its own, and three children."""
    shells = [
        subprocess.Popen(["/bin/sh", "-c", TREE], start_new_session=True) for _ in range(count)
    ]
    try:
        _wait_for_children(shells)
        yield [
            RunningServer(ServerKey(f"user-{n}", ""), {"pid": shell.pid}, started=time.time())
            for n, shell in enumerate(shells)
        ]
    finally:
        for shell in shells:
            os.killpg(shell.pid, 9)
        for shell in shells:
            shell.wait()


def _wait_for_children(shells: list[subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + 60
    while any(len(psutil.Process(s.pid).children()) < PROCESSES_A_SERVER - 1 for s in shells[-3:]):
        if time.monotonic() > until:
            raise SystemExit("the servers do not start")
        time.sleep(0.2)
    time.sleep(1)


def by_own_clock(work: Callable[[], object], times: float = 1.0) -> Look:
    """Measure what happens in this process; *times* is how much more the whole would be."""

    def look() -> float:
        began = time.process_time()
        work()
        return (time.process_time() - began) * times

    return look


def floor(*files: str) -> None:
    for name in os.listdir("/proc"):  # noqa: PTH208 - the least there is
        if name.isdecimal():
            try:
                for file in files:
                    descriptor = os.open(f"/proc/{name}/{file}", os.O_RDONLY)
                    os.read(descriptor, 2048)
                    os.close(descriptor)
            except FileNotFoundError:
                continue


def ours(running: list[RunningServer], *, changed: bool) -> Callable[[], None]:
    sampler = ProcessSampler()

    def look() -> None:
        if changed:
            sampler._reader.forget()
            for tree in sampler._trees.values():
                tree.usage = None
        looks = sampler.sample(running).values()
        seen = [look.processes for look in looks if isinstance(look, Usage)]
        assert seen == [PROCESSES_A_SERVER] * len(running)

    return look


def process_iter() -> None:
    for process in psutil.process_iter(["ppid", "cpu_times", "memory_info"]):
        assert process.info


def trees(running: list[RunningServer]) -> None:
    for server in running:
        root = psutil.Process(server.state["pid"])
        for process in (root, *root.children(recursive=True)):
            with process.oneshot():
                process.cpu_times()
                process.memory_info()


@contextmanager
def exporter(folder: Path, *options: str) -> Iterator[Look]:
    """Run process-exporter; a look is one scrape of it, and its CPU meanwhile."""
    config = folder / "all.yaml"
    config.write_text('process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            find(EXPORTER),
            f"-web.listen-address=127.0.0.1:{port}",
            f"-config.path={config}",
            *options,
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def used() -> float:
        cpu = psutil.Process(process.pid).cpu_times()
        return cpu.user + cpu.system

    def look() -> float:
        before = used()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=300) as answer:
            body = answer.read()
        assert b'groupname="sleep"' in body
        return used() - before

    try:
        _wait_for(port)
        yield look
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"{EXPORTER} does not answer")


def peers(running: list[RunningServer], folder: Path, stack: ExitStack) -> dict[str, Look]:
    """Return what we are measured against; *stack* ends it."""
    return {
        "psutil.process_iter": by_own_clock(process_iter),
        "psutil, a tree for each server": by_own_clock(
            lambda: trees(running[:TREES]), len(running) / TREES
        ),
        f"{EXPORTER}, threads and smaps off": stack.enter_context(exporter(folder, *LEAN)),
        EXPORTER: stack.enter_context(exporter(folder)),
    }


def measure(count: int, rounds: int, *, alone: bool) -> dict[str, float]:
    """Return the median seconds of each, over *rounds* rounds after one that is not counted."""
    took: dict[str, list[float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = stack.enter_context(servers(count))
        looks: dict[str, Look] = {
            FLOOR: by_own_clock(lambda: floor("stat")),
            "ours": by_own_clock(ours(running, changed=False)),
            "ours, all lines changed": by_own_clock(ours(running, changed=True)),
            CONTROL: by_own_clock(lambda: floor("stat")),
            BOTH: by_own_clock(lambda: floor("stat", "statm")),
        }
        if not alone:
            looks |= peers(running, folder, stack)
        names, order = list(looks), random.Random(1)
        for round_ in range(rounds + 1):
            order.shuffle(names)  # what comes after a peer finds the caches cold
            for name in names:
                seconds = looks[name]()
                if round_:
                    took.setdefault(name, []).append(seconds)
    return {name: statistics.median(took[name]) for name in looks}


def report(count: int, medians: dict[str, float]) -> None:
    mine, base = medians["ours"], medians[FLOOR]
    processes = count * PROCESSES_A_SERVER
    print(f"\n{count:,} servers, {processes:,} processes\n")
    print("| one look | CPU | a process | to the floor | to ours | of a core, every 15 s |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, seconds in medians.items():
        micros = seconds / processes * 1e6
        print(
            f"| {name} | {seconds * 1e3:,.1f} ms | {micros:,.1f} µs | {seconds / base:.2f} |"
            f" {seconds / mine:.1f} | {seconds / INTERVAL_SECONDS:.2%} |"
        )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--servers", type=int, nargs="+", default=[200, 1000])
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--alone", action="store_true")
    asked = arguments.parse_args()
    for count in asked.servers:
        report(count, measure(count, asked.rounds, alone=asked.alone))


if __name__ == "__main__":
    main()
