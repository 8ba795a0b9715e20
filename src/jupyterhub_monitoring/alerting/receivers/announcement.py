"""JupyterHub's announcement services: what fires is shown to the users, and taken back when over.

Two are known: JupyterHub's own example (JSON to the service's address, DELETE clears) and the
package jupyterhub-announcement (a form to `.../update`; an empty text clears).
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import orjson

from ..message import Message
from .http_post import HttpPost, Request
from .text import shortened, subject
from .webhook import JSON

CHARACTERS = 500
GROUPS = 20
"""Groups whose text is shown at once; those told of first go first."""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Announcement:
    """Shows the common annotation `announcement`, else `summary`, of what fires.

    Which groups are shown is kept in memory: after a restart the text is that of the groups told
    of since.
    """

    url: str = field(repr=False)
    token: Callable[[], str] = field(repr=False)
    http: HttpPost = field(default_factory=HttpPost, repr=False)
    sends_resolved: bool = True
    kind: str = "announcement"
    _shown: dict[str, str] = field(default_factory=dict, repr=False)

    async def send(self, message: Message) -> None:
        """Show *message*, or what else still fires when it is over. Raises `DeliveryFailed`."""
        self._shown.pop(message.group_key, None)
        if message.firing:
            self._shown[message.group_key] = announcement(message)
        while len(self._shown) > GROUPS:
            del self._shown[next(iter(self._shown))]
        await self.http.send(self._request(" · ".join(self._shown.values())))

    def _request(self, text: str) -> Request:
        authorization = {"Authorization": f"token {self.token()}"}
        if urlsplit(self.url).path.rstrip("/").endswith("/update"):
            form = urlencode({"announcement": text}).encode()
            # It answers by leading the browser to its page.
            return Request(self.url, form, {**authorization, **FORM}, also_good=frozenset({302}))
        if not text:
            return Request(self.url, None, authorization, method="DELETE")
        return Request(self.url, orjson.dumps({"announcement": text}), {**authorization, **JSON})


def announcement(message: Message) -> str:
    """Return the text for users, with no HTML in it: the page shows it as it is."""
    text = dict(message.common_annotations).get("announcement") or subject(message)
    return html.escape(shortened(" ".join(text.split()), CHARACTERS))
