"""The page of all metrics against `prometheus_client.generate_latest`, and the loop meanwhile.

CPU: in one process, in interleaved rounds, ours, the peer, and the peer once more as the control.
Stall: a real Hub with as many series, scraped over HTTP, while a task ticks every millisecond.

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

OPENMETRICS = "application/openmetrics-text;version=1.0.0"
SIZES = (1_000, 10_000, 100_000)

# A Hub that holds the series and can say how long its loop stood still.
HUB_CONFIG = """
import asyncio, sys, time
sys.path.insert(0, {here!r})
from prometheus_client import REGISTRY
from tornado.web import RequestHandler
from series import Series
series = Series({lines}, REGISTRY)
state = {{"worst": 0.0, "ticker": None}}

async def tick():
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        state["worst"] = max(state["worst"], time.perf_counter() - before - 0.001)

class Stall(RequestHandler):
    async def get(self):
        if state["ticker"] is None:
            state["ticker"] = asyncio.ensure_future(tick())
        self.write(str(state["worst"] * 1000))
        series.change(0.01)
        await asyncio.sleep(0.05)
        state["worst"] = 0.0

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
    from support.real_hub import RealHub  # noqa: PLC0415 -- only this half needs a Hub

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
            for name, encoding, accept in (
                ("ours", "", ""),
                ("ours", "gzip", ""),
                ("ours", "gzip", OPENMETRICS),
                ("ours", None, ""),
                ("stock", "", ""),
                ("stock", None, ""),
            ):
                worst, took = stall_of(hubs[name], encoding, accept, rounds)
                what = "no scrape (control)" if encoding is None else encoding or "identity"
                rows.append(
                    f"| {lines:,} | {name} | {what}{', OpenMetrics' if accept else ''} |"
                    f" {statistics.median(worst):.1f} ms | {max(worst):.1f} ms |"
                    f" {statistics.median(took):.0f} ms |"
                )
        finally:
            for hub in hubs.values():
                hub.kill()
    return rows


def stall_of(
    hub: object, encoding: str | None, accept: str, rounds: int
) -> tuple[list[float], list[float]]:
    worst, took = [], []
    headers = {"Accept-Encoding": encoding or "identity", "Accept": accept or "*/*"}
    for i in range(rounds + 2):
        hub.get("hub/bench/stall", token=None, direct=True)
        start = time.perf_counter()
        if encoding is None:
            time.sleep(0.2)
        else:
            answer = hub.get("hub/metrics", headers=headers, direct=True)
            assert answer.status == 200, answer.text
        seconds = time.perf_counter() - start
        stall = float(hub.get("hub/bench/stall", token=None, direct=True).text)
        if i >= 2:  # the first writes every line and is the cold case; the second settles
            worst.append(stall)
            took.append(seconds * 1000)
    return worst, took


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
        print("\n| series | Hub | answer | longest stall, median | worst | request takes |")
        print("|" + " --- |" * 6)
        for lines in sizes:
            print(*stalls(lines, rounds), sep="\n", flush=True)


if __name__ == "__main__":
    main()
