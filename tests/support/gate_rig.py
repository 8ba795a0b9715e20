"""The service's gate on a port of its own, before a Hub that is a table of tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import create_signed_value

from jupyterhub_monitoring.service.gate import application, cookie_secret
from jupyterhub_monitoring.service.visitor import ACCESS

PREFIX = "/services/monitoring/"
SECRET = "the-service's-own-token"
CLIENT = "service-monitoring"
GROUP = "list:users!group=class"


def person(name: str, *scopes: str, admin: bool = False, kind: str = "user") -> dict[str, Any]:
    """Return the model that the Hub gives of a token's owner."""
    return {"kind": kind, "name": name, "admin": admin, "groups": [], "scopes": list(scopes)}


PEOPLE: dict[str, dict[str, Any]] = {
    "plain": person("ben", ACCESS),
    "closed": person("eva"),  # a user where c.Monitoring.my_usage is False
    "teacher": person("tom", ACCESS, GROUP),
    "admin": person("root", ACCESS, "read:metrics", "list:users", admin=True),
    "service": person("grafana", ACCESS, kind="service"),
    "stranger": person("stranger", "read:metrics", "list:users", kind="service"),
}
"""By token."""


@contextmanager
def stand_in_hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let `PEOPLE` be whom the Hub knows."""

    async def user_for_token(_: HubOAuth, token: str, **__: Any) -> Any:
        return PEOPLE.get(token)

    monkeypatch.setattr(HubOAuth, "user_for_token", user_for_token)
    for name, value in {
        "API_TOKEN": SECRET,
        "CLIENT_ID": CLIENT,
        "SERVICE_NAME": "monitoring",
        "SERVICE_PREFIX": PREFIX,
        "OAUTH_ACCESS_SCOPES": json.dumps([ACCESS]),
    }.items():
        monkeypatch.setenv(f"JUPYTERHUB_{name}", value)
    HubOAuth.clear_instance()  # JupyterHub keeps one for the process
    HubOAuth.instance(base_url=PREFIX)  # of the environment at the time of the import
    try:
        yield
    finally:
        HubOAuth.clear_instance()


@dataclass
class Client:
    """Asks the service at *port*; cookies are kept by the caller."""

    port: int
    fetch: Callable[..., Awaitable[HTTPResponse]] = field(
        default_factory=lambda: AsyncHTTPClient().fetch
    )

    async def ask(
        self,
        path: str,
        method: str = "GET",
        *,
        token: str = "",
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: str = "",
    ) -> HTTPResponse:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return await self.fetch(
            f"http://127.0.0.1:{self.port}{PREFIX}{path}",
            method=method,
            headers=sent,
            body=body if method == "POST" else None,
            follow_redirects=False,
            raise_error=False,
        )


def session(token: str) -> dict[str, str]:
    """Return the cookie that a browser has after a login for *token*."""
    return {CLIENT: create_signed_value(cookie_secret(SECRET), CLIENT, token).decode()}


def serve(routes: list[Any], work: Callable[[Client], Awaitable[None]], **settings: Any) -> None:
    """Serve *routes* while *work* asks."""

    async def run() -> None:
        server = HTTPServer(application(routes, SECRET, **settings))
        (socket,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([socket])
        try:
            await work(Client(socket.getsockname()[1]))
        finally:
            server.stop()

    asyncio.run(run())
