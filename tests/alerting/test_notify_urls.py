"""`c.Monitoring.notify`: what each address means, and what is said of one that is wrong."""

from __future__ import annotations

import asyncio
import re
import stat
import sys
from pathlib import Path

import pytest

from jupyterhub_monitoring.alerting.receivers.notify_urls import MOST, receivers_of
from jupyterhub_monitoring.alerting.receivers.placeholders import expanded
from jupyterhub_monitoring.errors import DeliveryFailed, WrongRouting
from support.hook import Hook
from support.messages import message

SECRET = "s3cretT0kenABCDEF"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (f"https://hook.example.org/{SECRET}", "webhook"),
        ("http://127.0.0.1:9000/hook", "webhook"),
        (f"  https://ana:{SECRET}@hook.example.org/x ", "webhook"),
        (f"script://{sys.executable}", "script"),
        (f"announcement://{SECRET}@127.0.0.1:8888/services/announcement/", "announcement"),
        (f"announcements://{SECRET}@hub.example.org/services/announcement/update", "announcement"),
        ("pagerduty://0123456789abcdef0123456789abcdef", "pagerduty"),
        ("pagerduty://0123456789abcdef0123456789abcdef@apikey?region=eu", "pagerduty"),
        (f"mailto://ana:{SECRET}@example.org?to=bo@example.org", "mailto"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#hub", "slack"),
        (f"ntfy://ntfy.example.org/{SECRET}", "ntfy"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "tgram"),
        ("jsons://hook.example.org/path", "jsons"),
    ],
)
def test_an_address_is_a_receiver(url: str, kind: str):
    """Its scheme says by which way; nothing of it is in the object's text."""
    receivers, problems = receivers_of([url], {})
    assert problems == []
    assert [one.kind for one in receivers] == [kind]
    assert SECRET not in repr(receivers)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "it is empty"),
        ("hook.example.org/x", "it has no scheme"),
        (f"{SECRET}:x", "it has no scheme"),
        (f"mailto:/{SECRET}", "after mailto: come two slashes: mailto://…"),
        (f"https:{SECRET}", "after https: come two slashes: https://…"),
        (f"my {SECRET}://x", "what stands before :// is no scheme"),
        (f"slak://{SECRET}", r"slak:// is no way to notify; did you mean slack://\?"),
        (f"teams://{SECRET}", r"did you mean workflows://\?"),
        (f"smtp://{SECRET}", r"did you mean mailto://\?"),
        (f"slack://{SECRET}", "slack:// is incomplete or wrong .*; how it is written: https://"),
        (f"mailto://{SECRET}", "mailto:// is incomplete or wrong"),
        (f"https://hook:99999/{SECRET}", "https://: its host or port is wrong"),
        (f"https:///{SECRET}", "https://: its host or port is wrong"),
        (f"https://hook.example.org/{SECRET} x", "a character needs %XX"),
        ("script://relative/path", "begins with /"),
        ("script:///", "/ is no program"),
        ("script:///no/such/program", "/no/such/program is no program"),
        ("script:///tmp", "/tmp is no program"),
        (
            f"script://{sys.executable}?token={SECRET}",
            r"arguments are \?arg=…&arg=…, not 'token'=…",
        ),
        ("script:///bin/sh%20%22x", "a quote"),
        (f"announcement://{SECRET}@hub.example.org", "the path is missing"),
        ("announcement://hub.example.org/services/announcement/", "a token is missing"),
        ("pagerduty://short", "the integration key is missing"),
        (
            "https://hook.example.org/${HOOK_TOKEN}",
            "the Hub's environment has no variable HOOK_TOKEN",
        ),
        (
            "https://hook.example.org/${file:/no/such/file}",
            "/no/such/file} cannot be read: No such",
        ),
        ("https://hook.example.org/${file:relative}", "must begin with /"),
        ("https://hook.example.org/${not a name}", "a placeholder is"),
    ],
)
def test_a_wrong_address_is_said(url: str, said: str):
    """In a sentence that says what to do and has no secret in it; the others still work."""
    receivers, problems = receivers_of([url, "http://127.0.0.1/hook"], {})
    assert [one.kind for one in receivers] == ["webhook"]
    (problem,) = problems
    assert problem.startswith("address 1 of 2: ")
    assert re.search(said, problem)
    assert SECRET not in problem


def test_no_more_than_a_hundred():
    """A list that a loop made by mistake does not make a thousand threads."""
    receivers, problems = receivers_of(["http://127.0.0.1/hook"] * (MOST + 1), {})
    assert len(receivers) == MOST
    assert problems == ["101 addresses: only the first 100 are used"]


def test_secrets_from_elsewhere(tmp_path: Path):
    """A variable or a file; in a URL whatever is in it is quoted, alone it is the whole URL."""
    file = tmp_path / "token"
    file.write_text("a/b c\n")
    environ = {"TOKEN": "p@ss/w:rd", "URL": "https://x.example.org/a?b=c"}
    assert expanded("https://u:${TOKEN}@h/${file:%s}" % file, environ) == (  # noqa: UP031
        "https://u:p%40ss%2Fw%3Ard@h/a%2Fb%20c"
    )
    assert expanded("${URL}", environ) == "https://x.example.org/a?b=c"
    file.write_text("")
    with pytest.raises(WrongRouting, match="empty"):
        expanded(f"${{file:{file}}}", environ)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(WrongRouting, match="no text"):
        expanded(f"${{file:{file}}}", environ)


async def test_a_password_with_any_character():
    """A password from the environment arrives as it is."""
    async with Hook() as hook:
        url = hook.url.replace("http://", "http://ana:${PASSWORD}@")
        (made,), _ = receivers_of([url], {"PASSWORD": "p@ss/w:rd%"})
        await made.send(message())
        assert hook.requests[0].headers["Authorization"] == "Basic YW5hOnBAc3MvdzpyZCU="


async def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    """HTTPS goes by the proxy that the environment names, which sees the host and no more."""
    seen = []

    async def proxy(reader, writer):
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 407 who are you\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(proxy, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for name in ("HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("https_proxy", f"http://ana:{SECRET}@127.0.0.1:{port}")
    (made,), _ = receivers_of([f"https://hook.example.org/{SECRET}"], {})
    with pytest.raises(
        DeliveryFailed, match=f"127.0.0.1:{port} answered 407 who are you"
    ) as failed:
        await made.send(message())
    server.close()
    assert seen[0].startswith(b"CONNECT hook.example.org:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in seen[0]
    assert SECRET.encode() not in seen[0]
    assert failed.value.retry
    assert SECRET not in str(failed.value)


def test_a_program_with_a_space_in_its_name(tmp_path: Path):
    """A path is quoted as in a shell, after %XX."""
    program = tmp_path / "tell me"
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU)
    (made,), problems = receivers_of([f"script://'{tmp_path}/tell%20me'%20one"], {})
    assert problems == []
    assert (made.program, made.arguments) == (str(program), ["one"])


def test_not_even_the_ends_of_a_secret_are_shown():
    """Apprise shows how a token that it cannot use begins and ends; we do not."""
    _, problems = receivers_of(["tgram://sEcReTbad/1234567"], {})
    assert len(problems) == 1
    assert "s...d" not in problems[0]
    assert "1234567" not in problems[0]
