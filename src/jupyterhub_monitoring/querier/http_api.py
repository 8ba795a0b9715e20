"""One question to an engine over HTTP: in turn, in time, and again where that may help."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.simple_httpclient import HTTPTimeoutError, SimpleAsyncHTTPClient

from .._version import __version__
from ..alerting.receivers.http_post import retry_after_seconds, why_not_reached
from ..alerting.receivers.redact import redacted
from ..alerting.receivers.tunnel import TunnelClient
from ..errors import (
    EngineUnauthorised,
    EngineUnreachable,
    MonitoringError,
    NotPrometheus,
    QueryRefused,
    QueryTimedOut,
)
from .endpoint import Endpoint
from .http_failures import Refusal, not_prometheus, refusal
from .turns import Turns, asker

WAITING_PER_PARALLEL = 32
FIRST_WAIT_SECONDS = 0.2
"""Before the second attempt; before each later one it is twice as long."""

TEXT_BYTES = 4_096
"""So much of an answer that is no JSON is looked at."""

MARGIN_BYTES = 1 << 20
"""After so much more than may be kept tornado hangs up; it comes in smaller parts."""

NO_POST = {405, 501}
"""Answers of what stands before some engines and lets only GET pass."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: *path* below `/api/v1/`, its *parameters*, and whether it may be long."""

    path: str
    parameters: tuple[tuple[str, str], ...] = ()
    long: bool = False

    @property
    def query(self) -> str:
        """The expression in it, if any."""
        return dict(self.parameters).get("query", "")


class _Again(Exception):  # noqa: N818 -- for the loop of attempts only
    """*error* may be gone after *wait_seconds*."""

    def __init__(self, error: MonitoringError, wait_seconds: float = 0.0) -> None:
        super().__init__(str(error))
        self.error, self.wait_seconds = error, wait_seconds


@dataclass(slots=True)
class _Body:
    """An answer as it comes in, as far as it may be kept."""

    most: int
    content: bytearray = field(default_factory=bytearray)
    too_large: bool = False

    def see(self, line: str) -> None:
        """Look at a line of the header: tornado hangs up where the length is above its limit."""
        name, _, value = line.partition(":")
        if name.lower() == "content-length" and value.strip().isdigit():
            self.too_large = int(value) > self.most

    def keep(self, chunk: bytes) -> None:
        """Take the next part."""
        self.too_large = self.too_large or len(self.content) + len(chunk) > self.most
        if not self.too_large:
            self.content.extend(chunk)


