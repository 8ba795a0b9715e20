"""Mail: what `email_configs` ask for is what a mail server gets."""

from __future__ import annotations

from typing import Any

import pytest

from jupyterhub_monitoring.alerting.message import Receiver
from jupyterhub_monitoring.alerting.receivers import mail
from jupyterhub_monitoring.alerting.receivers.configured import receiver
from jupyterhub_monitoring.alerting.receivers.notify_urls import receiver_of
from jupyterhub_monitoring.alerting.receivers.texts import Texts
from jupyterhub_monitoring.alerting.routing.receiver_config import IntegrationConfig
from jupyterhub_monitoring.alerting.routing.secret import Secret
from jupyterhub_monitoring.errors import DeliveryFailed, WrongRouting
from support.certificates import certificate, server_context
from support.messages import RESOLVED, alert, message
from support.smtp_server import SmtpServer

SECRET = "s3cretPassw0rd"


def mailer(server: SmtpServer, **settings: Any) -> Receiver:
    given = {
        "send_resolved": True,
        "smarthost": f"127.0.0.1:{server.port}",
        "from": "Hub <hub@example.org>",
        "to": "ana@example.org, Bo <bo@example.org>",
        "require_tls": False,
        **settings,
    }
    return receiver(IntegrationConfig("email", given), Texts())


async def failure(made: Receiver) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        await made.send(message())
    assert SECRET not in f"{failed.value} {made!r}"
    return failed.value


async def test_a_mail_arrives():
    """Plain text, with a subject that says it all, to everybody; nobody's holiday answers."""
    async with SmtpServer() as server:
        await mailer(server).send(message())
    (got,) = server.mails
    assert got["Subject"] == "[FIRING 1] Servers fail to start"
    assert (got["From"], got["To"]) == (
        "Hub <hub@example.org>",
        "ana@example.org, Bo <bo@example.org>",
    )
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_content_type() == "text/plain"
    assert "3 of 5 spawns failed in 30 minutes (60 %)." in got.get_content()
    assert [c.partition(":")[2] for c in server.commands if c.startswith("rcpt")] == [
        "<ana@example.org>",
        "<bo@example.org>",
    ]


async def test_a_group_is_one_thread():
    """The end of an alert stands beside its beginning in the mail program."""
    async with SmtpServer() as server:
        made = mailer(server)
        await made.send(message())
        await made.send(RESOLVED)
    first, second = server.mails
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]
    assert second["Subject"] == "[RESOLVED] Servers fail to start"


async def test_headers_and_texts_are_templates():
    """The file's own headers, text and HTML; labels in the HTML are no markup."""
    async with SmtpServer() as server:
        made = mailer(
            server,
            headers={"subject": "{{ .Status | toUpper }}\r\nBcc: x@y.z", "X-Hub": "physics"},
            text="{{ .CommonLabels.hub }}",
            html="<p>{{ .CommonLabels.hub }}</p>",
        )
        await made.send(message(alert(hub="<b>physics")))
    (got,) = server.mails
    assert got["Subject"] == "FIRING Bcc: x@y.z"
    assert (got["X-Hub"], got["Bcc"]) == ("physics", None)
    plain, html = got.iter_parts()
    assert plain.get_content().strip() == "<b>physics"
    assert html.get_content().strip() == "<p>&lt;b&gt;physics</p>"


async def test_it_logs_in(tmp_path):
    """With a password of the file or of another file, which is read at each mail."""
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    async with SmtpServer(password=SECRET) as server:
        await mailer(server, auth_username="hub", auth_password=Secret(SECRET)).send(message())
        await mailer(server, auth_username="hub", auth_password_file=str(file)).send(message())
    assert len(server.mails) == 2


async def test_a_wrong_password_is_tried_again():
    """Somebody may mend it, and then the message is still there. It is not shown, even if sent."""
    async with SmtpServer(password="another") as server:
        failed = await failure(mailer(server, auth_username="h", auth_password=Secret(SECRET)))
    assert failed.retry
    assert "refused the user name or password (535" in str(failed)


