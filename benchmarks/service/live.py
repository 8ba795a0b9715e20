"""Scraping 20,000 live series: CPU of a round and resident memory, ours beside Prometheus.

    python benchmarks/service/live.py [--series 20000] [--rounds 480]

Both scrape the same target once a second, so that as many samples a series are in memory at the
end as two hours at 15 s bring. Each of three processes (target, ours, Prometheus) is its own.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "query"))

from dataset import make
from peers import Engine, free_port, program, running
from tornado.web import Application

from jupyterhub_monitoring.api import handlers
from jupyterhub_monitoring.scrape import Target
from jupyterhub_monitoring.service import settings
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.context import make_registry

INTERVAL_SECONDS = 1.0
BODIES = 60
QUERY = "sum by (profile) (rate(jupyterhub_server_cpu_seconds_total[1m]))"


def main() -> None:
    """Run the comparison, or one of its processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=480)
    parser.add_argument("--as", dest="role", choices=["target", "host"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--url")
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    if args.role == "target":
        serve_target(args.port, args.series)
    elif args.role == "host":
        asyncio.run(serve_ours(args.port, args.url, args.folder))
    else:
        compare(args.series, args.rounds)


def compare(series: int, rounds: int) -> None:
    """Print what both use in *rounds* scrapes, and how long a query takes."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        url = stack.enter_context(_target(series))
        engines = [
            stack.enter_context(_ours(folder / "ours", url)),
            stack.enter_context(_prometheus(folder / "prometheus", url)),
        ]
        time.sleep(10)
        before = [engine.cpu_seconds() for engine in engines]
        began = time.monotonic()
        time.sleep(rounds * INTERVAL_SECONDS)
        done = (time.monotonic() - began) / INTERVAL_SECONDS
        print("| | CPU a round, ms | resident MiB | query, ms | p95 |")
        print("| --- | --- | --- | --- | --- |")
        for engine, start in zip(engines, before, strict=True):
            cpu = (engine.cpu_seconds() - start) / done * 1000
            resident = engine.resident_bytes() >> 20
            times = sorted(
                engine.timed("/api/v1/query", query=QUERY, time=time.time()) for _ in range(100)
            )
            found = engine.get("/api/v1/query", query="count({__name__=~'.+'})")["result"]
            print(
                f"| {engine.name}, {found[0]['value'][1]} series | {cpu:.0f} | {resident} |"
                f" {statistics.median(times) * 1000:.1f} | {times[94] * 1000:.1f} |"
            )


def serve_target(port: int, series: int) -> None:
    """Serve an exposition of *series* series whose values change as those of a Hub do."""
    data = make(series, BODIES * 15 / 3600, 1_700_000_000_000, churn=False)
    names = [_name(labels) for labels in data.labels]
    # Values go up and down again, so that a counter's turn is a restart once a minute.
    bodies = [
        "\n".join(map(_line, names, row.tolist())).encode() + b"\n" for row in np.array(data.values)
    ]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[int(time.time()) % len(bodies)]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def _line(name: str, value: float) -> str:
    return f"{name} {value!r}"


def _name(labels: dict[str, str]) -> str:
    rest = ",".join(
        f'{name}="{value}"'
        for name, value in labels.items()
        if name not in {"__name__", "job", "instance"}
    )
    return f"{labels['__name__']}{{{rest}}}"


async def serve_ours(port: int, url: str, folder: Path) -> None:
    """Run the service's parts as the Hub starts them, without the Hub's gate."""
    target = Target(url, "bench", interval_seconds=INTERVAL_SECONDS, timeout_seconds=1.0)
    host = Host(folder, settings.read("{}"), make_registry(), (target,))
    await host.run(Application(handlers(host.context)), ("127.0.0.1", port))


@contextmanager
def _target(series: int) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, __file__, "--as", "target", "--port", str(port)]
    process = subprocess.Popen([*command, "--series", str(series)])
    url = f"http://127.0.0.1:{port}/metrics"
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(url, timeout=5).read()
                break
            except OSError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()


@contextmanager
def _ours(folder: Path, url: str) -> Iterator[Engine]:
    folder.mkdir()
    port = free_port()
    command = [
        sys.executable, __file__, "--as", "host", "--port", str(port), "--url", url,
        "--folder", str(folder / "data"),
    ]  # fmt: skip
    with running("ours", command, port, folder, "/-/ready") as engine:
        yield engine


@contextmanager
def _prometheus(folder: Path, url: str) -> Iterator[Engine]:
    folder.mkdir()
    port = free_port()
    at = urllib.parse.urlsplit(url).netloc
    (folder / "prometheus.yml").write_text(
        f"""
scrape_configs:
- job_name: bench
  scrape_interval: {INTERVAL_SECONDS:g}s
  scrape_timeout: 1s
  static_configs: [{{targets: ["{at}"]}}]
""",
        encoding="utf-8",
    )
    command = [
        program("prometheus"), f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running("Prometheus", command, port, folder, "/-/ready") as engine:
        yield engine


if __name__ == "__main__":
    main()
