"""A server that receivers talk to: it notes what it gets, and answers as a test wants."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field
from typing import Any

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine
from tornado.testing import bind_unused_port


@dataclass
class Hook:
    """Answers with *status*; `wait` makes it silent, *echo* shows the request in its answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    echo: bool = False
    wait: bool = False
    by_method: dict[str, int] = field(default_factory=dict)  # other statuses
    tls: ssl.SSLContext | None = None
    requests: list[HTTPServerRequest] = field(default_factory=list)

    async def __aenter__(self) -> Hook:  # noqa: PYI034 -- nobody subclasses it
        socket, self.port = bind_unused_port()
        self._server = HTTPServer(self._answer, ssl_options=self.tls)
        self._server.add_sockets([socket])
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.stop()
        await self._server.close_all_connections()

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def json(self) -> Any:
        """What the last request had in it."""
        return json.loads(self.requests[-1].body)

    def _answer(self, request: HTTPServerRequest) -> None:
        self.requests.append(request)
        if self.wait:
            return
        body = self.body
        if self.echo:
            body = f"no: {request.uri} {dict(request.headers)} {request.body!r}".encode()
        connection = request.connection
        headers = {**self.headers, "Content-Length": str(len(body))}
        start = ResponseStartLine(
            "HTTP/1.1", self.by_method.get(request.method, self.status), "As told"
        )
        done = connection.write_headers(start, HTTPHeaders(headers), body)
        asyncio.ensure_future(done).add_done_callback(lambda _: connection.finish())
