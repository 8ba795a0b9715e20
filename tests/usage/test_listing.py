"""Which servers run, as the Hub's REST API tells of it: all of them, in time, or an error."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from jupyterhub_monitoring.errors import ListingError
from jupyterhub_monitoring.usage.listing import PAGINATION, HubApi, Listing
from jupyterhub_monitoring.usage.model import ServerKey

TOKEN = "the-token-0123456789"


class StandIn:
    """Answers as JupyterHub's `/users` does, of *users*; *before* is called at each request."""

    def __init__(self, users: list[dict[str, Any]], max_limit: int = 200) -> None:
        self.users, self.max_limit = users, max_limit
        self.requests: list[dict[str, list[str]]] = []
        self.headers: list[dict[str, str]] = []
        self.before: Callable[[], None] = lambda: None
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.page

    def page(self, handler: BaseHTTPRequestHandler) -> None:
        query = parse_qs(urlsplit(handler.path).query)
        limit = min(int(query["limit"][0]), self.max_limit)
        offset = int(query["offset"][0])
        more = offset + limit < len(self.users)
        following = {"offset": offset + limit, "limit": limit, "url": "http://elsewhere/"}
        body = {
            "items": self.users[offset : offset + limit],
            "_pagination": {
                "offset": offset,
                "limit": limit,
                "total": len(self.users),
                "next": following if more else None,
            },
        }
        send(handler, 200, json.dumps(body).encode())

    def do(self, handler: BaseHTTPRequestHandler) -> None:
        self.requests.append(parse_qs(urlsplit(handler.path).query))
        self.headers.append(dict(handler.headers))
        self.before()
        self.answer(handler)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, *args: Any) -> None:
        """Clients that give up are what some of these tests are about."""


@contextmanager
def served(hub: StandIn) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

        def do_GET(self) -> None:
            hub.do(self)

        def log_message(self, *args: object) -> None:
            pass

    made = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{made.server_port}/hub/api"
    finally:
        made.shutdown()
        made.server_close()


def user(name: str, **server: Any) -> dict[str, Any]:
    model = {"ready": True, "state": {"pid": 7}, **server}
    return {"name": name, "kind": "user", "groups": ["staff"], "servers": {"": model}}


def names(hub: StandIn, page_size: int = 100, timeout: float = 5) -> list[str]:
    with served(hub) as url:
        found = Listing(HubApi(url, TOKEN), page_size).servers(timeout)
    return [server.key.username for server in found]


def test_all_that_is_known_of_a_server_arrives():
    """Times are seconds, the profile is the user's choice, the state is what was recorded."""
    hub = StandIn(
        [
            user(
                "ana",
                started="2023-11-14T22:13:20.500000Z",
                last_activity="2023-11-14T22:13:21Z",
                user_options={"profile": "small", "secret": 1},
            )
        ]
    )
    with served(hub) as url:
        (found,) = Listing(HubApi(url, TOKEN), 10).servers(5)
    assert found.key == ServerKey("ana", "")
    assert found.state == {"pid": 7}
    assert (found.started, found.last_activity) == (1_700_000_000.5, 1_700_000_001.0)
    assert (found.profile, found.groups, found.ready) == ("small", ("staff",), True)
    assert hub.headers[0]["Accept"] == PAGINATION
    assert hub.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    assert hub.requests[0]["state"] == ["active"]
    assert hub.requests[0]["include_stopped_servers"] == ["false"]


@pytest.mark.parametrize(("most", "found"), [(1000, 250), (101, 101), (1, 1)])
def test_whom_a_token_may_list(most: int, found: int):
    """Every user, also those whose servers do not run, page by page, and no more than wanted."""
    people = [{"name": f"u{n:03}", "kind": "user"} for n in range(250)]
    hub = StandIn(people)
    with served(hub) as url:
        names = Listing(HubApi(url, TOKEN), 50).usernames(5, most)
    assert names == {person["name"] for person in people[:found]}
    assert "state" not in hub.requests[0]
    assert len(hub.requests) <= most // 45 + 1


@pytest.mark.parametrize(
    ("page_size", "max_limit"), [(100, 200), (20, 200), (500, 30), (1, 200), (2, 2)]
)
def test_every_server_is_found_once(page_size: int, max_limit: int):
    """Also where the Hub gives smaller pages than are asked for."""
    hub = StandIn([user(f"u{n:03}") for n in range(95)], max_limit)
    assert names(hub, page_size) == [f"u{n:03}" for n in range(95)]


