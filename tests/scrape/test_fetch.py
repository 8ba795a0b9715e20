"""Asking a target: what is sent, what is taken, and every way in which it can go wrong."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from jupyterhub_monitoring.errors import ScrapeError, ScrapeOverLimit
from jupyterhub_monitoring.scrape.exposition_pass import Format
from jupyterhub_monitoring.scrape.fetch import Fetch
from jupyterhub_monitoring.scrape.target import Credentials, Limits, Target
from support import odd_server
from support.odd_server import OddServer, answer, hangs, sends, trickles, trickles_headers

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.fixture
def serve() -> Iterator[Callable[..., OddServer]]:
    made: list[OddServer] = []

    def make(behave: odd_server.Behave) -> OddServer:
        made.append(OddServer(behave))
        return made[-1]

    yield make
    for server in made:
        server.close()


def target(url: str, **more: object) -> Target:
    return Target(url, "j", **{"timeout_seconds": 30, **more})


async def failure(url: str, **more: object) -> ScrapeError:
    with pytest.raises(ScrapeError) as raised:
        await Fetch(target(url, **more))()
    return raised.value


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("text/plain", Format.TEXT),
        ("text/plain; version=0.0.4; charset=utf-8", Format.TEXT),
        ("Text/Plain;version=1.0.0;escaping=allow-utf-8", Format.TEXT),
        (OPENMETRICS, Format.OPENMETRICS),
    ],
)
async def test_formats(serve, content_type, form):
    """The answer's content type says which format it is in."""
    server = serve(sends(answer("a 1\n", content_type)))
    got = await Fetch(target(server.url))()
    assert (got.body, got.format) == (b"a 1\n", form)


async def test_request(serve):
    """The request is one that a target answers as it answers Prometheus."""
    server = serve(sends(answer("a 1\n")))
    await Fetch(target(server.url + "?a=b&c=%20"))()
    (request,) = server.requests
    assert request.startswith("GET /metrics?a=b&c=%20 HTTP/1.1\r\n")
    assert "Accept: application/openmetrics-text;version=1.0.0" in request
    assert "Accept-Encoding: gzip\r\n" in request
    assert "X-Prometheus-Scrape-Timeout-Seconds: 30\r\n" in request
    assert "User-Agent: jupyterhub-monitoring/" in request
    assert "Authorization" not in request


WHOLE = {
    "gzip": answer(gzip.compress(b"a 1\n"), Content_Encoding="gzip"),
    "chunked": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2\r\na \r\n2\r\n1\n\r\n0\r\n\r\n",
    "until it closes": b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\na 1\n",
    "identity": answer("a 1\n", Content_Encoding="identity"),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
async def test_ways_to_send_a_body(serve, data):
    """A body may be compressed, in chunks, or end with the connection."""
    assert (await Fetch(target(serve(sends(data)).url))()).body == b"a 1\n"


WRONG = {
    "error 500": (answer("oh", status="500 Internal Server Error"), "status 500 Internal"),
    "forbidden": (answer("no", status="403 Forbidden"), "status 403 Forbidden"),
    "a web page": (answer("<html>", "text/html; charset=utf-8"), "'text/html', not metrics"),
    "no content type": (answer("a 1\n", ""), "no content type"),
    "brotli": (answer("a 1\n", Content_Encoding="br"), "compressed by 'br'"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "no HTTP"),
    "nothing": (b"", "no HTTP|no connection"),
    "half a body": (answer("a 1\nb 2\n")[:-4], "4 bytes too early"),
    "half a chunk": (WHOLE["chunked"][:-8], "cut off"),
    "broken gzip": (
        answer(gzip.compress(b"a 1\n")[:12] + b"xxxxxx", Content_Encoding="gzip"),
        "gzip stream is broken",
    ),
    "half a gzip": (
        answer(gzip.compress(b"a 1\n")[:-5], Content_Encoding="gzip"),
        "gzip stream ends too early",
    ),
    "no gzip": (answer("a 1\n", Content_Encoding="gzip"), "gzip stream is broken"),
    "something after gzip": (
        answer(gzip.compress(b"a 1\n") + b"more", Content_Encoding="gzip"),
        "followed by something else",
    ),
    "a redirect to nowhere": (answer("", status="302 Found", Location="ftp://x/"), "redirected"),
    "a redirect to a bad port": (
        answer("", status="302 Found", Location="http://x:99999/"),
        "redirected",
    ),
}


@pytest.mark.parametrize(("data", "reason"), WRONG.values(), ids=WRONG)
async def test_wrong_answers(serve, data, reason):
    """What is no exposition is refused with a reason that an operator understands."""
    error = await failure(serve(sends(data)).url)
    assert not isinstance(error, ScrapeOverLimit)
    assert re.search(reason, str(error)), str(error)


async def test_refused_connection():
    """Nobody listens: it is said at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{free.getsockname()[1]}/")
    assert "refused" in str(error)


async def test_unknown_host():
    """A name that does not exist is no connection."""
    assert "no connection" in str(await failure("http://no-such-host.invalid/metrics"))


@pytest.mark.parametrize("behave", [hangs, trickles, trickles_headers])
async def test_the_time_limit_is_for_all_of_it(serve, behave):
    """A target that hangs, or sends a byte now and then, is given up in time, and left alone."""
    server = serve(behave)
    began = time.monotonic()
    assert "no complete answer within 0.6 s" in str(await failure(server.url, timeout_seconds=0.6))
    assert time.monotonic() - began < 20
    await until(lambda: server.open == 0)


async def test_cancelling_closes_the_connection(serve):
    """When the service stops, nothing is left that asks."""
    server = serve(hangs)
    task = asyncio.ensure_future(Fetch(target(server.url, timeout_seconds=60))())
    await until(lambda: server.requests)
    task.cancel()
    await asyncio.wait([task])
    await until(lambda: server.open == 0)


@pytest.mark.parametrize("fails", [False, True], ids=["an answer", "an error"])
async def test_cancelled_in_the_moment_of_the_answer(fails):
    """The service stops just when a target answers: it is cancelled all the same."""
    go_on, answered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def read() -> tuple[bytes, str]:
        go_on.wait(60)
        # Runs right after the answer was delivered, before whoever waits for it.
        loop.call_soon_threadsafe(lambda: loop.call_soon(cancel))
        if fails:
            raise ScrapeError("no")
        return b"a 1\n", "text/plain"

    def cancel() -> None:
        task.cancel()
        answered.set()

    task = asyncio.ensure_future(Fetch(target("http://self/", read=read))())
    await asyncio.sleep(0)
    go_on.set()
    await answered.wait()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_hanging_look_up(monkeypatch):
    """A name server that hangs holds up neither the loop nor the next scrape's answer."""
    hanging = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: hanging.wait(120) or [])
    fetch = Fetch(target("http://slow.example.org/metrics", timeout_seconds=0.2))
    try:
        for reason in ("no complete answer", "still waits", "still waits"):
            with pytest.raises(ScrapeError, match=reason):
                await asyncio.wait_for(fetch(), 30)
    finally:
        hanging.set()
    await until(lambda: not fetch._asking)


