"""What counting costs per request, in one Hub whose log function is ours or the Hub's by turns.

    python benchmarks/hub/bench_request_counting.py [--rounds N] [--requests N]

`bench_requests.py` compares Hubs in processes of their own, and two processes of the same program
differ by more than what is to be seen. Here the process is one and the same: before each round a
handler switches tornado's `log_function`, which is all of `setup(c)` that ordinary requests pass.
`stock again` is the control. CPU seconds of the Hub's process per request, ratios within a round.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench_requests import GOAL, QUIET, Runner, report, start

from support.real_hub import RealHub

SWITCH = """
from jupyterhub.handlers.base import BaseHandler

class Switch(BaseHandler):
    def get(self, which):
        ours = self.settings["monitoring"].requests
        self.settings["log_function"] = ours if which == "ours" else ours._log_function

c.JupyterHub.extra_handlers = [(r"/bench/(.*)", Switch)]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--requests", type=int, default=300, help="per contender and round")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hub = RealHub(Path(folder) / "hub", config=QUIET + SWITCH)
        runners = [Runner(name, hub) for name in ("ours", "stock", "stock again")]
        try:
            start(hub)
            runners[0].round(args.requests, keep=False)  # warm up
            for number in range(args.rounds):
                first = number % len(runners)
                for runner in runners[first:] + runners[:first]:
                    hub.get(f"hub/bench/{runner.name.split()[0]}", direct=True)
                    runner.round(args.requests)
            ratio = report(runners, runners[1])
        finally:
            hub.kill()
    print(f"goal: CPU <= {GOAL:g} x stock:", "met" if ratio <= GOAL else "MISSED")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
