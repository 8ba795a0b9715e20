"""Through Apprise: mail, Slack, Teams, Discord, ntfy, Telegram and a hundred more, by their URLs.

Apprise is imported when the first of its URLs is used: it takes 45 MB. It tells whether a message
was taken, and why not only in its log; that is listened to while we send, and kept out of ours,
because some of its lines show tokens.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from ...errors import DeliveryFailed, WrongRouting
from ..message import Message
from . import text
from .redact import HIDDEN, pieces_of, redacted

TIMEOUT_SECONDS = 60.0
"""For one message; Apprise itself waits seconds between two messages to some services."""

REASON_CHARACTERS = 300
TELLING = ("Socket Exception", "Response Details")
"""Beginnings of lines for debugging that say why; others show the message or the headers."""

USUAL = {
    "email": "mailto",
    "mail": "mailto",
    "pushover": "pover",
    "smtp": "mailto",
    "smtps": "mailtos",
    "teams": "workflows",
    "telegram": "tgram",
    "webhook": "https",
}
"""What people write for schemes that are called otherwise."""

ADDRESS = re.compile(r"[\w+.-]+://\S*")
CAUSE = re.compile(r"\w+Pool\(.*Caused by .*?(?:: )?([^:]+)$")
"""What urllib3 says of a connection that failed; the end of it is the reason."""


@dataclass
class Apprise:
    """Sends messages to the service of one URL of Apprise's."""

    kind: str
    plugin: Any = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    sends_resolved: bool = True
    timeout_seconds: float = TIMEOUT_SECONDS
    _thread: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, "apprise"), repr=False
    )

    async def send(self, message: Message) -> None:
        """Send *message* from a thread. Raises `DeliveryFailed`."""
        sending = asyncio.get_running_loop().run_in_executor(self._thread, self._send, message)
        try:
            await asyncio.wait_for(sending, self.timeout_seconds)
        except (asyncio.TimeoutError, TimeoutError):
            why = f"{self.kind} did not answer within {self.timeout_seconds:g} s"
            raise DeliveryFailed(why) from None

    def _send(self, message: Message) -> None:
        title, body = self._words(message)
        with _Heard() as heard:
            try:
                taken = self.plugin.notify(
                    title=title,
                    body=body,
                    notify_type=_severity(message),
                    body_format="text",
                )
            except Exception as error:  # noqa: BLE001 -- a hundred plugins raise what they like
                heard.lines.append(f"{type(error).__name__}: {error}")
                taken = False
        if not taken:
            raise DeliveryFailed(f"{self.kind}: {self._reason(heard.lines)}")

    def _words(self, message: Message) -> tuple[str, str]:
        """Return title and text, no longer than the service takes; some take the title in it."""
        title, body = text.title(message), text.body(message)
        most, titles = int(self.plugin.body_maxlen or 0), int(self.plugin.title_maxlen or 0)
        if most > 0:
            body = text.shortened(body, max(0, most - (0 if titles else len(title) + 4)))
        return title, body

    def _reason(self, lines: list[str]) -> str:
        told = redacted(" ".join(" ".join(lines).split()), self.secrets)
        return text.shortened(told or "Apprise says no reason", REASON_CHARACTERS)


def apprise(url: str) -> Apprise:
    """Return the receiver of *url*. Raises `WrongRouting`, whose text has no part of it."""
    scheme = url.partition("://")[0].lower()
    _check_scheme(scheme)
    secrets = pieces_of(url)
    library = _library()
    with _Heard() as heard:
        try:
            plugin = library.Apprise.instantiate(url, asset=_asset(library))
        except Exception as error:  # noqa: BLE001 -- as above
            heard.lines.append(str(error))
            plugin = None
    if plugin is None:
        lines = [line for line in heard.lines if not line.startswith("Could not load")]
        # Apprise's own way to hide a secret shows how it begins and ends.
        why = ADDRESS.sub(HIDDEN, redacted(" ".join(lines), secrets)).strip().rstrip(".")
        raise WrongRouting(
            f"{scheme}:// is incomplete or wrong"
            + (f" ({why})" if why else "")
            + f"; how it is written: {_help(scheme)}"
        )
    return Apprise(scheme, plugin, secrets)


def schemes() -> list[str]:
    """Return the schemes of all URLs that Apprise knows."""
    return sorted(_services())


def _check_scheme(scheme: str) -> None:
    known = _services()
    if scheme in known:
        return
    names = [*known, "script", "announcement", "https"]
    near = [USUAL[scheme]] if scheme in USUAL else get_close_matches(scheme, names, 1, 0.6)
    hint = f"did you mean {near[0]}://?" if near else "docs/how-to/alerts.md has examples"
    raise WrongRouting(f"{scheme}:// is no way to notify; {hint}")


def _help(scheme: str) -> str:
    return getattr(_services()[scheme], "setup_url", "") or "https://appriseit.com/services/"


def _services() -> dict[str, Any]:
    _library()
    from apprise.manager_plugins import (  # noqa: PLC0415 -- see above
        NotificationManager,
    )

    manager: Any = NotificationManager()  # type: ignore[no-untyped-call]
    return {scheme: manager[scheme] for scheme in manager.schemas()}


def _library() -> Any:
    """Import Apprise; its log is kept to ourselves from then on."""
    import apprise as library  # noqa: PLC0415 -- see above

    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    log.setLevel(logging.DEBUG)
    # For debugging it logs paths, and in these are tokens.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
    return library


def _asset(library: Any) -> Any:
    """Return how Apprise is to behave: nothing on disk, nothing fetched, text as it is."""
    wanted = {
        "app_id": "JupyterHub",
        "app_desc": "JupyterHub monitoring",
        "app_url": "",
        "image_url_mask": "",
        "image_url_logo": "",
        "interpret_escapes": False,
        "interpret_emojis": False,
        "pgp_autogen": False,
        "pem_autogen": False,
        "async_mode": False,
    }
    known = {k: v for k, v in wanted.items() if hasattr(library.AppriseAsset, k)}
    return library.AppriseAsset(storage_mode="memory", **known)


def _severity(message: Message) -> str:
    """Return Apprise's type of the message: its colour, and the urgency on some services."""
    if not message.firing:
        return "success"
    severities = {dict(alert.labels).get("severity") for alert in message.firing}
    return "failure" if "critical" in severities else "warning"


class _Heard(logging.Handler):
    """What Apprise logs in this thread meanwhile, the lines that say why something failed."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._thread_id = threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self._thread_id or len(self.lines) >= 10:
            return
        line = record.getMessage()
        if record.levelno >= logging.WARNING or line.startswith(TELLING):
            self.lines.append(CAUSE.sub(lambda found: found[1].rstrip("\"')"), line)[:1_000])

    def __enter__(self) -> _Heard:  # noqa: PYI034 -- nobody subclasses it
        logging.getLogger("apprise").addHandler(self)
        return self

    def __exit__(self, *exc: object) -> None:
        logging.getLogger("apprise").removeHandler(self)
