"""The page of all metrics against `prometheus_client.generate_latest`, and the loop meanwhile.

CPU: in one process, in interleaved rounds, ours, the peer, and the peer once more as the control.
Stall: a real Hub with as many series, scraped over HTTP, while a task ticks every millisecond;
between two ticks, the time that passed and the CPU time of the loop's thread (which other programs
on the machine do not lengthen). The control is a small authenticated request to the same Hub.

    python benchmarks/metrics/bench_exposition.py [--quick] [--no-hub]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tests")]

from series import Series  # noqa: E402 -- beside this file

from jupyterhub_monitoring.metrics.exposition import Exposition, choose_format  # noqa: E402
from support.real_hub import RealHub  # noqa: E402

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
SIZES = (1_000, 10_000, 100_000)

GZIP = {"Accept-Encoding": "gzip"}
REQUESTS = (
    ("ours", "plain", "hub/metrics", {}),
    ("ours", "gzip", "hub/metrics", GZIP),
    ("ours", "gzip, OpenMetrics", "hub/metrics", {**GZIP, "Accept": OPENMETRICS}),
    ("ours", "control: hub/api/info", "hub/api/info", {}),
    ("stock", "plain", "hub/metrics", {}),
    ("stock", "control: hub/api/info", "hub/api/info", {}),
)

# A Hub that holds the series and can say how long its loop stood still.
HUB_CONFIG = """
import asyncio, sys, time
sys.path.insert(0, {here!r})
from prometheus_client import REGISTRY
from tornado.web import RequestHandler
from series import Series
series = Series({lines}, REGISTRY)
state = {{"wall": 0.0, "cpu": 0.0, "ticker": None}}

async def tick():
    while True:
        wall, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(0.001)
        state["wall"] = max(state["wall"], time.perf_counter() - wall - 0.001)
        state["cpu"] = max(state["cpu"], time.thread_time() - cpu)

class Stall(RequestHandler):
    async def get(self):
        if state["ticker"] is None:
            state["ticker"] = asyncio.ensure_future(tick())
        self.write({{"wall": state["wall"] * 1000, "cpu": state["cpu"] * 1000}})
        series.change(0.01)
        await asyncio.sleep(0.05)
        state["wall"] = state["cpu"] = 0.0

c.JupyterHub.extra_handlers = [(r"/bench/stall", Stall)]
"""


def cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def compare_cpu(lines: int, share: float, accept: str, rounds: int) -> str:
    registry = CollectorRegistry()
    series = Series(lines, registry)
    format_ = choose_format(accept)
    exposition = Exposition(registry)
    cold = cpu_seconds(lambda: exposition.render_at_once(format_))
    runs: dict[str, Callable[[], object]] = {
        "ours": lambda: exposition.render_at_once(format_),
        "peer": lambda: format_.encode(registry),
        "control": lambda: format_.encode(registry),
    }
    took: dict[str, list[float]] = {name: [] for name in runs}
    order = list(runs)
    for _ in range(rounds):
        series.change(share)
        for name in order:
            took[name].append(cpu_seconds(runs[name]) * 1000)
        order.append(order.pop(0))
    ours, peer, control = (statistics.median(took[name]) for name in runs)
    page = exposition.render_at_once(format_)
    shown = sum(not line.startswith(b"#") for line in page.splitlines())
    kind = "OpenMetrics" if format_.openmetrics else "text"
    return (
        f"| {shown:,} | {share:.0%} | {kind} | {ours:.2f} ms | {peer:.1f} ms | {control:.1f} ms |"
        f" {peer / ours:.0f}x | {control / peer:.2f} | {cold * 1000:.0f} ms |"
    )


def stalls(lines: int, rounds: int) -> list[str]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        config = HUB_CONFIG.format(here=str(HERE), lines=lines)
        hubs = {
            "ours": RealHub(Path(folder) / "ours", config=config),
            "stock": RealHub(Path(folder) / "stock", config=config, setup_line=False),
        }
        try:
            for hub in hubs.values():
                hub.start()
            for name, what, path, headers in REQUESTS:
                wall, cpu, took = stall_of(hubs[name], path, headers, rounds)
                rows.append(
                    f"| {lines:,} | {name} | {what} | {statistics.median(cpu):.1f} ms |"
                    f" {max(cpu):.1f} ms | {statistics.median(wall):.1f} ms | {max(wall):.1f} ms |"
                    f" {statistics.median(took):.0f} ms |"
                )
        finally:
            for hub in hubs.values():
                hub.kill()
    return rows


def stall_of(
    hub: RealHub, path: str, headers: dict[str, str], rounds: int
) -> tuple[list[float], list[float], list[float]]:
    wall, cpu, took = [], [], []
    for i in range(rounds + 2):
        hub.get("hub/bench/stall", token=None, direct=True)
        start = time.perf_counter()
        answer = hub.get(path, headers=headers, direct=True)
        seconds = time.perf_counter() - start
        assert answer.status == 200, answer.text
        stall = hub.get("hub/bench/stall", token=None, direct=True).json
        if i >= 2:  # the first writes every line, the second settles
            wall.append(stall["wall"])
            cpu.append(stall["cpu"])
            took.append(seconds * 1000)
    return wall, cpu, took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds and no 100k")
    parser.add_argument("--no-hub", action="store_true", help="only the CPU half")
    options = parser.parse_args()
    rounds = 5 if options.quick else 15
    sizes = SIZES[:2] if options.quick else SIZES
    print("| series | changed | format | ours | generate_latest | again (control) |", end="")
    print(" peer / ours | control / peer | ours, first time |\n|" + " --- |" * 9)
    for lines in sizes:
        for share in (0.01, 0.1):
            print(compare_cpu(lines, share, "", rounds), flush=True)
        print(compare_cpu(lines, 0.01, OPENMETRICS, rounds), flush=True)
    if not options.no_hub:
        print("\n| series | Hub | request | longest stall, CPU, median | worst |", end="")
        print(" time, median | worst | request takes |\n|" + " --- |" * 8)
        for lines in sizes:
            print(*stalls(lines, rounds), sep="\n", flush=True)


if __name__ == "__main__":
    main()
