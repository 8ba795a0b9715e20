"""What an admin types into an address does not stand in the service's log."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest, RequestStartLine
from tornado.testing import bind_unused_port
from tornado.web import HTTPError, RequestHandler

from jupyterhub_monitoring.metrics import usernames
from jupyterhub_monitoring.metrics.usernames import UsernameMode, Usernames
from jupyterhub_monitoring.service.gate import application
from jupyterhub_monitoring.service.request_log import DiscreetApplication
from support.route_paths import route_table

NAME = "zaphod"
PREFIX = "/hub-1/services/monitoring"


class Label(RequestHandler):
    """Does what the URL says."""

    def get(self, *_args: str) -> None:
        """End with a status, or raise about somebody."""
        status = self.get_argument("status")
        if status == "raise":
            raise KeyError(self.get_argument("user"))
        raise HTTPError(int(status), "no series of %s", self.get_argument("user"))


ROUTES: list[Any] = [
    (f"{PREFIX}/?", Label),
    (f"{PREFIX}/api/v1/label/([^/]+)/values$", Label),
    (f"{PREFIX}/static/(status\\.css)", Label),
    (f"{PREFIX}/api/v2/silences(?:/.*)?$", Label),
    (f"{PREFIX}/api/.*", Label),
]


@pytest.fixture(params=list(UsernameMode), ids=lambda mode: mode.value)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> UsernameMode:
    """Each of the ways to show names."""
    chosen: UsernameMode = request.param
    monkeypatch.setattr(usernames, "_in_force", Usernames(chosen, b"key"))
    return chosen


async def logged(caplog: pytest.LogCaptureFixture, path: str) -> str:
    """Ask a service for *path*, and return what it logs, all levels of it."""
    server = HTTPServer(application([*ROUTES], "token"))
    listening, port = bind_unused_port()
    server.add_socket(listening)
    caplog.clear()
    try:
        with caplog.at_level(logging.DEBUG):
            answer = await AsyncHTTPClient().fetch(
                f"http://127.0.0.1:{port}{path}", raise_error=False
            )
            assert answer.code >= 400
    finally:
        server.stop()
    return "\n".join(
        caplog.handler.format(record)
        for record in caplog.records
        if record.name.startswith("tornado.")
    )


ADDRESSES = {
    "/?": "/",
    "/api/v1/label/zaphod/values?": "/api/v1/label/*/values",
    "/api/v1/label/zaphod%2Fb/values?": "/api/v1/label/*/values",
    "/api/v2/silences/zaphod/x?": "/api/v2/silences/*/*",
    "/api/v1/zaphod?": "/api/v1/*",
    "/static/status.css?": "/static/status.css",
    "/user/zaphod/%7Az?": "/*/*/*",
}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("status", [400, 404, 500, 503])
async def test_a_refusal(
    caplog: pytest.LogCaptureFixture, mode: UsernameMode, address: str, status: int
) -> None:
    """The line says what was asked of which page, and no value of the query or the path."""
    told = await logged(caplog, f"{PREFIX}{address}user={NAME}&status={status}")
    assert NAME not in told
    found = re.search(r"(\d+) GET (\S+) \(127\.0\.0\.1\) [\d.]+ms", told)
    assert found is not None, told
    assert found[2] == PREFIX + ADDRESSES[address]
    assert int(found[1]) in {status, 404}


async def test_a_fault_of_ours(caplog: pytest.LogCaptureFixture, mode: UsernameMode) -> None:
    """Where it happened is told in each mode; the error's text only where names are shown."""
    told = await logged(caplog, f"{PREFIX}/api/v1/label/{NAME}/values?status=raise&user={NAME}")
    assert "Uncaught exception GET /hub-1/services/monitoring/api/v1/label/*/values" in told
    assert "in get" in told
    assert "KeyError" in told
    assert told.count(NAME) == (1 if mode is UsernameMode.NAME else 0)


async def test_a_very_long_address(caplog: pytest.LogCaptureFixture, mode: UsernameMode) -> None:
    """Nobody fills up the disk with lines."""
    told = await logged(caplog, PREFIX + "/api/v1" * 500 + "?status=500")
    assert len(told) < 500
    assert mode


def test_every_handler_is_discreet(tmp_path: Path) -> None:
    """Whatever room a route comes from, its value in the path is not logged."""
    with route_table(tmp_path, f"{PREFIX}/") as made:
        table = made
    app = DiscreetApplication(table)
    assert len(table) > 20
    for pattern, *_ in table:
        path = re.sub(r"\([^()]*\)|\.\*", NAME, pattern).rstrip("$?")
        request = HTTPServerRequest(
            start_line=RequestStartLine("GET", f"{path}?query={NAME}", "HTTP/1.0")
        )
        request.remote_ip = "127.0.0.1"
        assert NAME not in app.summary(request)
        assert f"{PREFIX}/" in app.summary(request)
