"""Listing things of the Kubernetes API: one connection a round, pages, and a time limit over all.

Plain `http.client` in the sampler's thread, as everywhere in this package: a client library of
Kubernetes would be larger than all that we install.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote, urlencode

from .._version import __version__
from .kubernetes_credentials import InCluster
from .model import Gap, GapReason

BODY_BYTES = 32 << 20
PAGES = 1000
PAGE_ITEMS = 100
"""Pods in one answer, about 1 MB: parsing it holds the interpreter's lock for about 10 ms, in which
the service answers nobody. Five times as many would hold it for 100 ms."""

RESTARTS = 2
PIECE = 1 << 16

_REASONS = {401: GapReason.PERMISSION, 403: GapReason.PERMISSION}


class ApiFailure(Exception):  # noqa: N818 -- carries a gap from this module to the sampler
    """The API gave no list. *status* is HTTP's, 0 where there was no answer."""

    def __init__(
        self, reason: GapReason, detail: str, status: int = 0, retry_after: float | None = None
    ) -> None:
        super().__init__(detail)
        self.gap, self.status, self.retry_after = Gap(reason, detail), status, retry_after


class ApiRound:
    """The requests of one round: a context manager that ends, whatever happens, within its limit.

    Connects at the first request. `ApiFailure` is all that its methods raise.
    """

    def __init__(self, cluster: InCluster, time_limit_seconds: float) -> None:
        self._cluster, self._limit = cluster, time_limit_seconds
        self._deadline = time.monotonic() + time_limit_seconds
        self._connection: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._watch = threading.Timer(time_limit_seconds, self._abort)
        self._watch.daemon = True

    def __enter__(self) -> ApiRound:  # noqa: PYI034 -- final in all but name, and Self is not in 3.10
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._watch.cancel()
        self._watch.join()  # or it could shut down a socket that has this one's number by then
        self._disconnect()

    def items(self, path: str, selector: str) -> Iterator[Any]:
        """Yield each item of the list at *path*, page by page; those of a restart come again.

        A list that grows old while it is read (410 Gone) is begun again, twice at most.
        """
        query = {"labelSelector": selector, "limit": str(PAGE_ITEMS)}
        restarts, token = 0, ""
        for _ in range(PAGES):
            try:
                page = self._get(
                    f"{path}?{urlencode(query | ({'continue': token} if token else {}))}"
                )
            except ApiFailure as failure:
                if failure.status != http.HTTPStatus.GONE or restarts == RESTARTS:
                    raise
                restarts, token = restarts + 1, ""
                continue
            items, token = _page(page)
            yield from items
            if not token:
                return
        raise ApiFailure(GapReason.PROTOCOL, f"a list of more than {PAGES} pages")

    def _get(self, path: str) -> Any:
        """Return the JSON at *path*; a token that is no longer taken is read again, once."""
        try:
            return self._get_as(self._token(), path)
        except ApiFailure as failure:
            if failure.status != http.HTTPStatus.UNAUTHORIZED:
                raise
        return self._get_as(self._token(), path)

    def _token(self) -> str:
        try:
            return self._cluster.token()
        except OSError as error:
            raise ApiFailure(GapReason.UNREACHABLE, _no_cluster(error)) from None

    def _get_as(self, token: str, path: str) -> Any:
        headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": f"jupyterhub-monitoring/{__version__}",
        }
        try:
            connection = self._connection or self._connect()
            connection.request("GET", path, headers=headers)
            return self._answer(connection.getresponse())
        except (ApiFailure, OSError, http.client.HTTPException) as error:
            self._disconnect()  # also after a refusal: its text is not worth reading
            raise self._failure(error) from None

    def _failure(self, error: Exception) -> ApiFailure:
        if self._left() <= 0 or isinstance(error, TimeoutError):
            return ApiFailure(GapReason.TIMEOUT, f"no whole answer within {self._limit:g} s")
        if isinstance(error, ApiFailure):
            return error
        if isinstance(error, ssl.SSLError):
            return ApiFailure(GapReason.UNREACHABLE, f"TLS failed: {error.reason or 'cut off'}")
        if isinstance(error, OSError):
            return ApiFailure(GapReason.UNREACHABLE, error.strerror or type(error).__name__)
        return ApiFailure(GapReason.PROTOCOL, f"no HTTP, or cut off: {type(error).__name__}")

    def _connect(self) -> http.client.HTTPConnection:
        try:
            (host, port), tls = self._cluster.address(), self._cluster.tls()
        except OSError as error:
            raise ApiFailure(GapReason.UNREACHABLE, _no_cluster(error)) from None
        plain = socket.create_connection((host, port), timeout=max(self._left(), 0.001))
        with contextlib.ExitStack() as undo:
            secured = tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
            undo.callback(secured.close)
            connection = http.client.HTTPConnection(host, port)
            connection.auto_open = 0  # it would connect again without TLS
            connection.sock = self._socket = secured
            if self._left() <= 0:  # the watch went off before there was anything to shut down
                raise TimeoutError
            secured.do_handshake()
            undo.pop_all()
        self._connection = connection
        return connection

    def _answer(self, response: http.client.HTTPResponse) -> Any:
        if response.status != http.HTTPStatus.OK:
            raise _refused(response)
        body = bytearray()
        while piece := response.read1(PIECE):
            body += piece
            if len(body) > BODY_BYTES:
                raise ApiFailure(GapReason.PROTOCOL, f"an answer over {BODY_BYTES >> 20} MiB")
        if response.length:  # read1 does not complain
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # nor does it, in some versions, notice that this was all
        if response.will_close:
            self._disconnect()
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise ApiFailure(GapReason.PROTOCOL, "the answer is no JSON") from None

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _abort(self) -> None:
        """Wake whoever waits for the API, as slowly as it may send."""
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                # The plain method: that of TLS takes the connection apart under the reader.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def list_path(base: str, namespace: str) -> str:
    """Return the path of the list of pods of *namespace* in the API *base*."""
    return f"{base}/namespaces/{quote(namespace, safe='')}/pods"


def _page(page: Any) -> tuple[list[Any], str]:
    """Return what a page lists, and the token of the next one, '' where it is the last."""
    metadata = page.get("metadata") if isinstance(page, Mapping) else None
    items = page.get("items") if isinstance(page, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(items, list):
        raise ApiFailure(GapReason.PROTOCOL, "the answer is no list")
    token = metadata.get("continue") or ""
    if not isinstance(token, str):
        raise ApiFailure(GapReason.PROTOCOL, "the answer is no list")
    return items, token


def _refused(response: http.client.HTTPResponse) -> ApiFailure:
    """Say why there is no list. Nothing of the answer's text: it may name pods, and so users."""
    reason = _REASONS.get(response.status, GapReason.UNREACHABLE)
    after = response.headers.get("Retry-After", "")
    return ApiFailure(
        reason,
        f"HTTP status {response.status}",
        response.status,
        float(after) if after.isdecimal() else None,
    )


def _no_cluster(error: OSError) -> str:
    return f"no service account of a cluster: {error.strerror or error.args[0]}"
