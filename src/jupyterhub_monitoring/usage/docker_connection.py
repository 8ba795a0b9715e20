"""Asking the Docker Engine API: one connection over its socket, kept open between questions."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from .._version import __version__
from .model import Gap, GapReason

BODY_BYTES = 1 << 20
"""More than any answer about one container has."""

_HEADERS = {
    "Host": "docker",
    "Accept": "application/json",
    "User-Agent": f"jupyterhub-monitoring/{__version__}",
}
_REASONS: dict[int, GapReason] = {
    http.HTTPStatus.UNAUTHORIZED: GapReason.PERMISSION,
    http.HTTPStatus.FORBIDDEN: GapReason.PERMISSION,
    http.HTTPStatus.NOT_FOUND: GapReason.GONE,
    http.HTTPStatus.CONFLICT: GapReason.GONE,  # it is being removed
}


LATE = Gap(GapReason.TIMEOUT, "no whole answer within the time limit")


class EngineFailure(Exception):  # noqa: N818 -- carries a gap from this module to the sampler
    """The engine gave no answer that can be used."""

    def __init__(self, gap: Gap) -> None:
        super().__init__(gap.detail)
        self.gap = gap


class EngineConnection:
    """A connection to the socket at *path*; made when it is needed, and again when it was lost.

    `get()` is for one thread at a time; `abort()` ends it from another.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._http: http.client.HTTPConnection | None = None
        self._socket: socket.socket | None = None
        self._aborted = False

    def get(self, target: str, deadline: float) -> Any:
        """Return the JSON of *target* before *deadline* (monotonic), or raise `EngineFailure`."""
        reused = self._http is not None
        try:
            try:
                return self._get(target, deadline)
            except (http.client.RemoteDisconnected, ConnectionError):
                if not reused:
                    raise
                self.close()  # the engine had closed what was kept open
                return self._get(target, deadline)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            self.close()
            raise self._failure(error, deadline) from None
        except EngineFailure:
            self.close()  # its text is not worth reading
            raise

    def abort(self) -> None:
        """Make a `get()` that is under way in another thread fail soon."""
        self._aborted = True
        kept = self._socket
        if kept is not None:
            with contextlib.suppress(OSError):  # it is closed already
                kept.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection; the next question makes another."""
        if self._http is not None:
            self._http.close()
        self._http = self._socket = None

    def _get(self, target: str, deadline: float) -> Any:
        connection = self._http or self._connect(deadline)
        if self._socket is not None:
            self._socket.settimeout(self._left(deadline))
        connection.request("GET", target, headers=_HEADERS)
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            reason = _REASONS.get(answer.status, GapReason.PROTOCOL)
            raise EngineFailure(Gap(reason, f"the engine returned HTTP status {answer.status}"))
        body = answer.read(BODY_BYTES + 1)
        if len(body) > BODY_BYTES:
            raise EngineFailure(
                Gap(GapReason.PROTOCOL, f"an answer of more than {BODY_BYTES:,} bytes")
            )
        if answer.will_close:
            self.close()
        return json.loads(body)

    def _connect(self, deadline: float) -> http.client.HTTPConnection:
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.settimeout(self._left(deadline))
            plain.connect(self._path)
        except BaseException:
            plain.close()
            raise
        self._http = http.client.HTTPConnection("docker")
        self._http.auto_open = 0  # it would look for a host of that name
        self._http.sock = self._socket = plain
        return self._http

    def _left(self, deadline: float) -> float:
        left = deadline - time.monotonic()
        if left <= 0 or self._aborted:
            raise TimeoutError
        return left

    def _failure(self, error: Exception, deadline: float) -> EngineFailure:
        if isinstance(error, TimeoutError) or self._aborted or time.monotonic() >= deadline:
            return EngineFailure(LATE)
        if isinstance(error, PermissionError):
            return EngineFailure(Gap(GapReason.PERMISSION, "the engine's socket is not open to us"))
        if isinstance(error, OSError):
            detail = error.strerror or type(error).__name__
            return EngineFailure(Gap(GapReason.UNREACHABLE, f"the engine's socket: {detail}"))
        return EngineFailure(
            Gap(GapReason.PROTOCOL, f"no HTTP, or no JSON: {type(error).__name__}")
        )


class EngineConnections:
    """The connections to one engine: lent to threads, and kept for the next look."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._idle: list[EngineConnection] = []
        self._lent: set[EngineConnection] = set()

    @contextlib.contextmanager
    def lent(self) -> Iterator[EngineConnection]:
        """Lend a connection, one that is open already where there is one."""
        with self._lock:
            connection = self._idle.pop() if self._idle else EngineConnection(self._path)
            self._lent.add(connection)
        try:
            yield connection
        finally:
            with self._lock:
                if connection in self._lent:
                    self._lent.discard(connection)
                    self._idle.append(connection)
                else:  # it was aborted meanwhile
                    connection.close()

    def abort(self) -> None:
        """End all questions that are under way."""
        with self._lock:
            for connection in self._lent:
                connection.abort()
            self._lent.clear()

    def close(self) -> None:
        """Close all connections that are not lent."""
        with self._lock:
            for connection in self._idle:
                connection.close()
            self._idle.clear()