def test_a_server_that_ends_between_two_pages_takes_no_other_with_it():
    """Pages are by position: what moves up past the border is in the next page all the same."""
    hub = StandIn([user(f"u{n:03}") for n in range(60)])

    def end_two() -> None:
        if len(hub.requests) > 1:
            del hub.users[:2]

    hub.before = end_two
    assert set(names(hub, 20)) >= {f"u{n:03}" for n in range(10, 60)}


@pytest.mark.parametrize(
    ("model", "seen"),
    [
        ({"ready": True, "state": {"pid": 7}}, True),
        ({"ready": True, "state": {}}, True),
        ({"ready": True}, True),  # we may not read the state
        ({"ready": False, "pending": "spawn", "state": {"pid": 7}}, True),
        ({"ready": False, "pending": "spawn", "state": {}}, False),
        ({"ready": False, "pending": "spawn"}, False),
        ({"ready": True, "state": "text", "started": 5, "user_options": [1]}, True),
        ({"ready": True, "started": "yesterday", "last_activity": None}, True),
        (None, False),
        ("text", False),
    ],
)
def test_which_servers_there_is_something_to_see_of(model: Any, seen: bool):
    """Those that are ready or of which the spawner recorded something; odd models are no error."""
    hub = StandIn([{"name": "ana", "servers": {"": model}}, user("bob")])
    assert names(hub) == (["ana", "bob"] if seen else ["bob"])


def test_without_read_servers_there_are_no_servers():
    """The Hub leaves `servers` out then; that is no error of the answer."""
    assert names(StandIn([{"name": "ana", "kind": "user"}])) == []


def hang(handler: BaseHTTPRequestHandler) -> None:
    handler.rfile.read(1)  # until we have gone


def trickle(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    for _ in range(300):
        try:
            handler.wfile.write(b" ")
        except OSError:
            return
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda h: send(h, 403, b'{"message": "no"}'), "permission"),
        (lambda h: send(h, 401, b""), "permission"),
        (lambda h: send(h, 503, b"<html>starting</html>"), "unreachable"),
        (lambda h: send(h, 302, b""), "unreachable"),
        (lambda h: send(h, 200, b"<html>"), "protocol"),
        (lambda h: send(h, 200, b"[]"), "protocol"),
        (lambda h: send(h, 200, b'{"items": [3], "_pagination": {"next": null}}'), "protocol"),
        (lambda h: send(h, 200, b'{"items": [{}], "_pagination": {"next": null}}'), "protocol"),
        (lambda h: send(h, 200, b'{"items": []}'), "protocol"),
        (lambda h: send(h, 200, b"[" * 100_000), "protocol"),
        (lambda h: h.wfile.write(b"SSH-2.0-OpenSSH\r\n"), "protocol"),
        (lambda h: h.connection.shutdown(socket.SHUT_RDWR), "protocol"),
        (hang, "timeout"),
        (trickle, "timeout"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_goes_wrong_has_a_reason(answer: Callable[..., None], reason: str):
    """Within the time limit there is an answer or an error, whose text holds no token."""
    hub = StandIn([])
    hub.answer = answer
    began = time.monotonic()
    with pytest.raises(ListingError) as raised:
        names(hub, timeout=0.5)
    assert time.monotonic() - began < 20
    assert raised.value.reason == reason
    assert TOKEN not in str(raised.value)


def test_a_hub_that_is_away_is_unreachable():
    """Nobody listens while the Hub restarts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ListingError) as raised:
        Listing(HubApi(f"http://127.0.0.1:{port}/hub/api", TOKEN), 10).servers(1)
    assert raised.value.reason == "unreachable"


def test_pages_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch):
    """A Hub that always says that there is more does not keep us for ever."""
    monkeypatch.setattr("jupyterhub_monitoring.usage.listing.MAX_PAGES", 20)
    hub = StandIn([])
    body = json.dumps({"items": [user("ana")], "_pagination": {"next": {"offset": 1}}}).encode()
    hub.answer = lambda handler: send(handler, 200, body)
    with pytest.raises(ListingError) as raised:
        names(hub)
    assert raised.value.reason == "protocol"
    assert len(hub.requests) == 20


def test_the_token_is_in_no_text():
    """Neither a log line nor a traceback shows it."""
    assert TOKEN not in repr(HubApi("http://hub", TOKEN))
