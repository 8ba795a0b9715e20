"""Whom a Hub's service tells: a webhook and a mail server in a thread of their own."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from support.hook import Hook
from support.smtp_server import SmtpServer


@dataclass(frozen=True)
class Notice:
    """One message as the webhook got it: its status, and the names of its alerts by state."""

    status: str
    firing: frozenset[str]
    resolved: frozenset[str]


class Told:
    """What people were told. `hook.status = 503` makes the webhook refuse."""

    def __enter__(self) -> Told:  # noqa: PYI034 -- nobody subclasses it
        self.hook, self.smtp = Hook(), SmtpServer()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._stack = AsyncExitStack()
        for server in (self.hook, self.smtp):
            self._run(self._stack.enter_async_context(server))
        return self

    def __exit__(self, *exc: object) -> None:
        self._run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: Coroutine[Any, Any, Any]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    @property
    def urls(self) -> list[str]:
        """The addresses for `c.Monitoring.notify`."""
        return [f"{self.hook.url}/hook", self.mailto]

    @property
    def mailto(self) -> str:
        at = f"127.0.0.1:{self.smtp.port}"
        return f"mailto://{at}?smtp=127.0.0.1&from=hub@example.org&to=teacher@example.org"

    def notices(self, *names: str) -> list[Notice]:
        """Return the messages about alerts of these names, of any name without."""
        found = [_notice(json.loads(request.body)) for request in [*self.hook.requests]]
        wanted = set(names)
        return [n for n in found if not wanted or wanted & (n.firing | n.resolved)]

    def subjects(self) -> list[str]:
        """Return the subjects of the mails."""
        return [str(mail["Subject"]) for mail in self.smtp.mails]


def _notice(body: dict[str, Any]) -> Notice:
    def names(state: str) -> frozenset[str]:
        found = (a["labels"]["alertname"] for a in body["alerts"] if a["status"] == state)
        return frozenset(found)

    return Notice(body["status"], names("firing"), names("resolved"))
