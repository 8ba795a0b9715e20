"""Mail as Alertmanager's `email_configs` say it: over SMTP, with what Python has.

Apprise's mail (`mailto://`) is for addresses written as one URL. It cannot insist on TLS at any
port, say another name in its HELO, use CRAM-MD5 or take headers that differ per message, all of
which the file may ask for.
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from hashlib import sha256

from ...errors import DeliveryFailed
from ..message import Message
from ..text_file import read_secret
from .http_options import HttpOptions
from .redact import longest_first, redacted

TIMEOUT_SECONDS = 20.0
"""For each step of the talk with the server; the whole takes at most three times as long."""

IMPLICIT_TLS_PORT = 465

Render = Callable[[str, Message], str]
"""Fills a template in for a message. Raises `DeliveryFailed`."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed over, and as whom."""

    host: str
    port: int = 25
    hello: str = "localhost"
    username: str = ""
    password: str = field(default="", repr=False)
    password_file: str = ""
    require_tls: bool = True
    tls: HttpOptions = field(default_factory=HttpOptions, repr=False)

    def secret(self) -> str:
        """Return the password. Raises OSError where its file cannot be read."""
        return read_secret(self.password_file) if self.password_file else self.password


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says; each is a template."""

    to: str
    sender: str
    headers: Mapping[str, str]  # `Subject` among them
    text: str
    html: str = ""


@dataclass
class Mail:
    """Sends one mail per message; those of the same group are one thread in the mail program."""

    server: MailServer
    letter: Letter = field(repr=False)
    render: Render = field(repr=False)
    render_html: Render = field(repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS
    sends_resolved: bool = True
    kind: str = "email"
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "mail"), repr=False
    )

    async def send(self, message: Message) -> None:
        """Hand the mail over. Raises `DeliveryFailed`."""
        mail = written(self.letter, self.render, self.render_html, message)
        sending = asyncio.get_running_loop().run_in_executor(self._thread, self._send, mail)
        try:
            await asyncio.wait_for(sending, 3 * self.timeout_seconds)
        except (asyncio.TimeoutError, TimeoutError):
            why = f"{self._where} did not answer within {3 * self.timeout_seconds:g} s"
            raise DeliveryFailed(why) from None

    @property
    def _where(self) -> str:
        return f"smtp://{self.server.host}:{self.server.port}"

    def _send(self, mail: EmailMessage) -> None:
        secret = ""
        try:
            secret = self.server.secret()
            with self._connected() as smtp:
                self._secure(smtp)
                if self.server.username:
                    smtp.login(self.server.username, secret)
                smtp.send_message(mail)
        except DeliveryFailed:
            raise
        except (OSError, smtplib.SMTPException, ValueError) as error:
            why = redacted(reason(error), longest_first([secret]))
            raise DeliveryFailed(f"{self._where}: {why}", retry=_may_go_well(error)) from None

    def _connected(self) -> smtplib.SMTP:
        server = self.server
        if server.port == IMPLICIT_TLS_PORT:
            return smtplib.SMTP_SSL(
                server.host,
                server.port,
                server.hello,
                timeout=self.timeout_seconds,
                context=server.tls.tls(),
            )
        return smtplib.SMTP(server.host, server.port, server.hello, timeout=self.timeout_seconds)

    def _secure(self, smtp: smtplib.SMTP) -> None:
        """Turn to TLS where the server can, or must."""
        smtp.ehlo_or_helo_if_needed()
        if isinstance(smtp, smtplib.SMTP_SSL):
            return
        if smtp.has_extn("starttls"):
            smtp.starttls(context=self.server.tls.tls())
        elif self.server.require_tls:
            raise DeliveryFailed(
                f"{self._where} has no STARTTLS; where that is meant, say `require_tls: false`",
                retry=False,
            )


def written(letter: Letter, render: Render, render_html: Render, message: Message) -> EmailMessage:
    """Return the mail that *letter* is for *message*. Raises `DeliveryFailed`."""
    mail = EmailMessage()
    given = {name: _line(render(value, message)) for name, value in letter.headers.items()}
    thread = f"<{sha256(message.group_key.encode()).hexdigest()[:32]}@jupyterhub-monitoring>"
    headers = {
        "From": _line(render(letter.sender, message)),
        "To": _line(render(letter.to, message)),
        "Date": formatdate(message.at / 1000),
        "Message-ID": make_msgid(domain="jupyterhub-monitoring"),
        "References": thread,
        "In-Reply-To": thread,
        "Auto-Submitted": "auto-generated",  # so that nobody's holiday answers
    }
    named = {name.lower() for name in given}
    headers = {name: value for name, value in headers.items() if name.lower() not in named}
    for name, value in {**headers, **given}.items():
        _add(mail, name, value)
    text, html = render(letter.text, message), render_html(letter.html, message)
    if text or not html:
        mail.set_content(text)
        if html:
            mail.add_alternative(html, subtype="html")
    else:
        mail.set_content(html, subtype="html")
    return mail


def _add(mail: EmailMessage, name: str, value: str) -> None:
    try:
        mail[name] = value
    except (ValueError, IndexError):
        why = f"the mail's header {name!r:.40} cannot be {value!r:.60}"
        raise DeliveryFailed(why, retry=False) from None


def _line(value: str) -> str:
    """Return *value* as a header may be: a line break would begin another one."""
    return " ".join(value.split())


def reason(error: BaseException) -> str:
    """Return what the server said, or why there is no connection."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, said = next(iter(error.recipients.values()))
        return f"refused the recipients ({code} {_text(said)})"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"refused the user name or password ({error.smtp_code} {_text(error.smtp_error)})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"answered {error.smtp_code} {_text(error.smtp_error)}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "did not answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _may_go_well(error: BaseException) -> bool:
    """Return False where the server said "never": a 5xx that is not of the login."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return True  # somebody may mend the password, and the message is still there then
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code < 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    return not isinstance(error, ValueError)


def _text(said: bytes | str) -> str:
    plain = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return " ".join(plain.split())[:160]
