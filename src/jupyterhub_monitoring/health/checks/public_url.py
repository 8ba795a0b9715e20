"""A browser that comes through the proxy reaches this Hub."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse

from ..codes import URL_DOWN, URL_SLOW
from ..result import Finding, healthy, unhealthy, warning
from ..settings import MonitoringHealth

ANY_ADDRESS = ("", "*", "0.0.0.0", "::")  # noqa: S104 -- recognised, not bound


def address(app: Any, settings: MonitoringHealth) -> str | None:
    """Return where the Hub's own /health is, as seen from outside; None when that is unknown."""
    if settings.public_url:
        return settings.public_url.rstrip("/") + "/hub/health"
    bound = urlsplit(str(app.proxy.public_url))
    if bound.scheme not in ("http", "https"):
        return None  # a Unix socket
    path = f"{app.hub.base_url}health"
    if app.proxy.should_start or bound.hostname not in (None, *ANY_ADDRESS):
        return urlunsplit((bound.scheme, _connectable(bound), path, "", ""))
    public = urlsplit(str(getattr(app, "public_url", "") or ""))
    return urlunsplit((public.scheme, public.netloc, path, "", "")) if public.netloc else None


def _connectable(bound: Any) -> str:
    """Return host:port to connect to: what listens everywhere listens on loopback too."""
    host = "127.0.0.1" if (bound.hostname or "") in ANY_ADDRESS else bound.hostname
    host = f"[{host}]" if ":" in host else host
    return f"{host}:{bound.port}" if bound.port else host


class PublicURLCheck:
    """Asks for the Hub's /health at the public address. Certificates are not judged here."""

    def __init__(self, app: Any, settings: MonitoringHealth, url: str) -> None:
        self._app, self._settings, self._url = app, settings, url

    async def __call__(self) -> Finding:
        """Look at the public address now."""
        limit = 0.9 * self._settings.timeout("public_url")
        begun = time.perf_counter()
        try:
            response = await AsyncHTTPClient().fetch(self._request(limit), raise_error=False)
        except Exception as error:  # noqa: BLE001 -- a refused connection has many faces
            return unhealthy(URL_DOWN, f"{self._url}: {error}")
        return self._judge(response, time.perf_counter() - begun)

    def _request(self, limit: float) -> HTTPRequest:
        headers = {}
        if getattr(self._app, "subdomain_host", ""):
            headers["Host"] = urlsplit(self._app.subdomain_host).netloc
        return HTTPRequest(
            self._url,
            headers=headers,
            connect_timeout=limit,
            request_timeout=limit,
            follow_redirects=False,
            validate_cert=False,
        )

    def _judge(self, response: HTTPResponse, seconds: float) -> Finding:
        if response.code != 200:
            why = response.error or response.reason
            return unhealthy(URL_DOWN, f"{self._url} answers {response.code}: {why}")
        if "X-JupyterHub-Version" not in response.headers:
            return unhealthy(URL_DOWN, f"{self._url} is answered, but not by a JupyterHub")
        if seconds >= self._settings.public_url_warning_seconds:
            return warning(URL_SLOW, f"{self._url} took {seconds:.2f} s")
        return healthy(f"{self._url} in {1000 * seconds:.0f} ms")
