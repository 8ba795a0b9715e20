"""Alertmanager's API behind the Hub's gate: a cookie alone changes nothing, a token does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyterhub.services.auth import HubOAuth
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import create_signed_value

from jupyterhub_monitoring.alerting.notifying.notifier import Notifier
from jupyterhub_monitoring.api.alertmanager import alertmanager_handlers
from jupyterhub_monitoring.service.gate import application, cookie_secret, gated
from jupyterhub_monitoring.service.visitor import Needs
from support.api_server import Context
from support.notifications import Inbox, routing

SCOPE = "access:services!service=monitoring"
ANA = {
    "kind": "user",
    "name": "ana",
    "admin": True,
    "groups": [],
    "scopes": [SCOPE, "read:metrics"],
}
SILENCE = (
    b'{"matchers": [{"name": "a", "value": "b", "isRegex": false}], "comment": "x",'
    b' "createdBy": "ana", "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2096-01-01T00:00:00Z"}'
)
COOKIE = create_signed_value(cookie_secret("t"), "service-monitoring", "ok").decode()

CASES: dict[str, tuple[str, dict[str, str], int]] = {
    "a token may change something": ("POST", {"Authorization": "Bearer ok"}, 200),
    "a wrong token may not": ("POST", {"Authorization": "Bearer wrong"}, 401),
    "nobody may not": ("POST", {}, 401),
    "a cookie may look": ("GET", {"Cookie": f"service-monitoring={COOKIE}"}, 200),
    "a cookie alone may change nothing": ("POST", {"Cookie": f"service-monitoring={COOKIE}"}, 403),
    "a cookie from another site may not": (
        "POST",
        {"Cookie": f"service-monitoring={COOKIE}", "Sec-Fetch-Site": "cross-site"},
        403,
    ),
}


@pytest.fixture(autouse=True)
def hub_auth_of_its_own() -> Iterator[None]:
    """JupyterHub keeps one for the process."""
    HubOAuth.clear_instance()
    yield
    HubOAuth.clear_instance()


@pytest.mark.parametrize(("method", "headers", "status"), CASES.values(), ids=CASES)
def test_who_may_silence(tmp_path: Path, monkeypatch, method: str, headers: Any, status: int):
    """JupyterHub asks for its token against other sites beside a cookie; a token is enough."""

    async def user_for_token(_: HubOAuth, token: str, **__: Any) -> Any:
        return ANA if token == "ok" else None

    monkeypatch.setattr(HubOAuth, "user_for_token", user_for_token)
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "t")
    monkeypatch.setenv("JUPYTERHUB_CLIENT_ID", "service-monitoring")
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/services/monitoring/")
    monkeypatch.setenv("JUPYTERHUB_OAUTH_ACCESS_SCOPES", f'["{SCOPE}"]')

    async def ask() -> int:
        notifier = Notifier(tmp_path, routing(), {"team": [Inbox()]})
        routes = alertmanager_handlers(Context(notifier=notifier), "/services/monitoring/")
        server = HTTPServer(application(gated(routes, needs=Needs.FULL), "t"))
        (socket,) = bind_sockets(0, "127.0.0.1")
        server.add_sockets([socket])
        url = f"http://127.0.0.1:{socket.getsockname()[1]}/services/monitoring/alertmanager"
        sent = {"Content-Type": "application/json", **headers}
        body = SILENCE if method == "POST" else None
        try:
            reply = await AsyncHTTPClient().fetch(
                f"{url}/api/v2/silences", method=method, headers=sent, body=body
            )
        except HTTPClientError as error:
            return error.code
        finally:
            server.stop()
            assert len(notifier.silences()) == (status == 200 and method == "POST")
            await notifier.stop()
        return reply.code

    assert asyncio.run(ask()) == status
