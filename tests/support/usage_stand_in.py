"""An HTTP server that speaks the JSON of `/api/usage`, and misbehaves when told to."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GIB = 1 << 30
NOW = 1_790_000_000.0


def server(username: str, server_name: str = "", **known: Any) -> dict[str, Any]:
    """One row of `servers`; what is not in *known* is not known."""
    row: dict[str, Any] = dict.fromkeys(
        (
            "backend", "cpu_cores", "cpu_seconds", "cpu_limit_cores", "memory_bytes",
            "memory_peak_bytes", "memory_limit_bytes", "processes", "started", "last_activity",
            "gap",
        )
    )  # fmt: skip
    texts = {"profile": "", "image": "", "node": ""}
    return {**row, **texts, "username": username, "server_name": server_name, **known}


def answer(*servers: dict[str, Any], **other: Any) -> dict[str, Any]:
    """A whole answer with these servers."""
    cores = [s["cpu_cores"] for s in servers if s["cpu_cores"] is not None]
    memory = [s["memory_bytes"] for s in servers if s["memory_bytes"] is not None]
    totals = {
        "servers": len(servers),
        "users": len({s["username"] for s in servers}),
        "cpu_cores": sum(cores) if cores else None,
        "memory_bytes": sum(memory) if memory else None,
        "gaps": sum(s["gap"] is not None for s in servers),
    }
    return {
        "time": NOW,
        "interval_seconds": 1,
        "full": True,
        "usernames": "name",
        "problem": None,
        "totals": totals,
        "servers": list(servers),
        "users": [],
        **other,
    }


class UsageStandIn:
    """Answers `answer` to every request, or, where set, `refusal`: status, headers and body."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] = answer()
        self.refusal: tuple[int, dict[str, str], bytes] | None = None
        self.requests: list[tuple[str, str]] = []  # path, Authorization
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                stand_in.requests.append((self.path, self.headers.get("Authorization", "")))
                body = json.dumps(stand_in.answer).encode()
                status, headers, body = stand_in.refusal or (200, {}, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
