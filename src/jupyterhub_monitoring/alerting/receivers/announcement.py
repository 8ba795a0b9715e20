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

UPDATE = "/update"
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
        text = " · ".join(self._shown.values())
        if urlsplit(self.url).path.rstrip("/").endswith(UPDATE):
            await self._fill_in(text)
        elif text:
            body = orjson.dumps({"announcement": text})
            await self.http.send(Request(self.url, body, {**self._who(), **JSON}))
        else:
            await self.http.send(Request(self.url, None, self._who(), method="DELETE"))

    async def _fill_in(self, text: str) -> None:
        """Send the form of the package's page as a browser does: with the page's cookies."""
        address = self.url.partition("?")[0].rstrip("/")
        page = Request(f"{address.removesuffix(UPDATE)}/", None, self._who(), method="GET")
        reply = await self.http.send(page)
        cookies = [one.partition(";")[0] for one in reply.headers.get_list("Set-Cookie")]
        given = [one.partition("=")[2] for one in cookies if one.startswith("_xsrf=")]
        headers = {**self._who(), **FORM, "Cookie": "; ".join(cookies)}
        if given:
            headers["X-XSRFToken"] = given[0]
        form = urlencode({"announcement": text}).encode()
        # It answers by leading the browser to its page.
        await self.http.send(Request(address, form, headers, also_good=frozenset({302})))

    def _who(self) -> dict[str, str]:
        return {"Authorization": f"token {self.token()}"}


def announcement(message: Message) -> str:
    """Return the text for users, with no HTML in it: the page shows it as it is."""
    text = dict(message.common_annotations).get("announcement") or subject(message)
    return html.escape(shortened(" ".join(text.split()), CHARACTERS))