class HttpApi:
    """Asks *endpoint*. For one event loop; `close` it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._places = Turns(endpoint.parallel, endpoint.parallel * WAITING_PER_PARALLEL)
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="querier")
        self._client: SimpleAsyncHTTPClient | None = None
        self._may_post = True

    async def ask(self, question: Question, read: Callable[[Mapping[str, Any]], T]) -> T:
        """Return what *read*, in a thread, makes of the JSON that answers *question*."""
        deadline = time.monotonic() + self.endpoint.timeout_seconds
        name, turn = asker(), asyncio.get_running_loop().create_future()
        if not await self._places.take(name, turn, self.endpoint.timeout_seconds):
            raise QueryTimedOut(self.endpoint.timeout_seconds, "query queue")
        try:
            return await self._attempts(question, read, deadline)
        finally:
            self._places.give_back(name)

    def close(self) -> None:
        """End the connections."""
        if self._client is not None:
            self._client.close()
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def _attempts(
        self, question: Question, read: Callable[[Mapping[str, Any]], T], deadline: float
    ) -> T:
        attempt = 0
        while True:
            try:
                return await self._once(question, read, deadline)
            except _Again as failed:
                wait = max(failed.wait_seconds, _wait_seconds(attempt))
                if attempt >= self.endpoint.retries or time.monotonic() + wait >= deadline:
                    raise failed.error from None
            attempt += 1
            await asyncio.sleep(wait)

    async def _once(
        self, question: Question, read: Callable[[Mapping[str, Any]], T], deadline: float
    ) -> T:
        response, content = await self._reached(question, deadline)
        if response.code in NO_POST and question.long and self._may_post:
            self._may_post = False
            response, content = await self._reached(question, deadline)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._readers, lambda: self._read(question, response, content, read)
        )
        if not isinstance(found, Refusal):
            return found
        if found.again:
            wait = retry_after_seconds(response.headers.get("Retry-After", ""))
            raise _Again(found.error, wait)
        raise found.error

    def _read(
        self,
        question: Question,
        response: HTTPResponse,
        content: bytes,
        read: Callable[[Mapping[str, Any]], T],
    ) -> T | Refusal:
        """Return what the answer means. For a worker: a large one takes a second."""
        place = self.endpoint.place
        try:
            said = orjson.loads(content)
        except orjson.JSONDecodeError:
            said = content[:TEXT_BYTES].decode("utf-8", "replace")
        if response.code == 200 and isinstance(said, dict) and said.get("status") == "success":
            try:
                return read(said)
            except (ValueError, KeyError, TypeError, IndexError, AttributeError):
                return Refusal(not_prometheus(place, "gave JSON of another shape"))
        if isinstance(said, dict) and "error" in said:
            said["error"] = redacted(str(said["error"]), self.endpoint.secrets())
        elif isinstance(said, str):
            html = "html" in response.headers.get("Content-Type", "")
            said = "" if html else redacted(said, self.endpoint.secrets())
        timeout = self.endpoint.timeout_seconds
        return refusal(response.code, said, place, question.query, timeout)

    async def _reached(self, question: Question, deadline: float) -> tuple[HTTPResponse, bytes]:
        """Return an answer, whatever it is."""
        endpoint, remaining = self.endpoint, deadline - time.monotonic()
        if remaining <= 0:
            raise QueryTimedOut(endpoint.timeout_seconds, "the engine")
        body = _Body(endpoint.max_bytes)
        try:
            response = await self._fetch(question, remaining, body)
        except HTTPTimeoutError as error:
            if "connect" in str(error):
                raise _Again(self._unreachable("no connection in time")) from None
            raise QueryTimedOut(endpoint.timeout_seconds, "the engine") from None
        except (HTTPClientError, OSError, StreamClosedError, asyncio.TimeoutError) as error:
            raise self._not_reached(error, body) from None
        except (ValueError, UnicodeError, KeyError):  # of the URL, which is not to be shown
            why = f"the address {endpoint.place} cannot be used: its URL or headers are wrong"
            raise NotPrometheus(why) from None
        if body.too_large:
            raise self._too_large()
        return response, bytes(body.content)

    def _not_reached(self, error: BaseException, body: _Body) -> Exception:
        real = getattr(error, "real_error", None) or error
        if body.too_large:
            return self._too_large()
        why = redacted(why_not_reached(error), self.endpoint.secrets())
        told = self._unreachable(why)
        return told if isinstance(real, ssl.SSLError) else _Again(told)

    def _unreachable(self, why: str) -> EngineUnreachable:
        place = self.endpoint.place
        return EngineUnreachable(
            f"{place} cannot be reached: {why}. Is it running, and is the address right?"
        )

    def _too_large(self) -> QueryRefused:
        return QueryRefused(f"the answer has more than {self.endpoint.max_bytes:,} bytes")

    async def _fetch(self, question: Question, seconds: float, body: _Body) -> HTTPResponse:
        endpoint = self.endpoint
        url = f"{endpoint.base}/api/v1/{question.path}"
        form, post = urlencode(question.parameters), question.long and self._may_post
        try:
            headers = HTTPHeaders({"Accept": "application/json", **endpoint.options.all_headers()})
            tls = endpoint.options.tls() if url.startswith("https:") else None
        except (OSError, ssl.SSLError) as error:
            why = f"a file with a secret or certificate for {endpoint.place} cannot be read"
            raise EngineUnauthorised(f"{why}: {getattr(error, 'strerror', '') or error}") from None
        if post:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = HTTPRequest(
            url if post or not form else f"{url}?{form}",
            method="POST" if post else "GET",
            body=form if post else None,
            headers=headers,
            connect_timeout=seconds / 2,
            request_timeout=seconds,
            follow_redirects=False,
            user_agent=f"jupyterhub-monitoring/{__version__}",
            header_callback=body.see,
            streaming_callback=body.keep,
            ssl_options=tls,
        )
        response: HTTPResponse = await self._connection(url).fetch(request, raise_error=False)
        if response.error is not None and response.code == 599:
            raise response.error
        return response

    def _connection(self, url: str) -> SimpleAsyncHTTPClient:
        """Return the client; it is made when first used, because it belongs to a loop."""
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=1_000,
                max_body_size=self.endpoint.max_bytes + MARGIN_BYTES,
            )
            if proxy := self.endpoint.options.proxy(url):
                self._client.tcp_client = TunnelClient(proxy)
        return self._client


def _wait_seconds(attempt: int) -> float:
    """Return how long to wait after *attempt*, from 0: longer each time, never all at once."""
    return FIRST_WAIT_SECONDS * math.pow(2, attempt) * random.uniform(0.5, 1.0)  # noqa: S311
