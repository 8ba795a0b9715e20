"""All rules of the built-in pack, evaluated live: our service beside Prometheus.

    python benchmarks/rules/pack.py [2000 20000]

Five processes scrape one target every 15 s: ours and Prometheus with the pack's rules, Prometheus
with them once more (the control), ours and Prometheus without. First nothing is wrong, then all
servers are near their memory limit. Time is the sum of what the groups' last evaluations took, as
each engine itself says; CPU is what the process with rules uses more than the one without.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "query"))

from history import LONG_SECONDS, History
from hub_series import pages
from peers import Engine, remote_write
from processes import NEAR_LIMIT, ours, prometheus, target

ROUND_SECONDS = 15.0
WARM_ROUNDS = 5
PENDING_ROUNDS = 24
"""Six minutes: alerts of servers' memory fire after five."""

OURS, PEER, CONTROL = "ours", "prometheus", "control"
MINUTE = 60

HEAD = (
    "| series, alerts of ours / P | time, ms: ours | Prometheus | again (control) | ours / P"
    " | control / P | CPU of a round, ms: ours | Prometheus | ours / P | load |"
)


def main() -> None:
    """Run the comparison for each number of series."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="*", type=int, default=[2_000, 20_000])
    parser.add_argument("--rounds", type=int, default=16)
    args = parser.parse_args()
    print(HEAD)
    print("| --- |" + " --- |" * (HEAD.count("|") - 2))
    for series in args.series:
        with tempfile.TemporaryDirectory() as folder:
            compare(series, Path(folder), args.rounds)


def compare(series: int, folder: Path, rounds: int) -> None:
    """Print the rows of *series* series: nothing is wrong, and all servers near their limit."""
    end = time.time() + MINUTE * (1 + series / 10_000)  # so long it takes to keep the history
    history = History(pages(series, end - LONG_SECONDS), end)
    _keep(history, folder)
    time.sleep(max(0.0, end - time.time()))
    with ExitStack() as stack:
        url = stack.enter_context(target(series, history.start))
        run = {
            OURS: stack.enter_context(ours(folder / OURS, url, rules=True)),
            PEER: stack.enter_context(prometheus(folder / PEER, url, rules=True)),
            CONTROL: stack.enter_context(prometheus(folder / CONTROL, url, rules=True)),
        }
        idle = {
            OURS: stack.enter_context(ours(folder / "ours-idle", url, rules=False)),
            PEER: stack.enter_context(prometheus(folder / "prometheus-idle", url)),
        }
        time.sleep(WARM_ROUNDS * ROUND_SECONDS)
        print(_row(series, run, Measured.of(run, idle, rounds)), flush=True)
        urllib.request.urlopen(url + NEAR_LIMIT, timeout=60).read()
        Measured.of(run, idle, PENDING_ROUNDS)  # and forgotten
        print(_row(series, run, Measured.of(run, idle, rounds)), flush=True)


def _keep(history: History, folder: Path) -> None:
    """Give each process a folder with *history* in it."""
    for name in (OURS, PEER):
        (folder / name).mkdir(parents=True)
    history.keep_in_ours(folder / OURS / "data")
    with prometheus(folder / PEER) as engine:
        for data in history.parts():
            remote_write(engine, data)
    for name, other in ((OURS, "ours-idle"), (PEER, "prometheus-idle"), (PEER, CONTROL)):
        shutil.copytree(folder / name, folder / other)


@dataclass
class Measured:
    """What some rounds took: seconds of all groups by engine, CPU of rules in a round."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    load: float = 0.0

    @classmethod
    def of(cls, run: dict[str, Engine], idle: dict[str, Engine], rounds: int) -> Measured:
        """Look once a round at what the groups' last evaluations took."""
        made = cls({name: [] for name in run})
        before = {name: _more(run[name], idle[name]) for name in idle}
        for _ in range(rounds):
            time.sleep(ROUND_SECONDS)
            for name, engine in run.items():
                made.seconds[name].append(_seconds_of_groups(engine))
        made.cpu = {n: (_more(run[n], idle[n]) - before[n]) / rounds for n in idle}
        made.load = os.getloadavg()[1]
        return made


def _more(with_rules: Engine, without: Engine) -> float:
    return with_rules.cpu_seconds() - without.cpu_seconds()


def _seconds_of_groups(engine: Engine) -> float:
    """Return how long the last evaluation of every group took; SystemExit where a rule failed."""
    # Prometheus 2.42 names every group also where only rules that record are asked for.
    few = {"exclude_alerts": "true"} if engine.name == OURS else {"type": "record"}
    groups = engine.get("/api/v1/rules", **few)["groups"]
    failed = [r["name"] for g in groups for r in g["rules"] if r["health"] == "err"]
    if failed:
        raise SystemExit(f"{engine.name}: rules failed: {failed}")
    return float(sum(group["evaluationTime"] for group in groups))


def _row(series: int, run: dict[str, Engine], measured: Measured) -> str:
    alerts = " / ".join(str(_alerts(run[name])) for name in (OURS, PEER))
    mine, peer, control = (_median_ms(measured.seconds[name]) for name in (OURS, PEER, CONTROL))
    cpu, peer_cpu = (measured.cpu[name] * 1000 for name in (OURS, PEER))
    return (
        f"| {series:,}, {alerts} | {mine:.1f} | {peer:.1f} | {control:.1f}"
        f" | **{mine / peer:.2f}** | {control / peer:.2f} | {cpu:.0f} | {peer_cpu:.0f}"
        f" | **{cpu / peer_cpu:.2f}** | {measured.load:.1f} |"
    )


def _median_ms(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) * 1000


def _alerts(engine: Engine) -> int:
    query = "count(ALERTS{alertstate='firing'})"
    (found,) = engine.get("/api/v1/query", query=query, time=time.time())["result"]
    return int(found["value"][1])


if __name__ == "__main__":
    main()
