"""What receivers send: Alertmanager's webhook exactly, and what each service wants of us."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from jupyterhub_monitoring.alerting.message import Message, Receiver
from jupyterhub_monitoring.alerting.receivers import text
from jupyterhub_monitoring.alerting.receivers.announcement import announcement
from jupyterhub_monitoring.alerting.receivers.configured import receiver
from jupyterhub_monitoring.alerting.receivers.notify_urls import receiver_of
from jupyterhub_monitoring.alerting.receivers.texts import Texts
from jupyterhub_monitoring.alerting.receivers.webhook import payload
from jupyterhub_monitoring.alerting.routing.receiver_config import IntegrationConfig
from jupyterhub_monitoring.alerting.routing.secret import Secret
from jupyterhub_monitoring.errors import DeliveryFailed
from support.certificates import certificate, server_context
from support.hook import Hook
from support.messages import RESOLVED, alert, message

TITLE = "[FIRING 1] Servers fail to start"


def configured(kind: str, texts: Texts | None = None, **settings: object) -> Receiver:
    given = {"send_resolved": True, **settings}
    return receiver(IntegrationConfig(kind, given), texts or Texts())


async def sent(kind: str, told: Message, url_key: str, **settings: object) -> dict:
    """The JSON that a receiver of this kind sends, `path` and `headers` with it."""
    async with Hook(body=b"{}") as hook:
        await configured(kind, **{url_key: hook.url}, **settings).send(told)
        request = hook.requests[0]
        return {**json.loads(request.body), "path": request.uri, "headers": request.headers}


def test_the_webhook_is_alertmanagers():
    """Every key of version 4, with Go's times; an alert that fires has no end."""
    mixed = message(alert(hub="physics"), alert(hub="maths", over=True))
    told = payload(replace(mixed, truncated_alerts=3))
    first, second = told.pop("alerts")
    assert told == {
        "version": "4",
        "groupKey": '{}:{alertname="SpawnsFail"}',
        "truncatedAlerts": 3,
        "status": "firing",
        "receiver": "teachers",
        "groupLabels": {"alertname": "SpawnsFail"},
        "commonLabels": {"alertname": "SpawnsFail", "severity": "critical"},
        "commonAnnotations": {
            "summary": "Servers fail to start",
            "description": "3 of 5 spawns failed in 30 minutes (60 %).",
            "runbook_url": "https://docs.example.org/SpawnsFail",
        },
        "externalURL": "https://hub.example.org/services/monitoring/",
    }
    assert first == {
        "status": "firing",
        "labels": {"alertname": "SpawnsFail", "severity": "critical", "hub": "physics"},
        "annotations": told["commonAnnotations"],
        "startsAt": "2025-11-24T15:48:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://hub.example.org/graph",
        "fingerprint": alert(hub="physics").fingerprint,
    }
    assert (second["status"], second["endsAt"]) == ("resolved", "2025-11-24T15:58:00Z")


async def test_a_webhook_has_no_more_alerts_than_wanted():
    """What is left out is counted, on top of what was left out before."""
    told = replace(message(*(alert(hub=f"hub{i}") for i in range(5))), truncated_alerts=10)
    async with Hook() as hook:
        await configured("webhook", url=Secret(hook.url), max_alerts=2).send(told)
        assert [a["labels"]["hub"] for a in hook.json["alerts"]] == ["hub0", "hub1"]
        assert hook.json["truncatedAlerts"] == 13


async def test_the_address_may_stand_in_a_file(tmp_path):
    """`url_file` is read at each message: a secret may be changed while the service runs."""
    file = tmp_path / "url"
    file.write_text("http://127.0.0.1:1/\n")
    made = configured("webhook", url_file=str(file))
    async with Hook() as hook:
        file.write_text(hook.url + "/new\n")
        await made.send(message())
        assert hook.requests[0].uri == "/new"
    file.unlink()
    with pytest.raises(DeliveryFailed, match=r"url_file .* cannot be read: No such file"):
        await made.send(message())


async def test_a_file_that_holds_no_secret_fails_the_delivery_alone(tmp_path):
    """A binary file as `credentials_file` is told as the reason, like one that is not there."""
    file = tmp_path / "token"
    file.write_bytes(b"\xff\xfe")
    authorization = {"credentials_file": str(file)}
    made = configured(
        "webhook", url="http://127.0.0.1:1/", http_config={"authorization": authorization}
    )
    with pytest.raises(DeliveryFailed, match=r"cannot be read: .*no text"):
        await made.send(message())


@pytest.mark.parametrize(
    ("http_config", "header"),
    [
        ({"authorization": {"type": "Token", "credentials": Secret("abc")}}, "Token abc"),
        ({"basic_auth": {"username": "ana", "password": Secret("pw")}}, "Basic YW5hOnB3"),
    ],
    ids=["authorization", "basic"],
)
async def test_who_we_are(http_config, header):
    """`http_config` says as whom we come."""
    async with Hook() as hook:
        await configured("webhook", url=hook.url, http_config=http_config).send(message())
        assert hook.requests[0].headers["Authorization"] == header


