"""Prometheus and VictoriaMetrics with a dataset in them, and our own `serve`, all over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from dataset import MISSING_BITS, Dataset, Labels
from numpy.typing import NDArray

from jupyterhub_monitoring.store.selection import Row
from jupyterhub_monitoring.store.settings import StoreSettings
from jupyterhub_monitoring.store.store import Store

ROOT = Path(__file__).parents[2]
START_SECONDS = 60
SLAB = 120
"""Scrapes sent at once: Prometheus takes nothing that lies more than an hour behind."""
SERIES_A_REQUEST = 1000


@dataclass
class Engine:
    """A running engine; *query* paths are Prometheus's."""

    name: str
    port: int
    pid: int
    folder: Path

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer's data; SystemExit with its text where it is an error."""
        connection = self._connection()
        connection.request("GET", f"{path}?{urllib.parse.urlencode(parameters)}")
        body = connection.getresponse().read()
        answer = json.loads(body)
        if answer["status"] != "success":
            raise SystemExit(f"{self.name}: {path} {parameters}: {body[:500]!r}")
        return answer["data"]  # type: ignore[no-any-return]

    def timed(self, path: str, **parameters: Any) -> float:
        """Return the seconds until the last byte of the answer is here."""
        connection = self._connection()
        target = f"{path}?{urllib.parse.urlencode(parameters)}"
        began = time.perf_counter()
        connection.request("GET", target)
        response = connection.getresponse()
        response.read()
        took = time.perf_counter() - began
        if response.status != 200:
            raise SystemExit(f"{self.name}: {target}: {response.status}")
        return took

    def resident_bytes(self) -> int:
        """Return the resident memory of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) * 1024

    def cpu_seconds(self) -> float:
        """Return the CPU that the process has used."""
        fields = (
            Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self, "_kept"):
            self._kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        return self._kept


def program(name: str) -> str:
    """Return the path of a peer's program: on PATH, or unpacked into `.peers/`."""
    found = shutil.which(name) or next(map(str, ROOT.glob(f".peers/*/usr/bin/{name}")), None)
    if found is None:
        raise SystemExit(f"{name} is missing: run benchmarks/provide_peers")
    return found


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def prometheus(folder: Path, data: Dataset | None = None) -> Iterator[Engine]:
    """Run a Prometheus; with *data* in blocks."""
    folder.mkdir(parents=True)
    (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
    port = free_port()
    command = [
        program("prometheus"), f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=10y",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
        "--query.max-samples=500000000",
    ]  # fmt: skip
    with running("prometheus", command, port, folder, "/-/ready") as engine:
        if data is not None:
            remote_write(engine, data)
            _wait_until_settled(engine)
        yield engine


@contextmanager
def victoriametrics(folder: Path, data: Dataset) -> Iterator[Engine]:
    """Run a VictoriaMetrics without its result cache, with *data* in it."""
    folder.mkdir(parents=True)
    port = free_port()
    command = [
        program("victoria-metrics"), f"-storageDataPath={folder}/data", "-retentionPeriod=10y",
        f"-httpListenAddr=127.0.0.1:{port}", "-search.disableCache", "-search.latencyOffset=0s",
        "-search.maxUniqueTimeseries=1000000",
    ]  # fmt: skip
    with running("victoriametrics", command, port, folder, "/health") as engine:
        remote_write(engine, data)
        for path in ("/internal/force_flush", "/internal/force_merge"):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
            connection.request("GET", path)
            connection.getresponse().read()
        time.sleep(5)
        yield engine


@contextmanager
def ours(folder: Path, data: Dataset) -> Iterator[Engine]:
    """Run `jupyterhub-monitoring serve` on a store that took *data* scrape by scrape."""
    folder.mkdir(parents=True)
    fill(folder / "data", data)
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterhub_monitoring", "serve",
        "--data-dir", str(folder / "data"), "--port", str(port),
    ]  # fmt: skip
    with running("ours", command, port, folder, "/-/ready") as engine:
        yield engine


