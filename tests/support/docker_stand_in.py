"""A Docker engine's API on a Unix socket: its real protocol, with containers made up for a test.

The shapes are those of the published API (1.24 to 1.47): `GET /version`,
`/vX.Y/containers/ID/stats` and `/vX.Y/containers/ID/json`.
"""

from __future__ import annotations

import json
import re
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from jupyterhub_monitoring.usage.docker import DockerSampler
from jupyterhub_monitoring.usage.model import RunningServer, ServerKey

MB = 1_000_000
NEVER = "0001-01-01T00:00:00Z"
_PATH = re.compile(
    r"/v(\d+)\.(\d+)/containers/([0-9a-f]+)/(stats\?stream=false&one-shot=true|json)"
)


@dataclass
class Container:
    """A container of the stand-in; what the engine tells of it follows from this."""

    cpu_seconds: float = 2.5
    throttled_seconds: float = 0.25
    used: int = 300 * MB
    cache: int = 100 * MB
    peak: int = 350 * MB
    memory_limit: int = 0
    nano_cpus: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    oom_killed: bool = False
    running: bool = True
    image: str = "quay.io/jupyter/base-notebook:latest"

    def stats(self, container_id: str, cgroup: int) -> dict[str, Any]:
        names = {"id": container_id, "name": "/jupyter-secret-ann"}
        if not self.running:
            empty: dict[str, Any] = {"total_usage": 0, "usage_in_kernelmode": 0}
            return {
                **names,
                "read": NEVER,
                "pids_stats": {},
                "num_procs": 0,
                "cpu_stats": {"cpu_usage": empty, "throttling_data": {"throttled_time": 0}},
                "memory_stats": {},
            }
        nanoseconds = int(self.cpu_seconds * 1e9)
        cpu = {
            "total_usage": nanoseconds,
            "usage_in_kernelmode": nanoseconds // 5,
            "usage_in_usermode": nanoseconds - nanoseconds // 5,
        }
        throttled = {
            "periods": 9,
            "throttled_periods": 2,
            "throttled_time": int(self.throttled_seconds * 1e9),
        }
        blank = {"cpu_usage": {"total_usage": 0}, "throttling_data": {"throttled_time": 0}}
        return {
            **names,
            "read": "2024-11-05T10:11:12.123456789Z",
            "preread": NEVER,
            "pids_stats": {"current": 23, "limit": 18446744073709551615},
            "blkio_stats": {"io_service_bytes_recursive": None},
            "num_procs": 0,
            "storage_stats": {},
            "cpu_stats": {
                "cpu_usage": cpu,
                "system_cpu_usage": 739306590000000,
                "online_cpus": 4,
                "throttling_data": throttled,
            },
            "precpu_stats": blank,
            "memory_stats": self._memory(cgroup),
            "networks": {"eth0": {"rx_bytes": 5338, "tx_bytes": 648}},
        }

    def _memory(self, cgroup: int) -> dict[str, Any]:
        limit = self.memory_limit or 16_000 * MB
        if cgroup == 2:
            stats = {"anon": 1, "file": self.cache + 7, "inactive_file": self.cache}
            return {"usage": self.used, "stats": stats, "limit": limit}
        stats = {"cache": self.cache + 7, "inactive_file": 1, "total_inactive_file": self.cache}
        return {
            "usage": self.used,
            "max_usage": self.peak,
            "stats": stats,
            "failcnt": 0,
            "limit": limit,
        }

    def inspected(self, container_id: str) -> dict[str, Any]:
        return {
            "Id": container_id,
            "Name": "/jupyter-secret-ann",
            "Image": "sha256:7a5e",
            "RestartCount": 0,
            "State": {
                "Status": "running" if self.running else "exited",
                "Running": self.running,
                "OOMKilled": self.oom_killed,
                "StartedAt": "2024-11-05T09:11:12.123456789Z",
            },
            "Config": {"Image": self.image, "Env": ["JUPYTERHUB_API_TOKEN=secret"]},
            "HostConfig": {
                "Memory": self.memory_limit,
                "NanoCpus": self.nano_cpus,
                "CpuQuota": self.cpu_quota,
                "CpuPeriod": self.cpu_period,
            },
        }


