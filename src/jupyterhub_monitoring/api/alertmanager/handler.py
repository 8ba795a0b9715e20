"""What the handlers of Alertmanager's API have in common: its errors, and who may change something.

An answer is bare JSON, an error a JSON string, as Alertmanager's OpenAPI document has it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import orjson
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError

from ...alerting.notifying.notifier import Notifier
from ...errors import BadData, MonitoringError, StoreError, UnknownSilence
from ..encoding import to_json, utf8
from ..handler import GET, ApiHandler
from ..parameters import MAX_BODY_BYTES

GET_AND_POST = (*GET, "POST")
GET_AND_DELETE = (*GET, "DELETE")

_STATUS: tuple[tuple[type[MonitoringError], int], ...] = (
    (UnknownSilence, 404),
    (BadData, 400),
    (StoreError, 500),
)
_TRUE = {"true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled"}


class AlertmanagerHandler(ApiHandler):
    """One endpoint of Alertmanager's API."""

    SUPPORTED_METHODS: tuple[str, ...] = GET

    async def prepare(self) -> None:
        """Refuse changes that a page of another site wants, in the name of who looks at it.

        The gate before this takes cookies from JupyterHub only with its own token against that;
        without a Hub there is no gate. A request with `Authorization` cannot be made by a page
        of another site, unless we allowed it to, which we do not.
        """
        prepared: Awaitable[None] | None = super().prepare()
        if prepared is not None:
            await prepared
        safe = self.request.method in GET or "Authorization" in self.request.headers
        if not safe and not same_site(self.request.headers):
            raise HTTPError(403, "a page of another site may change nothing here")

    @property
    def notifier(self) -> Notifier:
        """What decides whom to tell. HTTPError 404 where that is somebody else."""
        notifier = self.context.notifier
        if notifier is None:
            raise HTTPError(404, "alerts are not handled here; ask the Alertmanagers that are told")
        return notifier

    # --- Methods -----------------------------------------------------------------------------

    async def show(self, *args: str) -> None:
        """Answer a GET."""
        raise NotImplementedError

    async def take(self, body: Any) -> None:
        """Do what a POST with this JSON asks for."""
        raise NotImplementedError

    async def drop(self, *args: str) -> None:
        """Do what a DELETE asks for."""
        raise NotImplementedError

    async def get(self, *args: str) -> None:
        """Show something, or say why not."""
        await self._try(lambda: self.show(*args))

    async def post(self, *_args: str) -> None:
        """Take something, or say why not."""
        await self._try(self._take)

    async def delete(self, *args: str) -> None:
        """Drop something, or say why not."""
        await self._try(lambda: self.drop(*args))

    async def _take(self) -> None:
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPError(415, "the body has to be application/json")
        if len(self.request.body) > MAX_BODY_BYTES:
            raise HTTPError(413, f"the body has more than {MAX_BODY_BYTES:,} bytes")
        try:
            body = orjson.loads(self.request.body)
        except orjson.JSONDecodeError as error:
            raise BadData(f"the body is no JSON: {error}") from None
        await self.take(body)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except StreamClosedError:
            pass  # the client went away
        except MonitoringError as error:
            for kind, status in _STATUS:
                if isinstance(error, kind):
                    self.fail(status, "", str(error))
                    return
            raise

    # --- Answers -----------------------------------------------------------------------------

    async def give(self, data: Callable[[], object]) -> None:
        """Answer with the JSON of what *data* returns; that runs in a thread."""
        body = await self.notifier.in_thread(lambda: self.body_of(utf8(to_json(data()))))
        self.send_whole(body, body.block())

    def fail(self, status: int, kind: str, text: str) -> None:  # noqa: ARG002 -- has no such names
        """Answer with an error of Alertmanager's API."""
        self.set_status(status)
        self.finish(utf8(to_json(text)))

    def flag(self, name: str) -> bool:
        """Return whether the parameter *name* is on, as it is where it is not given."""
        text = self.parameters.text(name)
        return text.lower() in _TRUE if text else True


def same_site(headers: Mapping[str, str]) -> bool:
    """Say whether a request comes from one of our own pages, or from no page at all."""
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("Origin")
    if origin is None:
        return True  # no browser leaves it out where it matters
    here = {headers.get("Host"), headers.get("X-Forwarded-Host")} - {None}
    return urlsplit(origin).netloc in here


class PlainAnswer(ApiHandler):
    """`/-/healthy` and `/-/ready` below `alertmanager/`: whether alerts are taken."""

    text = "OK"

    async def answer(self, *_args: str) -> None:
        """Answer 200, or 503 where nobody decides whom to tell."""
        here = self.context.notifier is not None
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.set_status(HTTPStatus.OK if here else HTTPStatus.SERVICE_UNAVAILABLE)
        self.finish(self.text if here else "alerts are not handled here")
