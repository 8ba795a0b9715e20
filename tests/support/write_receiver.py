"""A receiver of remote write that understands what it gets, and fails as a test wants."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa

Labels = tuple[tuple[str, str], ...]
Samples = list[tuple[int, int]]
"""(Milliseconds, bits of the value)."""


@dataclass
class Received:
    """One request: its headers, and what was in it."""

    headers: dict[str, str]
    body: bytes
    series: list[tuple[Labels, Samples]]
    metadata: list[dict[str, Any]]


@dataclass
class Answer:
    """How to answer. *keep*: the samples are taken, whatever is answered."""

    status: int = 200
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    keep: bool = True
    cut: bool = False  # close the connection without an answer
    hang_seconds: float = 0.0


def refuse(status: int, text: str = "", **headers: str) -> Answer:
    """Take nothing and say so."""
    return Answer(status, text, headers, keep=False)


class WriteReceiver:
    """Listens on a free port, or on *port*; *answers* are given one after the other, then 200s."""

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        self.requests: list[Received] = []
        self.kept: dict[Labels, Samples] = {}
        self.answers = [*answers]
        self.judge: Callable[[Received], Answer | None] = lambda _: None
        self.port = port

    def __enter__(self) -> WriteReceiver:  # noqa: PYI034 -- nobody subclasses it
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.serve(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/write"

    def serve(self, client: BaseHTTPRequestHandler) -> None:
        body = client.rfile.read(int(client.headers["Content-Length"]))
        series, metadata = decoded(body)
        received = Received(dict(client.headers), body, series, metadata)
        said = None
        if series:
            said = self.judge(received) or (self.answers.pop(0) if self.answers else None)
        said = said or Answer()
        self.requests.append(received)
        if said.keep:
            for labels, samples in series:
                self.kept.setdefault(labels, []).extend(samples)
        time.sleep(said.hang_seconds)
        if said.cut:
            client.close_connection = True
            client.connection.close()
            return
        client.send_response(said.status)
        for name, value in said.headers.items():
            client.send_header(name.replace("_", "-"), value)
        client.send_header("Content-Length", str(len(said.text)))
        with contextlib.suppress(OSError):  # nobody waits for it any more
            client.end_headers()
            client.wfile.write(said.text.encode())


def decoded(body: bytes) -> tuple[list[tuple[Labels, Samples]], list[dict[str, Any]]]:
    """Return the series and the metadata of a `WriteRequest`, as another implementation reads."""
    text = unsnapped(body)
    series, metadata = [], []
    for number, field_body in fields(text):
        if number == 1:
            labels = [pair(b) for n, b in fields(field_body) if n == 1]
            samples = [sample(b) for n, b in fields(field_body) if n == 2]
            assert labels == sorted(labels)
            series.append((tuple(labels), samples))
        else:
            assert number == 3, number
            metadata.append(
                {n: v if isinstance(v, int) else v.decode() for n, v in fields(field_body)}
            )
    return series, metadata


def unsnapped(body: bytes) -> bytes:
    """Return what *body* is compressed from, by Arrow's snappy."""
    size, _ = number_at(body, 0)
    return pa.decompress(body, decompressed_size=size, codec="snappy", asbytes=True)


def fields(body: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (number, value) of a protobuf message."""
    at = 0
    while at < len(body):
        key, at = number_at(body, at)
        if key & 7 == 2:
            size, at = number_at(body, at)
            yield key >> 3, body[at : at + size]
            at += size
        elif key & 7 == 1:
            yield key >> 3, body[at : at + 8]
            at += 8
        else:
            value, at = number_at(body, at)
            yield key >> 3, value


def number_at(body: bytes, at: int) -> tuple[int, int]:
    """Return (varint, where it ends)."""
    value = shift = 0
    while True:
        octet = body[at]
        value |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return value, at


def pair(body: bytes) -> tuple[str, str]:
    found = dict(fields(body))
    return found[1].decode(), found.get(2, b"").decode()


def sample(body: bytes) -> tuple[int, int]:
    found = dict(fields(body))
    time_ms = found[2] - (1 << 64) if found[2] >> 63 else found[2]
    return time_ms, struct.unpack("<q", found[1])[0]