class Request(BaseHTTPRequestHandler):
    """One connection's requests. A fault gets this and may answer in its own way."""

    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:  # http.server's name
        engine = self.server.engine
        engine.requests.append(self.path)
        if engine.fault is None or not engine.fault(self):
            self.send_json(*engine.answer(self.path))

    def send_json(self, status: int, answer: Any) -> None:
        self.send_bytes(status, json.dumps(answer).encode() + b"\n")

    def send_bytes(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Api-Version", "1.47")
        self.send_header("Content-Type", "application/json")
        if self.server.engine.closes:
            self.send_header("Connection", "close")
        if self.server.engine.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (body[:100], body[100:]):
                if part:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: Any) -> None:
        pass


Fault = Callable[[Request], bool]
"""Returns whether it has dealt with the request."""


class _Listener(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    engine: DockerStandIn

    def get_request(self) -> Any:
        self.engine.connections += 1
        request, _ = super().get_request()
        return request, ("unix", 0)

    def handle_error(self, *_: Any) -> None:
        pass


class DockerStandIn:
    """An engine with *containers*, on the socket at *path*, until `close()`."""

    def __init__(self, path: Path, *, cgroup: int = 2, chunked: bool = True) -> None:
        self.path, self.cgroup, self.chunked, self.closes = path, cgroup, chunked, False
        self.newest, self.oldest = (1, 47), (1, 24)
        self.containers: dict[str, Container] = {}
        self.requests: list[str] = []
        self.connections = 0
        self.fault: Fault | None = None
        self._listener = _Listener(str(path), Request)
        self._listener.engine = self
        threading.Thread(target=self._listener.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, path: str) -> tuple[int, Any]:
        """Return the status and the JSON of *path*."""
        if path == "/version":
            return 200, {
                "Version": "27.3.1",
                "ApiVersion": "{}.{}".format(*self.newest),
                "MinAPIVersion": "{}.{}".format(*self.oldest),
                "Os": "linux",
            }
        found = _PATH.fullmatch(path)
        if found is None:
            return 404, {"message": "page not found"}
        if not self.oldest <= (int(found[1]), int(found[2])) <= self.newest:
            return 400, {"message": f"client version {found[1]}.{found[2]} is out of range"}
        container = self.containers.get(found[3])
        if container is None:
            return 404, {"message": f"No such container: {found[3]}"}
        if found[4] == "json":
            return 200, container.inspected(found[3])
        return 200, container.stats(found[3], self.cgroup)

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()


def hangs(request: Request) -> bool:
    """Answers nothing until the other side is gone."""
    request.connection.recv(1)
    request.close_connection = True
    return True


def trickles(request: Request) -> bool:
    """Sends a byte of a header now and then, for ever."""
    with suppress(OSError):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            request.wfile.write(b"x")
            time.sleep(0.02)
    request.close_connection = True
    return True


class DockerRig:
    """Servers as containers of the stand-in; see `SamplerRig`."""

    time_limit_seconds = 1.0

    def __init__(self, folder: Path) -> None:
        self.engine = DockerStandIn(folder / "docker.sock")
        self.sampler = DockerSampler(str(self.engine.path), timeout_seconds=self.time_limit_seconds)

    def start(self, username: str) -> RunningServer:
        container_id = f"{len(self.engine.containers):064x}"
        self.engine.containers[container_id] = Container(cpu_seconds=2.0)
        return RunningServer(ServerKey(username, ""), {"object_id": container_id})

    def use(self, server: RunningServer) -> None:
        self._container(server).cpu_seconds += 1.5

    def restart(self, server: RunningServer) -> None:
        self._container(server).cpu_seconds = 0.25

    def end(self, server: RunningServer) -> None:
        self._container(server).running = False

    def garble(self) -> None:
        def nonsense(request: Request) -> bool:
            request.send_bytes(200, b'{"read": "now", "cpu_stats": [3], "memory_stats": null}')
            return True

        self.engine.fault = nonsense

    def hang(self) -> None:
        self.engine.fault = hangs

    def _container(self, server: RunningServer) -> Container:
        return self.engine.containers[server.state["object_id"]]


@contextmanager
def docker(folder: Path) -> Iterator[DockerRig]:
    rig = DockerRig(folder)
    yield rig
    rig.engine.close()
