"""Receivers that speak HTTP, one suite for all: what is taken, tried again, and never shown."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest

from jupyterhub_monitoring.alerting.message import Receiver
from jupyterhub_monitoring.alerting.receivers.configured import receiver
from jupyterhub_monitoring.alerting.receivers.notify_urls import receiver_of
from jupyterhub_monitoring.alerting.receivers.texts import Texts
from jupyterhub_monitoring.alerting.routing.receiver_config import IntegrationConfig
from jupyterhub_monitoring.alerting.routing.secret import Secret
from jupyterhub_monitoring.errors import DeliveryFailed
from support.hook import Hook
from support.messages import RESOLVED, message

SECRET = "s3cretT0kenABCDEF"


def configured(kind: str, **settings: object) -> Receiver:
    given = {"send_resolved": True, **settings}
    return receiver(IntegrationConfig(kind, given), Texts())


def written(url: str) -> Receiver:
    return receiver_of(url, {})


@dataclass(frozen=True)
class Way:
    """How a receiver of one kind is made for a server, with `SECRET` in it."""

    name: str
    make: Callable[[str], Receiver]
    tells_status: bool = True  # Apprise does not say which refusals are for good

    def __str__(self) -> str:
        return self.name


WAYS = [
    Way("webhook", lambda url: configured("webhook", url=Secret(f"{url}/hooks/{SECRET}"))),
    Way("webhook url", lambda url: written(f"{url}/hook?token={SECRET}")),
    Way(
        "webhook with a user",
        lambda url: written(f"{url}/hook".replace("://", f"://ana:{SECRET}@")),
    ),
    Way(
        "webhook with a token",
        lambda url: configured(
            "webhook",
            url=Secret(f"{url}/hook"),
            http_config={"authorization": {"type": "Bearer", "credentials": Secret(SECRET)}},
        ),
    ),
    Way("slack", lambda url: configured("slack", api_url=Secret(f"{url}/services/T/{SECRET}"))),
    Way("discord", lambda url: configured("discord", webhook_url=Secret(f"{url}/api/{SECRET}"))),
    Way("msteams", lambda url: configured("msteams", webhook_url=Secret(f"{url}/{SECRET}"))),
    Way("msteamsv2", lambda url: configured("msteamsv2", webhook_url=Secret(f"{url}/{SECRET}"))),
    Way(
        "rocketchat",
        lambda url: configured(
            "rocketchat", api_url=url, token=Secret(SECRET), token_id=Secret(f"id{SECRET}")
        ),
    ),
    Way(
        "webex",
        lambda url: configured(
            "webex",
            api_url=url,
            room_id="room",
            http_config={"authorization": {"type": "Bearer", "credentials": Secret(SECRET)}},
        ),
    ),
    Way("pagerduty", lambda url: configured("pagerduty", url=url, routing_key=Secret(SECRET))),
    Way("opsgenie", lambda url: configured("opsgenie", api_url=url, api_key=Secret(SECRET))),
    Way(
        "victorops",
        lambda url: configured("victorops", api_url=url, api_key=Secret(SECRET), routing_key="t"),
    ),
    Way(
        "telegram",
        lambda url: configured("telegram", api_url=url, bot_token=Secret(SECRET), chat_id=-100),
    ),
    Way(
        "pushover",
        lambda url: configured("pushover", api_url=url, token=Secret(SECRET), user_key=Secret("u")),
    ),
    Way(
        "announcement",
        lambda url: written(url.replace("http://", f"announcement://{SECRET}@") + "/services/a/"),
    ),
    Way(
        "announcement package",
        lambda url: written(url.replace("http://", f"announcement://{SECRET}@") + "/a/update"),
    ),
    Way(
        "apprise",
        lambda url: written(url.replace("http://", f"json://ana:{SECRET}@") + f"/{SECRET}"),
        tells_status=False,
    ),
]


@pytest.fixture(params=WAYS, ids=str)
def way(request):
    return request.param


async def failure(receiver: Receiver) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await receiver.send(message())
    return failed.value


async def test_a_message_is_taken(way: Way):
    """A message that fires and its end are each one request, with the secret in it."""
    async with Hook() as hook:
        receiver = way.make(hook.url)
        await receiver.send(message())
        await receiver.send(RESOLVED)
    told = [request for request in hook.requests if request.method != "GET"]
    assert len(told) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_refusal_is_for_good(way: Way, status: int):
    """What the server does not want now it will not want later; a person has to look."""
    async with Hook(status=status, body=b"no such channel") as hook:
        failed = await failure(way.make(hook.url))
    assert failed.retry is not way.tells_status
    assert str(status) in str(failed)
    assert "no such channel" in str(failed)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_fault_of_the_server_is_tried_again(way: Way, status: int):
    """A server that has a fault, or is behind a proxy that finds none, may be well later."""
    async with Hook(status=status) as hook:
        failed = await failure(way.make(hook.url))
    assert failed.retry
    assert str(status) in str(failed)


async def test_too_many_requests_are_waited_for(way: Way):
    """A server that says how long to wait is asked again after that."""
    async with Hook(status=429, headers={"Retry-After": "7"}) as hook:
        failed = await failure(way.make(hook.url))
    assert failed.retry
    assert failed.wait_seconds == (7 if way.tells_status else 0)


async def test_nobody_listens(way: Way):
    """A server that is down is tried again; the text says what is the matter."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        failed = await failure(way.make(f"http://127.0.0.1:{free.getsockname()[1]}"))
    assert failed.retry
    assert "refused" in str(failed)
    assert SECRET not in str(failed)


async def test_a_server_that_hangs_up(way: Way):
    """A server that ends the connection without an answer is tried again."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        failed = await failure(way.make(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
    assert failed.retry
    assert "closed" in str(failed)
    assert SECRET not in str(failed)


async def test_a_silent_server_is_left(way: Way):
    """A server that takes the request and says nothing does not hold us."""
    async with Hook(wait=True) as hook:
        receiver = way.make(hook.url)
        if way.tells_status:
            receiver.http._timeout = 0.2
        else:
            receiver.timeout_seconds = 0.2
            receiver.plugin.socket_read_timeout = 0.2
        failed = await failure(receiver)
    assert failed.retry
    assert "0.2" in str(failed)  # how long was waited


@pytest.mark.parametrize("status", [400, 503])
async def test_a_secret_is_never_shown(way: Way, status: int, caplog: pytest.LogCaptureFixture):
    """Not where the server sends back what it got, not in a log, not as the object's text."""
    caplog.set_level(logging.DEBUG)
    async with Hook(status=status, echo=True) as hook:
        receiver = way.make(hook.url)
        failed = await failure(receiver)
        assert len(hook.requests) == 1
    logged = [r.getMessage() for r in caplog.records if r.name != "apprise"]
    assert SECRET not in f"{failed} {failed!r} {receiver!r} {receiver} {logged}"


def test_the_log_of_apprise_goes_nowhere():
    """Apprise logs payloads and, of wrong URLs, tokens; only its reasons are taken out of there."""
    written(f"json://ana:{SECRET}@127.0.0.1/")
    assert not logging.getLogger("apprise").propagate
