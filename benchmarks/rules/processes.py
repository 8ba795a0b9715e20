"""One target, and what scrapes it: our service and Prometheus, with the pack's rules or without.

python benchmarks/rules/processes.py target --port … --series … --started …
python benchmarks/rules/processes.py ours --port … --target … --folder … [--rules]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "query"))

from hub_series import HUB, SERVICE, Page, pages
from peers import Engine, free_port, program, running
from tornado.web import Application

from jupyterhub_monitoring.alerting.rules.pack import render_pack
from jupyterhub_monitoring.alerting.rules.pack_settings import default_parameters
from jupyterhub_monitoring.api import handlers
from jupyterhub_monitoring.scrape import Target
from jupyterhub_monitoring.service import settings
from jupyterhub_monitoring.service.alerting_part import AlertingPart
from jupyterhub_monitoring.service.application import Host
from jupyterhub_monitoring.service.context import make_registry
from jupyterhub_monitoring.service.outside import Outside

NEAR_LIMIT = "/near-limit"
"""Asked for, it brings all servers near their limit."""

TARGETS = dict((HUB, SERVICE))


def main() -> None:
    """Be one of the processes that are Python's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["target", "ours"])
    parser.add_argument("--port", type=int)
    parser.add_argument("--series", type=int)
    parser.add_argument("--started", type=float)
    parser.add_argument("--target")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--rules", action="store_true")
    args = parser.parse_args()
    if args.role == "target":
        _Exposed(pages(args.series, args.started), args.started).serve(args.port)
    else:
        asyncio.run(_serve_ours(args.port, args.target, args.folder, rules=args.rules))


# --- The target ------------------------------------------------------------------------------


class _Exposed:
    """The pages over HTTP, each under the name of its job."""

    def __init__(self, exposed: tuple[Page, ...], started: float) -> None:
        self._pages = {f"/{page.job}": page for page in exposed}
        self._names = {page.job: [_name(one.labels) for one in page.series] for page in exposed}
        self._started = started
        self._near_limit_since: float | None = None
        self._lock = threading.Lock()

    def body(self, path: str) -> bytes:
        """Return what *path* shows now."""
        now = time.time()
        with self._lock:
            if path == NEAR_LIMIT:
                self._near_limit_since = self._near_limit_since or now
                return b""
            near = None if self._near_limit_since is None else now - self._near_limit_since
            page = self._pages[path]
            values = page.values(now - self._started, near).tolist()
            lines = map("{} {!r}".format, self._names[page.job], values)
            return "\n".join(lines).encode() + b"\n"

    def serve(self, port: int) -> None:
        """Answer until the end."""
        body = self.body

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer = body(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def _name(labels: dict[str, str]) -> str:
    rest = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return f"{labels['__name__']}{{{rest}}}"


@contextmanager
def target(series: int, started: float) -> Iterator[str]:
    """Run the target, return its address without a path."""
    port = free_port()
    command = [sys.executable, __file__, "target", "--port", str(port)]
    process = subprocess.Popen([*command, "--series", str(series), "--started", str(started)])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/jupyterhub", timeout=5).read()
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()


# --- Ours ------------------------------------------------------------------------------------


async def _serve_ours(port: int, url: str, folder: Path, *, rules: bool) -> None:
    """Run the service's parts as the Hub starts them, without the Hub's gate."""
    targets = [Target(f"{url}/{job}", job, instance) for job, instance in TARGETS.items()]
    host = Host(folder, settings.read("{}"), make_registry(), targets)
    if rules:
        host.parts.append(AlertingPart(host, Outside(), folder))
    await host.run(Application(handlers(host.context)), ("127.0.0.1", port))


@contextmanager
def ours(folder: Path, url: str, *, rules: bool) -> Iterator[Engine]:
    """Run our service on the store in *folder*/data."""
    port = free_port()
    command = [
        sys.executable, __file__, "ours", "--port", str(port), "--target", url,
        "--folder", str(folder / "data"), *["--rules"] * rules,
    ]  # fmt: skip
    with running("ours", command, port, folder, "/-/ready") as engine:
        yield engine


# --- Prometheus ------------------------------------------------------------------------------


@contextmanager
def prometheus(folder: Path, url: str = "", *, rules: bool = False) -> Iterator[Engine]:
    """Run Prometheus on *folder*/data; without *url* it scrapes nothing."""
    texts = render_pack(default_parameters()) if rules else {}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    jobs = TARGETS if url else {}
    config = {
        "global": {"scrape_interval": "15s", "evaluation_interval": "15s"},
        "rule_files": [str(folder / name) for name in texts],
        "scrape_configs": [
            {
                "job_name": job,
                "metrics_path": f"/{job}",
                "static_configs": [
                    {"targets": [url.removeprefix("http://")], "labels": {"instance": instance}}
                ],
            }
            for job, instance in jobs.items()
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")
    port = free_port()
    command = [
        program("prometheus"), f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    with running("prometheus", command, port, folder, "/-/ready") as engine:
        yield engine


if __name__ == "__main__":
    main()
