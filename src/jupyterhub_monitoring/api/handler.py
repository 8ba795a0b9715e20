"""What all handlers of the API have in common: methods, errors, compression, a count."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from ..errors import MonitoringError
from ..metrics.service_catalogue import SERVICE_HTTP
from .body import Body, accepts_gzip
from .context import ApiContext
from .encoding import encode_data, encode_error
from .failures import BY_STATUS, failure
from .parameters import Parameters

log = logging.getLogger(__name__)

GET = ("GET", "HEAD", "OPTIONS")
GET_AND_POST = ("GET", "POST", "HEAD", "OPTIONS")

Answer = tuple[object, Sequence[str]]
"""What a look-up gives: the data, and warnings."""


class ApiHandler(RequestHandler):
    """One endpoint. A class of the service that says who may ask is mixed in behind this one."""

    SUPPORTED_METHODS: tuple[str, ...] = GET
    endpoint: ClassVar[str]
    """The endpoint's path below the prefix, as the metric of requests names it."""
    asks_store: ClassVar[bool] = False
    """Whether there is no answer while the store cannot be asked."""

    def initialize(self, context: ApiContext) -> None:
        """Take what answers."""
        self.context = context
        self.parameters = Parameters(self.request)
        self._on_close: Callable[[], None] | None = None

    async def answer(self, *args: str) -> None:
        """Answer the request; what is raised here becomes an error of the API."""
        raise NotImplementedError

    # --- Methods -----------------------------------------------------------------------------

    async def get(self, *args: str) -> None:
        """Answer, or say why not."""
        unavailable = self.context.unavailable if self.asks_store else None
        if unavailable is not None:
            self.fail(503, "unavailable", unavailable)
            return
        try:
            await self.answer(*args)
        except StreamClosedError:
            log.debug("%s: the client went away", self.endpoint)
        except MonitoringError as error:
            known = failure(error)
            if known is None:
                raise
            self.fail(*known, str(error))

    async def post(self, *args: str) -> None:
        """Answer as GET does; the parameters are those of the form, then those of the URL."""
        await self.get(*args)

    async def head(self, *args: str) -> None:
        """Answer as GET does; tornado leaves the body out."""
        await self.get(*args)

    def options(self, *_args: str) -> None:
        """Say which methods there are."""
        self.set_status(204)
        self.clear_header("Content-Type")
        self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
        self.finish()

    # --- Answers -----------------------------------------------------------------------------

    def set_default_headers(self) -> None:
        """Set what every answer has."""
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")  # names and figures are private
        self.set_header("X-Content-Type-Options", "nosniff")

    def succeed(self, data: object) -> None:
        """Answer with *data*, which is small."""
        self.finish(encode_data(data))

    async def look_up(self, work: Callable[[], Answer]) -> None:
        """Answer with the data that *work* returns; it runs in a worker."""

        def written() -> tuple[Body, bytes]:
            data, warnings = work()
            body = self.body_of(encode_data(data, warnings))
            return body, body.block()

        body, block = await self.context.queries.look_up(written)
        self.send_whole(body, block)

    def body_of(self, *pieces: bytes) -> Body:
        """Return what is sent for *pieces*, compressed if the client likes it so."""
        return Body(iter(pieces), self.accepts_gzip)

    def send_whole(self, body: Body, block: bytes) -> None:
        """Send *block*, all that there is of *body*; the connection keeps what is not read yet."""
        self.begin(body)
        rest = []
        while not body.done:
            rest.append(body.block())
        self.finish(b"".join([block, *rest]))

    async def send(self, body: Body, block: bytes, within_seconds: Callable[[], float]) -> None:
        """Send *block* and what comes after it, as fast as the client reads.

        A client that does not read for the rest of the query's time is hung up on.
        """
        self.begin(body)
        try:
            while not body.done:
                self.write(block)
                await asyncio.wait_for(self.flush(), max(0.0, within_seconds()))
                block = await self.context.queries.in_thread(body.block)
        except (asyncio.TimeoutError, MonitoringError) as error:
            self.hang_up(error)
            return
        self.finish(block)

    def begin(self, body: Body) -> None:
        """Set the headers that *body* needs."""
        self.set_header("Vary", "Accept-Encoding")
        if body.gzipped:
            self.set_header("Content-Encoding", "gzip")

    def hang_up(self, error: BaseException) -> None:
        """Close the connection in the middle of an answer, so that nobody takes it for whole."""
        log.info("%s: an answer was cut off: %s", self.endpoint, error or "not read in time")
        connection: Any = self.request.connection
        connection.stream.close()

    @property
    def accepts_gzip(self) -> bool:
        """Whether the client takes compressed answers."""
        return accepts_gzip(self.request.headers.get("Accept-Encoding", ""))

    # --- Errors ------------------------------------------------------------------------------

    def fail(self, status: int, kind: str, text: str) -> None:
        """Answer with an error of the API."""
        self.set_status(status)
        self.finish(encode_error(kind, text))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say in the API's form what tornado or the authentication refused, or that we failed."""
        if status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self.SUPPORTED_METHODS))
        error = kwargs.get("exc_info", (None, None, None))[1]
        text = getattr(error, "log_message", None) or self._reason
        if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and status_code not in BY_STATUS:
            text = "the service failed; its log says how"
        self.fail(status_code, BY_STATUS.get(status_code, _kind(status_code)), str(text))

    # --- Around ------------------------------------------------------------------------------

    def compute_etag(self) -> str | None:
        """Return no tag: answers differ each time, and hashing them costs time."""
        return None

    def on_connection_close(self) -> None:
        """End what nobody waits for any more."""
        if self._on_close is not None:
            self._on_close()
        super().on_connection_close()

    def on_finish(self) -> None:
        """Count the request."""
        SERVICE_HTTP.labels(self.endpoint, str(self.get_status())).inc()
        super().on_finish()


def _kind(status: int) -> str:
    return "internal" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "bad_data"
