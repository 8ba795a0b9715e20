"""A real Prometheus, on a free port, and what stands between it and the Hub to look at requests."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.ports import free_port
from support.real_hub import RealHub

START_SECONDS = 180


@dataclass
class RealPrometheus:
    """Prometheus in *folder*, scraping *targets* ({job: "host:port"}) with a service token."""

    program: str
    folder: Path
    targets: dict[str, str]
    token: str
    interval: str = "1s"
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def config_text(self) -> str:
        jobs = [
            {
                "job_name": job,
                "metrics_path": "/hub/metrics",
                "authorization": {"type": "token", "credentials": self.token},
                "static_configs": [{"targets": [target]}],
            }
            for job, target in self.targets.items()
        ]
        timing = {"scrape_interval": self.interval, "scrape_timeout": self.interval}
        return json.dumps({"global": timing, "scrape_configs": jobs})  # JSON is YAML

    def __enter__(self) -> RealPrometheus:  # noqa: PYI034 -- nobody subclasses it
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "prometheus.yml").write_text(self.config_text())
        with (self.folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    self.program,
                    f"--config.file={self.folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self.folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                    *self.flags,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=5):
                    return self
            except OSError:  # noqa: PERF203 -- that is polling
                assert self.process.poll() is None, self.log
                time.sleep(0.2)
        raise AssertionError(f"Prometheus is not ready after {START_SECONDS} s:\n{self.log}")

    def __exit__(self, *exc: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def log(self) -> str:
        return (self.folder / "prometheus.log").read_text(errors="replace")

    def api(self, path: str, **parameters: str) -> Any:
        """Ask the HTTP API; return its `data`."""
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=30) as response:
            return json.load(response)["data"]

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """Evaluate *expression* now; keys are label pairs without job and instance."""
        result = self.api("query", query=expression)["result"]
        return {
            frozenset((k, v) for k, v in row["metric"].items() if k not in ("job", "instance")): (
                float(row["value"][1])
            )
            for row in result
        }

    def value(self, expression: str) -> float | None:
        """Return the only value of *expression*; None when there is none."""
        values = list(self.query(expression).values())
        assert len(values) < 2, values
        return values[0] if values else None


@dataclass
class Exchange:
    """One scrape as it went over the wire."""

    accept: str
    accept_encoding: str
    status: int
    content_type: str
    content_encoding: str


@dataclass
class Wiretap:
    """Passes requests on to the Hub and notes what was asked for and what came back."""

    hub: RealHub
    exchanges: list[Exchange] = field(default_factory=list)

    def __enter__(self) -> Wiretap:  # noqa: PYI034 -- nobody subclasses it
        tap = self

        class Forward(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                tap.forward(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Forward)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"

    def forward(self, client: BaseHTTPRequestHandler) -> None:
        asked = {k: v for k, v in client.headers.items() if k.lower() != "host"}
        answer = self.hub.get(client.path, token=None, headers=asked, direct=True)
        self.exchanges.append(
            Exchange(
                accept=asked.get("Accept", ""),
                accept_encoding=asked.get("Accept-Encoding", ""),
                status=answer.status,
                content_type=answer.headers.get("Content-Type", ""),
                content_encoding=answer.headers.get("Content-Encoding", ""),
            )
        )
        client.send_response(answer.status)
        for name in ("Content-Type", "Content-Encoding"):
            if name in answer.headers:
                client.send_header(name, answer.headers[name])
        client.send_header("Content-Length", str(len(answer.body)))
        client.end_headers()
        client.wfile.write(answer.body)


def lint(promtool: str, exposition: bytes) -> list[str]:
    """Return what `promtool check metrics` says, line by line; fails when it cannot parse."""
    done = subprocess.run(
        [promtool, "check", "metrics"], input=exposition, capture_output=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).decode().splitlines() if line.strip()]
    assert done.returncode in (0, 3), "\n".join(said)  # 3: it parsed, and has remarks
    return said
