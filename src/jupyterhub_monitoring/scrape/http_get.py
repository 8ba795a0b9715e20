"""One GET of a target's metrics, in a thread that can be left behind.

Why threads and `http.client`, not the event loop's client: `docs/decisions/0012-scraping.md`.
"""

from __future__ import annotations

import contextlib
import http
import http.client
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urljoin, urlsplit

from .._version import __version__
from ..errors import ScrapeError, ScrapeOverLimit
from .body import Body
from .exposition_pass import Format
from .target import Credentials, Target

ACCEPT = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
)
REDIRECTS = 5
PIECE = 1 << 16

_REDIRECTING = {301, 302, 303, 307, 308}
_TOKEN = re.compile(r"[\x21-\x7e]+")
_FORMATS = {"text/plain": Format.TEXT, "application/openmetrics-text": Format.OPENMETRICS}


@dataclass(frozen=True, slots=True)
class Answer:
    """An exposition as it came, decompressed."""

    body: bytes
    format: Format


def format_of(content_type: str) -> Format:
    """Return the format that a Content-Type names. `ScrapeError` where it is no exposition's."""
    name = content_type.partition(";")[0].strip().lower()
    if name not in _FORMATS:
        found = f"{name[:60]!r}" if name else "no content type"
        raise ScrapeError(
            f"the answer is {found}, not metrics: is this the address of a metrics page,"
            " and may we read it without logging in?"
        )
    return _FORMATS[name]


class TlsContext:
    """The TLS settings of one target; files are read again when they change."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._made: ssl.SSLContext | None = None
        self._of: tuple[tuple[int, int, int], ...] | None = None

    def get(self) -> ssl.SSLContext:
        """Return the context. `ScrapeError` where a file cannot be used."""
        c = self._credentials
        try:
            files = [file for file in (c.ca_file, c.cert_file, c.key_file) if file is not None]
            stats = [file.stat() for file in files]
            changed = tuple((s.st_mtime_ns, s.st_ino, s.st_size) for s in stats)
            if self._made is None or changed != self._of:
                self._made, self._of = _tls_context(c), changed
        except (OSError, ssl.SSLError) as error:
            raise ScrapeError(f"the TLS files cannot be used: {error}") from None
        return self._made


def _tls_context(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=credentials.ca_file)
    if credentials.insecure_tls:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if credentials.cert_file is not None:
        context.load_cert_chain(credentials.cert_file, credentials.key_file)
    return context


class HttpGet:
    """One GET, redirects included. `run()` blocks; `abort()`, from any thread, ends it soon."""

    def __init__(self, target: Target, tls: TlsContext) -> None:
        self._target, self._tls = target, tls
        self._deadline = time.monotonic() + target.timeout_seconds
        self._lock = threading.Lock()
        self._aborted = False
        self._socket: socket.socket | None = None  # of its own: the connection lets go of it early

    def run(self) -> Answer:
        """Return the answer, or raise `ScrapeError`; its text never has a credential in it."""
        url = self._target.url
        try:
            for _ in range(REDIRECTS + 1):
                answer = self._get(url)
                if isinstance(answer, Answer):
                    return answer
                url = answer
        except ScrapeError:
            raise
        except TimeoutError:
            raise ScrapeError(self._late()) from None
        except http.client.HTTPException as error:
            raise ScrapeError(f"the answer is no HTTP, or cut off: {error!r:.200}") from None
        except ssl.SSLError as error:
            raise ScrapeError(f"TLS failed: {error}") from None
        except OSError as error:
            raise ScrapeError(f"no connection: {error}") from None
        raise ScrapeError(f"more than {REDIRECTS} redirects, the last to {url[:200]}")

    def abort(self) -> None:
        """Make `run()` fail soon, unless it waits for a name look-up, which cannot be ended."""
        with self._lock:
            self._aborted = True
            if self._socket is not None:
                # The plain method: that of TLS takes the connection apart under the reader.
                with contextlib.suppress(OSError):  # it is closed already
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _get(self, url: str) -> Answer | str:
        """Return the answer of *url*, or where it redirects to."""
        parts = urlsplit(url)
        connection = self._connect(parts)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", path, headers=self._headers(parts))
            response = connection.getresponse()
            location = response.headers.get("Location")
            if response.status in _REDIRECTING and location:
                return _redirected(url, location)
            return self._answer(response)
        finally:
            with self._lock:
                self._socket = None
            connection.close()

    def _connect(self, parts: SplitResult) -> http.client.HTTPConnection:
        host, left = parts.hostname or "", self._left()
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(
                host, parts.port, timeout=left, context=self._tls.get()
            )
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=left)
        connection.connect()
        with self._lock:
            self._socket = connection.sock
        self._socket.settimeout(self._left())  # raises if it was aborted meanwhile
        return connection

    def _headers(self, parts: SplitResult) -> dict[str, str]:
        headers = {
            "Accept": ACCEPT,
            "Accept-Encoding": "gzip",
            "User-Agent": f"jupyterhub-monitoring/{__version__}",
            "X-Prometheus-Scrape-Timeout-Seconds": f"{self._target.timeout_seconds:g}",
        }
        if _origin(parts) != _origin(urlsplit(self._target.url)):
            return headers  # we were sent elsewhere: our token is not for them
        return {**headers, **_credential_headers(self._target.credentials)}

    def _answer(self, response: http.client.HTTPResponse) -> Answer:
        if response.status != http.HTTPStatus.OK:
            raise ScrapeError(
                f"the server returned HTTP status {response.status} {response.reason:.80}"
            )
        form = format_of(response.headers.get("Content-Type", ""))
        limit = self._target.limits.body_bytes
        if response.length is not None and response.length > limit:
            raise ScrapeOverLimit("bytes in the answer", limit, response.length)
        body = Body(response.headers.get("Content-Encoding", "").strip().lower(), limit)
        while piece := self._piece(response):
            body.add(piece)
        if response.length:
            raise ScrapeError(f"the connection ended {response.length:,} bytes too early")
        return Answer(body.whole(), form)

    def _piece(self, response: http.client.HTTPResponse) -> bytes:
        left = self._left()
        if response.isclosed():  # all of it has been read, and the socket is gone
            return b""
        if self._socket is not None:
            self._socket.settimeout(left)
        return response.read(PIECE)

    def _left(self) -> float:
        """Return the seconds that are left."""
        left = self._deadline - time.monotonic()
        if left <= 0 or self._aborted:
            raise ScrapeError(self._late())
        return left

    def _late(self) -> str:
        return f"no complete answer within {self._target.timeout_seconds:g} s"


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port


def _redirected(url: str, location: str) -> str:
    wanted = urljoin(url, location)
    try:
        parts = urlsplit(wanted)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ScrapeError(f"redirected to {location[:200]!r}, which is no address of a web page")
    return wanted


def _credential_headers(credentials: Credentials) -> dict[str, str]:
    token = credentials.token
    if credentials.token_file is not None:
        token = _read_token(credentials.token_file)
    headers = dict(credentials.headers)
    if token:
        if not _TOKEN.fullmatch(token):
            raise ScrapeError("the token has characters that no HTTP header may have")
        headers["Authorization"] = f"Bearer {token}"
    return headers


def _read_token(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ScrapeError(f"the token file {file} cannot be read: {reason}") from None