@pytest.mark.parametrize(
    ("command", "reply", "retry"),
    [
        ("MAIL", "550 no such sender", False),
        ("MAIL", "451 later", True),
        ("RCPT", "550 no such user", False),
        ("RCPT", "450 greylisted", True),
        ("DATA", "554 spam", False),
        ("DATA", "452 disk full", True),
        ("EHLO", "421 too busy", True),
    ],
)
async def test_refusals(command: str, reply: str, retry: bool):
    """What the server says is what is told; 4xx may go well later, 5xx will not."""
    replies = {command: reply, "HELO": reply} if command == "EHLO" else {command: reply}
    async with SmtpServer(replies=replies) as server:
        failed = await failure(mailer(server))
    assert failed.retry is retry
    assert reply.partition(" ")[2] in str(failed)


async def test_tls_is_insisted_on():
    """A server without STARTTLS gets nothing, unless the file says that it may."""
    async with SmtpServer() as server:
        failed = await failure(mailer(server, require_tls=True))
        assert not failed.retry
        assert "require_tls: false" in str(failed)
    assert not any(command.lower().startswith("mail") for command in server.commands)


async def test_starttls(tmp_path):
    """Where the server can, the mail is encrypted, and to nobody but the server that we trust."""
    files = certificate(tmp_path)
    async with SmtpServer(starttls=server_context(files)) as server:
        ours = {"ca_file": str(files[0])}
        await mailer(server, require_tls=True, tls_config=ours).send(message())
        failed = await failure(mailer(server, require_tls=True))
        assert "its certificate is not trusted" in str(failed)
    assert server.encrypted == [True]


async def test_tls_from_the_first_byte(tmp_path, monkeypatch):
    """On the port for that."""
    files = certificate(tmp_path)
    async with SmtpServer(tls=server_context(files)) as server:
        monkeypatch.setattr(mail, "IMPLICIT_TLS_PORT", server.port)
        await mailer(server, tls_config={"ca_file": str(files[0])}).send(message())
    assert server.encrypted == [True]


async def test_a_silent_server():
    """A server that says nothing does not hold us."""
    async with SmtpServer(wait=True) as server:
        made = mailer(server)
        made.timeout_seconds = 0.2
        failed = await failure(made)
        assert failed.retry
        server.released.set()


async def test_a_sender_that_cannot_be():
    """An address that is none is said at once, not retried for a day."""
    async with SmtpServer() as server:
        failed = await failure(mailer(server, **{"from": "{{ .Nope }}"}))
    assert not failed.retry


def test_a_smarthost_is_needed():
    """Without one there is no way to send."""
    with pytest.raises(WrongRouting, match="smarthost"):
        receiver(IntegrationConfig("email", {"send_resolved": True, "to": "a@b.org"}), Texts())


async def test_mailto():
    """The short way, by Apprise: the same words, and the server's reason when it refuses."""
    async with SmtpServer(password=SECRET) as server:
        url = (
            f"mailto://hub:{SECRET}@example.org:{server.port}?smtp=127.0.0.1&from=hub@example.org"
            "&to=ana@example.org&mode=insecure&format=text"
        )
        await receiver_of(url, {}).send(message())
        (got,) = server.mails
        assert got["Subject"] == "[FIRING 1] Servers fail to start"
        assert "3 of 5 spawns failed" in got.get_content()
        server.password = "another"
        failed = await failure(receiver_of(url, {}))
    assert failed.retry
    assert "535" in str(failed)


async def test_mailto_without_a_password():
    """A mail server of the house asks for none; one address is enough to say all."""
    async with SmtpServer() as server:
        url = f"mailto://127.0.0.1:{server.port}?from=hub@example.org&to=ana@example.org"
        await receiver_of(url, {}).send(message())
    (got,) = server.mails
    assert got["To"] == "ana@example.org"
    assert got["Subject"] == "[FIRING 1] Servers fail to start"