BODY = "# 0123456789\n" * 10_000
BOMB = odd_server.gzip_bomb(20)
OVER = {
    "announced": answer(BODY),
    "not announced": b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n" + BODY.encode(),
    "chunked": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"ffff\r\n%s\r\n" % (b"#" * 0xFFFF) * 4,
    "a bomb": answer(BOMB, Content_Encoding="gzip"),
}


@pytest.mark.parametrize("data", OVER.values(), ids=OVER)
async def test_too_large(serve, data):
    """More bytes than the limit are refused, however they come; a bomb is never unpacked."""
    limits = Limits(body_bytes=100_000)
    assert len(BOMB) < limits.body_bytes
    error = await failure(serve(sends(data)).url, limits=limits)
    assert isinstance(error, ScrapeOverLimit)
    assert "more than 100,000 bytes in the answer" in str(error)


async def test_redirects_are_followed(serve):
    """A page that has moved is found, with the same token when it is on the same server."""
    server = serve(sends(b""))
    there = answer("", status="301 Moved", Location="/there?x=1")
    server.behave = lambda c, r: c.sendall(there if "/metrics " in r else answer("a 1\n"))
    await Fetch(target(server.url, credentials=Credentials("secret")))()
    assert [r.split()[1] for r in server.requests] == ["/metrics", "/there?x=1"]
    assert all("Authorization: Bearer secret\r\n" in r for r in server.requests)


async def test_a_token_does_not_leave_its_server(serve):
    """A redirect to another server takes neither the token nor our headers along."""
    other = serve(sends(answer("a 1\n")))
    server = serve(sends(answer("", status="302 Found", Location=other.url)))
    credentials = Credentials("secret", headers={"X-Key": "key"})
    await Fetch(target(server.url, credentials=credentials))()
    assert "secret" in server.requests[0]
    assert "X-Key: key\r\n" in server.requests[0]
    assert "secret" not in other.requests[0]
    assert "X-Key" not in other.requests[0]


async def test_redirects_in_a_circle(serve):
    """A redirect to itself ends."""
    server = serve(sends(answer("", status="302 Found", Location="/metrics")))
    assert "more than 5 redirects" in str(await failure(server.url))
    assert len(server.requests) == 6


async def test_token_file_is_read_each_time(serve, tmp_path):
    """A token that is replaced in its file is used from the next scrape on."""
    server, file = serve(sends(answer("a 1\n"))), tmp_path / "token"
    fetch = Fetch(target(server.url, credentials=Credentials(token_file=file)))
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        await fetch()
        assert f"Authorization: Bearer {token}\r\n" in server.requests[-1]


@pytest.mark.parametrize("content", [None, b"se\ncret", b"\xff\xfe", "sécret".encode()])
async def test_unusable_token_file(serve, tmp_path, content):
    """A token that cannot be used is said, but never shown, and the target is not asked."""
    server, file = serve(sends(answer("a 1\n"))), tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    error = await failure(server.url, credentials=Credentials(token_file=file))
    assert "token" in str(error)
    assert "cret" not in str(error)
    assert server.requests == []


def test_secrets_are_not_shown():
    """A target that is printed, in a log or a traceback, does not tell its token."""
    shown = repr(target("http://x/", credentials=Credentials("secret", headers={"X": "secret"})))
    assert "secret" not in shown


async def test_metrics_of_this_process():
    """The service's own metrics are read without HTTP, in a thread, with the same limits."""
    threads = []

    def read() -> tuple[bytes, str]:
        threads.append(threading.current_thread())
        return b"a 1\n", "text/plain"

    assert (await Fetch(target("http://self/", read=read))()).body == b"a 1\n"
    assert threads[0] is not threading.current_thread()
    with pytest.raises(ScrapeOverLimit):
        await Fetch(target("http://self/", read=read, limits=Limits(body_bytes=3)))()
    with pytest.raises(ScrapeError, match="asking failed: ZeroDivisionError"):
        await Fetch(target("http://self/", read=lambda: 1 / 0))()


async def test_nothing_is_logged(serve, caplog):
    """What goes wrong with a target is shown beside it; it does not fill the log."""
    caplog.set_level(logging.INFO)
    for data, _ in WRONG.values():
        await failure(serve(sends(data)).url)
    assert caplog.records == []


async def until(condition: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not come to be"
        await asyncio.sleep(0.01)