async def test_whom_we_trust(tmp_path):
    """A certificate that nobody vouches for is refused, unless the file says to take it."""
    files = certificate(tmp_path)
    async with Hook(tls=server_context(files)) as hook:
        with pytest.raises(DeliveryFailed, match="its certificate is not trusted"):
            await configured("webhook", url=hook.url).send(message())
        for tls in (
            {"ca_file": str(files[0])},
            {"ca": files[0].read_text()},
            {"insecure_skip_verify": True},
        ):
            made = configured("webhook", url=hook.url, http_config={"tls_config": tls})
            await made.send(message())
        assert len(hook.requests) == 3


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a proxy does: connect where it is asked to, and pass bytes on."""
    target = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
    host, _, port = target.rpartition(":")
    there, out = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 go on\r\n\r\n")

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(4096):
            sink.write(data)
        sink.close()

    await asyncio.gather(pump(reader, out), pump(there, writer))


async def test_through_a_proxy(tmp_path):
    """`proxy_url` is a tunnel: the certificate is still the server's; `no_proxy` goes round it."""
    files, used = certificate(tmp_path), []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        used.append(1)
        await _relay(reader, writer)

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    async with Hook(tls=server_context(files)) as hook:
        http = {
            "tls_config": {"ca_file": str(files[0])},
            "proxy_url": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        }
        await configured("webhook", url=hook.url, http_config=http).send(message())
        assert (len(hook.requests), len(used)) == (1, 1)
        round_it = {**http, "no_proxy": "example.org,127.0.0.1"}
        await configured("webhook", url=hook.url, http_config=round_it).send(message())
        assert (len(hook.requests), len(used)) == (2, 1)
    server.close()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_stay_on_the_host(status: int):
    """A redirect to another host would take the message, and the password, elsewhere."""
    async with Hook() as other, Hook(status=status) as hook:
        hook.headers = {"Location": other.url.replace("127.0.0.1", "localhost")}
        with pytest.raises(DeliveryFailed, match="are not followed") as failed:
            await configured("webhook", url=hook.url).send(message())
        assert not failed.value.retry
        assert other.requests == []


async def test_a_redirect_on_the_host_is_followed():
    """A server that moved to another port or path gets the whole message there."""
    async with Hook() as other, Hook(status=308) as hook:
        hook.headers = {"Location": f"{other.url}/moved"}
        await configured("webhook", url=hook.url).send(message())
        assert (other.requests[0].method, other.requests[0].uri) == ("POST", "/moved")
        assert other.json == hook.json


async def test_a_long_answer_is_not_kept():
    """Only the beginning of an answer is read for its reason."""
    async with Hook(status=400, body=b"x" * 300_000) as hook:
        with pytest.raises(DeliveryFailed) as failed:
            await configured("webhook", url=hook.url).send(message())
    assert len(str(failed.value)) < 300


async def test_slack():
    """One attachment with a colour, in the channel that the file says."""
    told = await sent("slack", message(), "api_url", channel="#hub", icon_emoji=":boom:")
    assert (told["channel"], told["icon_emoji"]) == ("#hub", ":boom:")
    (attached,) = told["attachments"]
    assert (attached["title"], attached["color"]) == (TITLE, "danger")
    assert attached["title_link"] == message().external_url
    assert "3 of 5 spawns failed" in attached["text"]
    over = await sent("slack", RESOLVED, "api_url")
    assert over["attachments"][0]["color"] == "good"


async def test_slack_says_no_with_200():
    """Slack's API answers 200 and `"ok": false`: the message was not taken."""
    async with Hook(body=b'{"ok":false,"error":"channel_not_found"}') as hook:
        with pytest.raises(DeliveryFailed, match="channel_not_found"):
            await configured("slack", api_url=hook.url).send(message())


@pytest.mark.parametrize(
    ("kind", "text_of"),
    [
        ("discord", lambda told: told["embeds"][0]["title"] + told["embeds"][0]["description"]),
        ("msteams", lambda told: told["title"] + told["text"]),
        (
            "msteamsv2",
            lambda told: "".join(b["text"] for b in told["attachments"][0]["content"]["body"]),
        ),
        (
            "rocketchat",
            lambda told: told["attachments"][0]["title"] + told["attachments"][0]["text"],
        ),
        ("webex", lambda told: told["markdown"]),
    ],
)
async def test_chats_say_what_is_wrong(kind: str, text_of):
    """Title, number, and since when: in whatever field the chat shows."""
    key = "api_url" if kind in {"rocketchat", "webex"} else "webhook_url"
    said = text_of(await sent(kind, message(), key))
    for part in (TITLE, "3 of 5 spawns failed", "for 12 min", "docs.example.org"):
        assert part in said


async def test_pagerduty():
    """A group is one incident: it is opened, and the same is closed."""
    told = await sent("pagerduty", message(), "url", routing_key=Secret("rk"))
    over = await sent("pagerduty", RESOLVED, "url", routing_key=Secret("rk"))
    assert (told["event_action"], over["event_action"]) == ("trigger", "resolve")
    assert told["dedup_key"] == over["dedup_key"]
    assert len(told["dedup_key"]) == 64
    assert told["routing_key"] == "rk"
    assert told["payload"]["severity"] == "critical"
    assert told["payload"]["summary"] == TITLE
    assert told["payload"]["custom_details"]["num_firing"] == 1


