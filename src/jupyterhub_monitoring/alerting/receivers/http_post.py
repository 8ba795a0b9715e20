"""One HTTP request of a receiver, and what its answer means for another attempt."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http.client import responses
from time import time
from urllib.parse import urljoin, urlsplit

from tornado.httpclient import HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.iostream import StreamClosedError
from tornado.simple_httpclient import (
    HTTPStreamClosedError,
    HTTPTimeoutError,
    SimpleAsyncHTTPClient,
)

from ..._version import __version__
from ...errors import DeliveryFailed
from .http_options import NO_OPTIONS, HttpOptions
from .redact import longest_first, redacted, secrets_of, shown
from .tunnel import TunnelClient

USER_AGENT = f"jupyterhub-monitoring/{__version__}"

ANSWER_BYTES = 1 << 20
"""Longest answer that is taken."""

KEPT_BYTES = 2_048
"""... of which this much is kept, for the reason of a refusal."""

REASON_CHARACTERS = 160
REDIRECTS = 3
LONGEST_WAIT_SECONDS = 3_600.0
"""A receiver that asks for more (`Retry-After`) is tried after this."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a receiver sends. Neither URL nor headers are shown anywhere."""

    url: str = field(repr=False)
    body: bytes | None = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"
    also_good: frozenset[int] = frozenset()  # answers other than 2xx that mean "taken"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; *text* is its beginning."""

    status: int
    headers: HTTPHeaders
    text: str


class HttpPost:
    """Sends requests to one receiver's server; an answer other than 2xx is `DeliveryFailed`."""

    def __init__(self, options: HttpOptions = NO_OPTIONS, timeout_seconds: float = 10.0) -> None:
        self._options, self._timeout = options, timeout_seconds
        self._client: SimpleAsyncHTTPClient | None = None

    async def send(self, request: Request) -> Reply:
        """Return the answer to *request* where it is 2xx."""
        for _ in range(REDIRECTS):
            reply = await self._once(request)
            onward = self._redirected(request, reply)
            if onward is None:
                break
            request = onward
        if not 200 <= reply.status < 300 and reply.status not in request.also_good:
            raise refusal(reply, request.url, self._secrets(request))
        return reply

    async def _once(self, request: Request) -> Reply:
        try:
            secrets = self._secrets(request)
        except OSError as error:
            raise DeliveryFailed(f"a file with a secret cannot be read: {error}") from None
        try:
            return await self._fetch(request)
        except HTTPTimeoutError:
            why = f"{shown(request.url)} did not answer within {self._timeout:g} s"
            raise DeliveryFailed(why) from None
        except (HTTPClientError, OSError, StreamClosedError, asyncio.TimeoutError) as error:
            why = redacted(why_not_reached(error), secrets)
            raise DeliveryFailed(f"{shown(request.url)} cannot be reached: {why}") from None
        except (ValueError, UnicodeError, KeyError):  # of the URL, which is not to be shown
            why = f"the address {shown(request.url)} cannot be used: its URL or headers are wrong"
            raise DeliveryFailed(why, retry=False) from None

    async def _fetch(self, request: Request) -> Reply:
        kept = bytearray()

        def keep(chunk: bytes) -> None:
            kept.extend(chunk[: KEPT_BYTES - len(kept)])

        wire = HTTPRequest(
            request.url,
            method=request.method,
            body=request.body,
            headers={
                "User-Agent": USER_AGENT,
                **self._options.all_headers(),
                **request.headers,
            },
            connect_timeout=self._timeout,
            request_timeout=self._timeout,
            follow_redirects=False,
            decompress_response=False,
            allow_nonstandard_methods=True,
            streaming_callback=keep,
            ssl_options=self._options.tls() if request.url.startswith("https:") else None,
        )
        response: HTTPResponse = await self._connection(request.url).fetch(wire, raise_error=False)
        if response.error is not None and response.code == 599:
            raise response.error
        return Reply(response.code, response.headers, kept.decode("utf-8", "replace"))

    def _connection(self, url: str) -> SimpleAsyncHTTPClient:
        """Return the client; it is made when first used, because it belongs to a loop."""
        if self._client is None:
            self._client = SimpleAsyncHTTPClient(
                force_instance=True, max_clients=100, max_body_size=ANSWER_BYTES
            )
            if proxy := self._options.proxy(url):
                self._client.tcp_client = TunnelClient(proxy)
        return self._client

    def _redirected(self, request: Request, reply: Reply) -> Request | None:
        """Return the request that *reply* asks for, on the same host only: it has credentials."""
        place = reply.headers.get("Location", "")
        if reply.status not in {307, 308} or not place or not self._options.follow_redirects:
            return None
        url = urljoin(request.url, place)
        old, new = urlsplit(request.url), urlsplit(url)
        safe = new.scheme == "https" or new.scheme == old.scheme == "http"
        if not safe or old.hostname != new.hostname:
            return None
        return replace(request, url=url)

    def _secrets(self, request: Request) -> tuple[str, ...]:
        values = [*self._options.secrets(), *secrets_of(request.url)]
        hidden = [v for k, v in request.headers.items() if k.lower() != "content-type"]
        return longest_first([*values, *hidden, *(v.rpartition(" ")[2] for v in hidden)])


def refusal(reply: Reply, url: str, secrets: tuple[str, ...]) -> DeliveryFailed:
    """Return what an answer other than 2xx means: 408, 429 and 5xx may go well later."""
    retry = reply.status >= 500 or reply.status in {408, 429}
    phrase = responses.get(reply.status, "")
    text = f"{shown(url)} answered {reply.status} {phrase}".rstrip()
    if 300 <= reply.status < 400:
        text += "; redirects to another place are not followed, give the address it points to"
    if said := redacted(" ".join(reply.text.split()), secrets)[:REASON_CHARACTERS]:
        text += f": {said}"
    wait = retry_after_seconds(reply.headers.get("Retry-After", "")) if retry else 0.0
    return DeliveryFailed(text, retry=retry, wait_seconds=wait, status=reply.status)


def retry_after_seconds(value: str) -> float:
    """Return the seconds of a `Retry-After`, given as a number or as a date; 0 for neither."""
    if value.strip().isdigit():
        seconds = float(value)
    else:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, TypeError):
            return 0.0
    return min(max(0.0, seconds), LONGEST_WAIT_SECONDS)


def why_not_reached(error: BaseException) -> str:
    """Return why there is no connection, without the address that some errors name."""
    real = getattr(error, "real_error", None) or error
    if isinstance(real, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({real.verify_message})"
    if isinstance(real, asyncio.TimeoutError):
        return "no answer in time"
    if isinstance(real, StreamClosedError | HTTPStreamClosedError):
        return "the connection was closed"
    return getattr(real, "strerror", None) or str(real) or type(real).__name__
