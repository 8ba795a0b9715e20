"""A real VictoriaMetrics on a free port, with samples in it."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from support.peers import find
from support.ports import free_port

START_SECONDS = 180


@dataclass
class RealVictoriaMetrics:
    """VictoriaMetrics in *folder*."""

    folder: Path
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> RealVictoriaMetrics:  # noqa: PYI034 -- nobody subclasses it
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "victoria-metrics.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    str(find("victoria-metrics")),
                    f"-storageDataPath={self.folder / 'data'}",
                    "-retentionPeriod=100y",
                    f"-httpListenAddr=127.0.0.1:{self.port}",
                    *self.flags,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return self
            except OSError:  # noqa: PERF203 -- that is polling
                assert self.process.poll() is None, self.log
                time.sleep(0.1)
        raise AssertionError(f"VictoriaMetrics is not ready after {START_SECONDS} s:\n{self.log}")

    def __exit__(self, *exc: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)

    @property
    def log(self) -> str:
        return (self.folder / "victoria-metrics.log").read_text(errors="replace")

    def take(self, exposition: str) -> None:
        """Keep samples in Prometheus's text format, with milliseconds, ready to be asked for."""
        body = exposition.encode()
        for path, data in (("api/v1/import/prometheus", body), ("internal/force_flush", None)):
            with urllib.request.urlopen(f"{self.url}/{path}", data, timeout=60):
                pass