def fill(folder: Path, data: Dataset) -> None:
    """Append *data* as the scrape loop would, sealing when it is time."""
    now = [int(data.timestamps[0])]
    # Hours pass within seconds here; a store that runs waits to see that they really do.
    settings = StoreSettings(settle_seconds=0)
    store = Store.open(folder, settings, now_ms=lambda: now[0])
    ids = store.series_ids(
        [tuple(sorted((n, v) for n, v in labels.items() if v)) for labels in data.labels]
    )
    for number, (timestamp, there, values) in enumerate(data.scrapes()):
        now[0] = timestamp
        store.append([Row(timestamp, ids[there], values)])
        if number % 20 == 0:
            store.maintain()
    store.close()


@contextmanager
def running(name: str, command: list[str], port: int, folder: Path, ready: str) -> Iterator[Engine]:
    """Start *command*, wait until it answers at *ready*, and end it afterwards."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(process, port, ready, folder)
        yield Engine(name, port, process.pid, folder)
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(process: subprocess.Popen[bytes], port: int, path: str, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit(f"{folder}: not ready:\n{(folder / 'log').read_text()[-2000:]}")


def _wait_until_settled(engine: Engine) -> None:
    """Wait until Prometheus has compacted what it can, so that it reads blocks and not its head."""
    before, same = -1.0, 0
    while same < 3:
        time.sleep(5)
        now = engine.cpu_seconds()
        same = same + 1 if now - before < 0.3 else 0
        before = now


# --- Remote write, version 1 ------------------------------------------------------------------


def remote_write(engine: Engine, data: Dataset) -> None:
    headers = {
        "Content-Encoding": "snappy",
        "Content-Type": "application/x-protobuf",
        "X-Prometheus-Remote-Write-Version": "0.1.0",
    }
    encoded = [_labels(labels) for labels in data.labels]
    connection = http.client.HTTPConnection("127.0.0.1", engine.port, timeout=300)
    for begin in range(0, len(data.timestamps), SLAB):
        slab = slice(begin, begin + SLAB)
        stamps = data.timestamps[slab]
        for first in range(0, len(encoded), SERIES_A_REQUEST):
            columns = range(first, min(first + SERIES_A_REQUEST, len(encoded)))
            body = b"".join(_series(encoded[i], stamps, data.values[slab, i]) for i in columns)
            connection.request("POST", "/api/v1/write", _snappy(body), headers)
            response = connection.getresponse()
            text = response.read()
            if response.status >= 300:
                raise SystemExit(f"{engine.name}: remote write: {response.status} {text!r}")


def _labels(labels: Labels) -> bytes:
    parts = []
    for name, value in sorted(labels.items()):
        if value:
            one = _field(0x0A, name.encode()) + _field(0x12, value.encode())
            parts.append(_field(0x0A, one))
    return b"".join(parts)


def _series(labels: bytes, stamps: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    there = (
        values.view(np.int64) != MISSING_BITS
        if values.flags.c_contiguous
        else (np.ascontiguousarray(values).view(np.int64) != MISSING_BITS)
    )
    if not there.any():
        return b""
    return _field(0x0A, labels + _samples(stamps[there], values[there]))


def _samples(stamps: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """Encode samples as a matrix of bytes: a time of this century takes six bytes as a varint."""
    rows = np.empty((len(stamps), 18), dtype=np.uint8)
    rows[:, 0], rows[:, 1], rows[:, 2] = 0x12, 16, 0x09
    rows[:, 3:11] = np.ascontiguousarray(values).view(np.uint8).reshape(-1, 8)
    rows[:, 11] = 0x10
    for byte in range(6):
        more = 0x80 if byte < 5 else 0
        rows[:, 12 + byte] = ((stamps >> (7 * byte)) & 0x7F) | more
    return rows.tobytes()


def _field(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _snappy(body: bytes) -> bytes:
    """Wrap *body* as one literal: snappy's format without its compression."""
    return _varint(len(body)) + bytes([63 << 2]) + (len(body) - 1).to_bytes(4, "little") + body
