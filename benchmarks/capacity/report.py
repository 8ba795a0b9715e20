"""How long a report of a year takes, and how much memory.

    python benchmarks/capacity/report.py [--people 500] [--days 365] [--by user]

Sessions and starts of a year, as people come (less at weekends), in `activity.sqlite`; a report of
each kind in a process of its own. With `--series DAYS` a store has that many days of each server's
CPU and memory, a sample a minute, and the report is of those days.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from jupyterhub_monitoring.activity import Activity, HubRun, Session, Spawn
from jupyterhub_monitoring.activity.database import ActivityDatabase, ActivityReader
from jupyterhub_monitoring.capacity import By, Format, Question, Source, make_report, written
from jupyterhub_monitoring.capacity.span import Span
from jupyterhub_monitoring.promql.budget import Limits
from jupyterhub_monitoring.promql.engine import Engine
from jupyterhub_monitoring.querier import EmbeddedQuerier
from jupyterhub_monitoring.querier.runner import QueryRunner
from jupyterhub_monitoring.store.store import Store
from support.activities import add
from support.hub_history import HubHistory
from support.stores import Clock, open_store

DAY = 86_400.0
NOW = datetime(2026, 11, 25, 12, tzinfo=timezone.utc).timestamp()


def main() -> None:
    """Make the data, then report in children; print a line for each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--series", type=int, default=0, metavar="DAYS")
    parser.add_argument("--child", nargs=3, metavar=("FOLDER", "BY", "DAYS"))
    args = parser.parse_args()
    if args.child:
        folder, by, days = args.child
        report(Path(folder), By(by), float(days))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, args.people, args.days)
        if args.series:
            make_series(folder, args.people // 10, args.series)
        days = args.series or args.days
        print(f"load average {os.getloadavg()[0]:.1f}, the last {days} days")
        for by in By:
            child = ("--child", name, by.value, str(days))
            subprocess.run([sys.executable, __file__, *child], check=True)


def make(folder: Path, people: int, days: int) -> None:
    """Write a start and a session for every other person on weekdays, fewer at weekends."""
    dice = random.Random(5)
    rows: list[Session | Spawn | HubRun] = []
    for day in range(days):
        midnight = (NOW // DAY - day - 1) * DAY
        likely = 0.4 if time.gmtime(midnight).tm_wday >= 5 else 1.35
        for n in range(people):
            for _ in range(int(likely + dice.random())):
                start = midnight + min(max(dice.gauss(13, 3), 0), 23.9) * 3600
                end = min(start + math.exp(dice.gauss(8.6, 1.0)), NOW)
                profile = ("small", "large", "gpu")[n % 3]
                rows.append(Session(f"u{n}", "", start, end, "user", profile))
                outcome = "failure" if dice.random() < 0.01 else "success"
                waited = dice.uniform(2, 9)
                rows.append(Spawn(start, f"u{n}", "", outcome, "", "", waited, {}, "", profile))
    for week in range(days // 7):
        began = NOW - (week + 1) * 7 * DAY
        rows.append(HubRun(began, began + 7 * DAY - 60, "5.2", "0.1", ""))
    add(ActivityDatabase(folder), *rows)
    print(f"{len(rows):,} rows, {(folder / 'activity.sqlite').stat().st_size >> 20} MiB")


def make_series(folder: Path, servers: int, days: int) -> None:
    """Write the series of *servers* that run all the time."""
    store = open_store(folder, Clock(round(NOW * 1000)))
    HubHistory(servers=servers, hours=24 * days, step=60).write(store, NOW)
    store.close()
    print(f"series of {servers} servers over {days} days at 60 s")


def report(folder: Path, by: By, days: float) -> None:
    """Make one report and say what it took."""
    span = Span(NOW - days * DAY, NOW, "a time", timezone.utc)
    source = Source(Activity(ActivityReader(folder)).history)
    if (folder / "series.sqlite").exists():
        store = Store.open(folder, read_only=True)  # the service has it open already
        limits = Limits()
        parts = SimpleNamespace(engine=Engine(store, limits), store=store, unavailable=None)
        querier = EmbeddedQuerier(QueryRunner(limits), parts)
        source = replace(source, querier=querier, seconds=600)
    before = peak_mib()
    began, cpu = time.monotonic(), time.process_time()
    made = asyncio.run(make_report(Question(span, by, every=True), source, NOW))
    size = sum(len(written(made, how)) for how in Format)
    wall, used = time.monotonic() - began, time.process_time() - cpu
    print(
        f"by {by.value or 'nothing':8} {wall:5.1f} s ({used:.1f} s CPU), {peak_mib()} MiB at most"
        f" ({before} before), {len(made.rows)} rows, {made.total.sessions:,} sessions,"
        f" {size >> 10} KiB written"
    )
    os._exit(0)  # the threads of queries are not waited for


def peak_mib() -> int:
    """Return the most memory of this process; `getrusage` counts that of its parent, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


if __name__ == "__main__":
    main()