async def test_opsgenie():
    """A group is one alert: it is opened, and the same is closed."""
    told = await sent(
        "opsgenie", message(), "api_url", api_key=Secret("k"), priority="P1", tags="a, b"
    )
    over = await sent("opsgenie", RESOLVED, "api_url", api_key=Secret("k"))
    assert told["headers"]["Authorization"] == "GenieKey k"
    assert (told["message"], told["priority"], told["tags"]) == (TITLE, "P1", ["a", "b"])
    assert over["path"] == f"/v2/alerts/{told['alias']}/close?identifierType=alias"


async def test_victorops():
    """A group is one incident, which recovers."""
    settings = {"api_key": Secret("k"), "routing_key": "team"}
    told = await sent("victorops", message(), "api_url", **settings)
    over = await sent("victorops", RESOLVED, "api_url", **settings)
    assert told["path"] == "/k/team"
    assert (told["message_type"], over["message_type"]) == ("CRITICAL", "RECOVERY")
    assert told["entity_id"] == over["entity_id"]


async def test_telegram():
    """Our text goes as it is; a template of the operator's as the markup that it says."""
    settings = {"bot_token": Secret("1:t"), "chat_id": -100, "message_thread_id": 7}
    told = await sent("telegram", message(), "api_url", **settings)
    assert (told["path"], told["chat_id"]) == ("/bot1:t/sendMessage", -100)
    assert told["message_thread_id"] == 7
    assert told["text"].startswith(TITLE)
    assert "parse_mode" not in told
    own = await sent("telegram", message(), "api_url", **settings, message="<b>{{ .Status }}</b>")
    assert (own["text"], own["parse_mode"]) == ("<b>firing</b>", "HTML")


async def test_pushover():
    """It rings until somebody answers while something fires."""
    settings = {"token": Secret("t"), "user_key": Secret("u"), "retry": 90_000}
    forms = []
    for told in (message(), RESOLVED):
        async with Hook() as hook:
            await configured("pushover", api_url=hook.url, **settings).send(told)
            forms.append({k: v[0] for k, v in parse_qs(hook.requests[0].body.decode()).items()})
    assert forms[0]["priority"] == "2"
    assert (forms[0]["retry"], forms[0]["expire"]) == ("90", "3600")
    assert (forms[0]["title"], forms[0]["user"]) == (TITLE, "u")
    assert forms[1]["priority"] == "0"
    assert "retry" not in forms[1]


async def test_announcement():
    """The Hub's example service: a text while something fires, taken back when all is over."""
    async with Hook() as hook:
        url = hook.url.replace("http://", "announcement://t0ken@") + "/services/announcement/"
        made = receiver_of(url, {})
        other = replace(message(alert("Other", hub="<b>")), group_key="other")
        await made.send(message())
        await made.send(other)
        await made.send(RESOLVED)
        await made.send(replace(RESOLVED, group_key="other"))
        told = [(r.method, r.body and json.loads(r.body)["announcement"]) for r in hook.requests]
        assert hook.requests[0].headers["Authorization"] == "token t0ken"
    assert told == [
        ("POST", "Servers fail to start"),
        ("POST", "Servers fail to start · Servers fail to start"),
        ("POST", "Servers fail to start"),
        ("DELETE", b""),
    ]


async def test_announcement_package():
    """The package jupyterhub-announcement takes a form, with what its page gave against forgery."""
    cookie = "_xsrf=abc; Path=/services/announcement/"
    async with Hook(headers={"Set-Cookie": cookie}, by_method={"POST": 302}) as hook:
        url = hook.url.replace("http://", "announcement://t@") + "/services/announcement/update"
        made = receiver_of(url, {})
        await made.send(message())
        await made.send(RESOLVED)
        page, form, _, last = hook.requests
    assert (page.method, page.uri) == ("GET", "/services/announcement/")
    assert (form.method, form.uri) == ("POST", "/services/announcement/update")
    assert (form.headers["Cookie"], form.headers["X-XSRFToken"]) == ("_xsrf=abc", "abc")
    texts = [parse_qs(one.body.decode(), True)["announcement"] for one in (form, last)]
    assert texts == [["Servers fail to start"], [""]]


def test_announcements_hold_no_markup():
    """Text of a label cannot become a script on every user's page."""
    evil = message(
        replace(alert(), annotations=(("announcement", "<script>alert(1)</script>"),)),
    )
    assert announcement(evil) == "&lt;script&gt;alert(1)&lt;/script&gt;"


async def test_apprise_says_how_bad_it_is():
    """Apprise's services get our words, and the urgency that they show as a colour."""
    async with Hook() as hook:
        made = receiver_of(hook.url.replace("http://", "json://") + "/x", {})
        await made.send(message())
        await made.send(RESOLVED)
        told = [json.loads(request.body) for request in hook.requests]
    assert [one["type"] for one in told] == ["failure", "success"]
    assert told[0]["title"] == TITLE
    assert told[0]["message"] == text.body(message())
