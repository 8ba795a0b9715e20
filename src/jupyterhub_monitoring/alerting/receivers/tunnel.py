"""Through an HTTP proxy: tornado's simple client knows none, so the connection is made here."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import urllib.request
from datetime import timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from tornado.iostream import IOStream
from tornado.tcpclient import TCPClient

HEAD_BYTES = 16_384
"""Longest answer of a proxy to CONNECT."""


def host_of(url: str) -> str:
    """Return the host of *url*, which may be without one."""
    return urlsplit(url).hostname or ""


def bypassed(url: str, no_proxy: str) -> bool:
    """Return whether *no_proxy*, names and domains with commas between, has the host of *url*."""
    host = host_of(url).lower()
    names = [name.strip().lower().lstrip(".") for name in no_proxy.split(",")]
    return any(name and (name == "*" or f".{host}".endswith(f".{name}")) for name in names)


def proxy_of_environment(url: str) -> str:
    """Return the proxy that the environment names for *url*, empty where there is none."""
    if not url.startswith("https:") or urllib.request.proxy_bypass(host_of(url)):
        return ""  # plain HTTP is for the machine or network that we are in
    return urllib.request.getproxies().get("https", "")


class TunnelClient(TCPClient):
    """Connects by way of the proxy at *url*, which is asked to CONNECT."""

    def __init__(self, url: str) -> None:
        super().__init__()
        parts = urlsplit(url if "://" in url else f"http://{url}")
        self._host, self._port = parts.hostname or "", parts.port or 8080
        self._credentials = (
            f"{unquote(parts.username)}:{unquote(parts.password or '')}" if (parts.username) else ""
        )

    async def connect(  # noqa: PLR0913, PLR0917 -- tornado's signature
        self,
        host: str,
        port: int,
        af: socket.AddressFamily = socket.AF_UNSPEC,
        ssl_options: dict[str, Any] | ssl.SSLContext | None = None,
        max_buffer_size: int | None = None,
        source_ip: str | None = None,
        source_port: int | None = None,
        timeout: float | timedelta | None = None,
    ) -> IOStream:
        """Return a stream to *host*. Raises OSError where the proxy refuses."""
        stream = await super().connect(
            self._host, self._port, af, None, max_buffer_size, source_ip, source_port, timeout
        )
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        try:
            return await asyncio.wait_for(self._through(stream, host, port, ssl_options), seconds)
        except BaseException:
            stream.close()
            raise

    async def _through(self, stream: IOStream, host: str, port: int, ssl_options: Any) -> IOStream:
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if self._credentials:
            token = base64.b64encode(self._credentials.encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        await stream.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await stream.read_until(b"\r\n\r\n", max_bytes=HEAD_BYTES)
        status = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")[2]
        if not status.startswith("2"):
            raise OSError(f"the proxy {self._host}:{self._port} answered {status[:60]}")
        if ssl_options is None:
            return stream
        return await stream.start_tls(False, ssl_options, server_hostname=host)
