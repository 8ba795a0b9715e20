"""How time and memory grow with the number of series: a table, and a plot beside this file.

    python benchmarks/query/growth.py [--hours 1] [--svg benchmarks/query/growth.svg]

Each size runs in a process of its own, so that one's memory is not another's.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from dataset import Dataset, make
from queries import RANGE_QUERIES, RULES

from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
COLUMNS = {
    "append": "a scrape kept, CPU ms",
    "open": "opening the store, ms",
    "memory": "memory above an empty process, MiB",
    "sum": "sum by (rate 5m), ms",
    "quantile": "histogram_quantile, ms",
    "rules": "nine rules, ms",
}


def main() -> None:
    """Measure all sizes, or one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1)
    parser.add_argument("--svg", type=Path)
    parser.add_argument("--size", type=int, help="measure this one and print JSON")
    args = parser.parse_args()
    if args.size:
        print(json.dumps(measure(args.size, args.hours)))
        return
    rows = []
    print("| series | " + " | ".join(COLUMNS.values()) + " |")
    print("| --- |" + " --- |" * len(COLUMNS))
    for size in SIZES:
        command = [sys.executable, __file__, "--size", str(size), "--hours", str(args.hours)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows.append(json.loads(done.stdout))
        print(f"| {size:,} | " + " | ".join(f"{rows[-1][name]:.1f}" for name in COLUMNS) + " |")
    if args.svg:
        args.svg.write_text(plot(rows), encoding="utf-8")


def measure(size: int, hours: float) -> dict[str, float]:
    """Return the figures of one size, by the names of `COLUMNS`."""
    data = make(size, hours, int(time.time() * 1000), churn=False)
    with tempfile.TemporaryDirectory() as name:
        append = _fill(Path(name), data)
        labels, steps = len(data.labels), (data.start, data.end)
        del data
        empty = _resident()
        began = time.perf_counter()
        store = Store.open(Path(name))
        opened = time.perf_counter() - began
        engine = Engine(store)
        found = {
            "series": float(labels),
            "append": append * 1000,
            "open": opened * 1000,
            "sum": _median(lambda: engine.range(RANGE_QUERIES["sum by (rate 5m)"], *steps, 60_000)),
            "quantile": _median(
                lambda: engine.range(
                    RANGE_QUERIES["histogram_quantile of sum by (le, handler) (rate)"],
                    *steps,
                    60_000,
                )
            ),
            "rules": _median(lambda: [engine.instant(q, steps[1]) for q in RULES.values()]),
        }
        found["memory"] = (_resident() - empty) / (1 << 20)
        engine.close()
        store.close()
    return found


def _fill(folder: Path, data: Dataset) -> float:
    """Append all scrapes in a child, so that their memory is not ours; return CPU s per scrape."""
    with get_context("fork").Pool(1) as pool:
        return pool.apply(_append, (folder, data))


def _append(folder: Path, data: Dataset) -> float:
    now = [int(data.timestamps[0])]
    store = Store.open(folder, StoreSettings(settle_seconds=0), now_ms=lambda: now[0])
    ids = store.series_ids([tuple(sorted((n, v) for n, v in s.items() if v)) for s in data.labels])
    times = []
    for number, (timestamp, there, values) in enumerate(data.scrapes()):
        now[0] = timestamp
        began = time.process_time()
        store.append([Row(timestamp, ids[there], np.ascontiguousarray(values))])
        times.append(time.process_time() - began)
        if number % 20 == 0:
            store.maintain()
    store.close()
    return statistics.median(times)


def _median(work: Callable[[], object], rounds: int = 5) -> float:
    work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return float(pages * resource.getpagesize())


# --- The plot ---------------------------------------------------------------------------------

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 360, 56, 40
FONT = 'font-family="sans-serif" font-size="12" fill="#57606a"'
COLOURS = ("#0969da", "#1a7f37", "#8250df", "#bc4c00", "#cf222e", "#57606a")


def plot(rows: list[dict[str, float]]) -> str:
    """Return an SVG with both axes logarithmic: a straight line with slope 1 is linear growth."""
    values = [row[name] for row in rows for name in COLUMNS]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    first, last = math.log10(rows[0]["series"]), math.log10(rows[-1]["series"])

    def x(series: float) -> float:
        return LEFT + (math.log10(series) - first) / (last - first) * (WIDTH - LEFT - 210)

    def y(value: float) -> float:
        return (HEIGHT - BOTTOM) - (math.log10(value) - low) / (high - low) * (HEIGHT - BOTTOM - 16)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {FONT}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts += [
            f'<path d="M{LEFT} {at:.1f}H{x(rows[-1]["series"]):.1f}" stroke="#d0d7de"/>',
            f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>',
        ]
    for row in rows:
        parts.append(
            f'<text x="{x(row["series"]):.1f}" y="{HEIGHT - 18}" text-anchor="middle">'
            f"{row['series'] / 1000:g}k</text>"
        )
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 2}">series</text>')
    for name, colour in zip(COLUMNS, COLOURS, strict=True):
        points = " ".join(f"{x(r['series']):.1f},{y(r[name]):.1f}" for r in rows)
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
    ends = sorted(
        (y(rows[-1][name]), title, colour)
        for (name, title), colour in zip(COLUMNS.items(), COLOURS, strict=True)
    )
    at = 0.0
    for wanted, title, colour in ends:
        at = max(wanted + 4, at + 15)
        parts.append(
            f'<text x="{x(rows[-1]["series"]) + 8:.1f}" y="{at:.1f}" fill="{colour}">{title}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    main()
