"""What `setup(c)` costs a Hub per request: monitored against stock, and stock against stock.

    python benchmarks/hub/bench_requests.py [--quick] [--rounds N] [--requests N]

Three real Hubs run side by side on databases of their own: `monitored`, `stock`, and a second
stock one as the control. Rounds are interleaved and their order rotates; in a round each Hub gets
the same mix of requests on its own port (not through the proxy), one after the other over one
connection that stays open. Two figures per round: CPU seconds of the Hub's process per request,
which other programs on the machine hardly change, and requests per second. The ratios are of the
two Hubs in the same round; the goal is on the median ratio of CPU, with its quartiles beside it.
"""

from __future__ import annotations

import argparse
import http.client
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from support.real_hub import RealHub

GOAL = 1.02
# (path, with the token), as often as they come in one mix
MIX = (("/hub/api/users/alice", True), ("/hub/login", False), ("/hub/api/", False))
# Both kinds log the same, and nothing else runs beside the requests more often than by default.
QUIET = "c.JupyterHub.log_level = 'WARN'\n"


@dataclass
class Runner:
    """One Hub, and what its rounds gave."""

    name: str
    hub: RealHub
    cpu: list[float] = field(default_factory=list)  # seconds per request
    rate: list[float] = field(default_factory=list)  # requests per second

    def round(self, requests: int, *, keep: bool = True) -> None:
        """Send *requests* requests and note what they cost."""
        assert self.hub.process is not None
        process = psutil.Process(self.hub.process.pid)
        connection = http.client.HTTPConnection("127.0.0.1", self.hub.hub_port, timeout=60)
        cpu_before, began = _cpu(process), time.perf_counter()
        for number in range(requests):
            path, with_token = MIX[number % len(MIX)]
            headers = {"Authorization": f"token {self.hub.token}"} if with_token else {}
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200, (self.name, path, answer.status)
        seconds, cpu = time.perf_counter() - began, _cpu(process) - cpu_before
        connection.close()
        if keep:
            self.cpu.append(cpu / requests)
            self.rate.append(requests / seconds)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def start(hub: RealHub) -> None:
    """Start a Hub with one user."""
    hub.start(wait=False)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:  # at this log level it does not say that it runs
        try:
            if hub.get("hub/health", direct=True).status == 200:
                break
        except OSError:
            time.sleep(0.2)
    assert hub.post("hub/api/users/alice", direct=True).status == 201, hub.log


def report(runners: list[Runner], stock: Runner) -> float:
    """Print the table; return the monitored Hub's median CPU ratio."""
    print(f"{'':12s} {'CPU ms/request':>15s} {'requests/s':>11s}   ratio of CPU to stock", end="")
    print("        ratio of requests/s to stock")
    for runner in runners:
        print(
            f"{runner.name:12s} {1000 * statistics.median(runner.cpu):15.3f}"
            f" {statistics.median(runner.rate):11.0f}   {_spread(runner.cpu, stock.cpu):28s}"
            f" {_spread(runner.rate, stock.rate)}"
        )
    return _median_ratio(runners[0].cpu, stock.cpu)


def _median_ratio(mine: list[float], stock: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(mine, stock, strict=True))


def _spread(mine: list[float], stock: list[float]) -> str:
    ratios = [a / b for a, b in zip(mine, stock, strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return f"{middle:.3f} [{low:.3f}, {high:.3f}]"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few rounds")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--requests", type=int, default=600, help="per Hub and round")
    args = parser.parse_args()
    rounds, requests = (8, 150) if args.quick else (args.rounds, args.requests)
    runners: list[Runner] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for name in ("monitored", "stock", "control"):
                hub = RealHub(Path(folder) / name, config=QUIET, setup_line=name == "monitored")
                runners += [Runner(name, hub)]
                start(hub)
            for runner in runners:
                runner.round(requests, keep=False)  # warm up
            for number in range(rounds):
                first = number % len(runners)
                for runner in runners[first:] + runners[:first]:
                    runner.round(requests)
            ratio = report(runners, runners[1])
        finally:
            for runner in runners:
                runner.hub.kill()
    print(f"{rounds} rounds of {requests} requests each; median [quartiles]")
    print(f"goal: CPU <= {GOAL:g} x stock:", "met" if ratio <= GOAL else "MISSED")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
