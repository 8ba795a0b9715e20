"""An HTTP server of one function: what it does with a connection after reading a request."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable

Behave = Callable[[socket.socket, str], None]
"""Gets the connection and the request's text; may send anything, or nothing."""

TEXT = "text/plain; version=0.0.4"


class OddServer:
    """Serves until `close()`, over TLS where there is a context.

    `requests` are the texts of those that came, `open` how many connections there are.
    """

    def __init__(self, behave: Behave, tls: ssl.SSLContext | None = None) -> None:
        self.behave, self._tls = behave, tls
        self.requests: list[str] = []
        self.open = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/metrics"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        self.open += 1
        with contextlib.suppress(OSError), connection:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(1)
            self.requests.append(request.decode())
            self.behave(connection, request.decode())
        self.open -= 1


def answer(
    body: bytes | str, content_type: str = TEXT, status: str = "200 OK", **headers: str
) -> bytes:
    """The bytes of a whole HTTP answer."""
    body = body.encode() if isinstance(body, str) else body
    fields = {"Content-Type": content_type, "Content-Length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def sends(data: bytes) -> Behave:
    return lambda connection, _request: connection.sendall(data)


def hangs(connection: socket.socket, _request: str) -> None:
    """Sends nothing; ends when the other side does."""
    connection.recv(1)


def trickles(connection: socket.socket, _request: str) -> None:
    """Sends a header, and then a byte of the body now and then, for ever."""
    connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {TEXT}\r\n\r\n".encode())
    while True:
        connection.sendall(b"#")
        time.sleep(0.05)


def trickles_headers(connection: socket.socket, _request: str) -> None:
    """Sends headers a byte at a time, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


def gzip_bomb(megabytes: int) -> bytes:
    """A small gzip stream of very many comment lines."""
    return gzip.compress(b"# 0123456789\n" * (megabytes * 80_000), 9)
