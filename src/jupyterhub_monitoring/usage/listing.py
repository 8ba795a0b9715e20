"""Which servers run, and whom a token may list: the Hub's REST API, asked page by page.

The Hub makes one page in its event loop, so pages are small and follow each other; that is the only
thing that the Hub is asked. A page says where the next one begins by a number of users, not by a
name. So that a server that ends while the listing is read does not push another one out between
two pages, each page begins some users before the end of the one before.
"""

from __future__ import annotations

import http.client
import json
import math
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from ..errors import ListingError
from .model import GapReason, RunningServer, ServerKey

PAGINATION = "application/jupyterhub-pagination+json"
OVERLAP = 5
MAX_PAGES = 10_000
MAX_PAGE_BYTES = 64 << 20
MAX_PROFILE = 100
PIECE = 1 << 16
RUNNING = {"state": "active", "include_stopped_servers": "false"}


@dataclass(frozen=True, slots=True)
class HubApi:
    """How the Hub's API is reached: *url* without a slash at the end.

    *tls* makes the context for https, and may raise OSError.
    """

    url: str
    token: str = field(repr=False)
    tls: Callable[[], ssl.SSLContext] = ssl.create_default_context


class Listing:
    """Asks *api* for the running servers, *page_size* users at a time."""

    def __init__(self, api: HubApi, page_size: int) -> None:
        self._api, self._page_size = api, page_size

    def servers(self, timeout_seconds: float) -> tuple[RunningServer, ...]:
        """Return every server that runs or is being started or stopped.

        Raises `ListingError`, at the latest *timeout_seconds* after it was called. What a server's
        model does not hold (for want of a scope, or in another version) is empty.
        """
        found: dict[ServerKey, RunningServer] = {}
        with self._connection(timeout_seconds) as connection:
            for user in self._users(connection, RUNNING):
                for server in _servers(user):
                    found[server.key] = server
        return tuple(found.values())

    def usernames(self, timeout_seconds: float, most: int) -> frozenset[str]:
        """Return the names of the users that the token may list, at most so many of them.

        Raises `ListingError` as `servers` does.
        """
        found: set[str] = set()
        with self._connection(timeout_seconds) as connection:
            for user in self._users(connection, {}):
                found.add(user["name"])
                if len(found) >= most:
                    break
        return frozenset(found)

    @contextmanager
    def _connection(self, timeout_seconds: float) -> Iterator[_Connection]:
        deadline = time.monotonic() + timeout_seconds
        try:
            connection = _Connection(self._api, deadline)
        except OSError as error:
            text = f"the TLS files cannot be used: {error.strerror or error}"
            raise ListingError(GapReason.UNREACHABLE.value, text) from None
        with closing(connection):
            yield connection

    def _users(
        self, connection: _Connection, wanted: Mapping[str, str]
    ) -> Iterator[Mapping[str, Any]]:
        offset, overlap = 0, min(OVERLAP, self._page_size - 1)
        for _ in range(MAX_PAGES):
            query = {**wanted, "limit": self._page_size, "offset": offset}
            users, is_last = _page(connection.get(f"/users?{urlencode(query)}"))
            yield from users
            if is_last:
                return
            offset += max(1, len(users) - overlap)
        raise ListingError(GapReason.PROTOCOL.value, f"the listing has more than {MAX_PAGES} pages")


class _Connection:
    """One connection to the Hub, kept for all pages of a listing."""

    def __init__(self, api: HubApi, deadline: float) -> None:
        self._api, self._deadline = api, deadline
        parts = urlsplit(api.url)
        self._path, host = parts.path, parts.hostname or ""
        self._http: http.client.HTTPConnection
        if parts.scheme == "https":
            self._http = http.client.HTTPSConnection(host, parts.port, context=api.tls())
        else:
            self._http = http.client.HTTPConnection(host, parts.port)

    def close(self) -> None:
        """Close it."""
        self._http.close()

    def get(self, path: str) -> bytes:
        """Return the body of a 200. Raises `ListingError`; its text holds no token, no name."""
        try:
            return self._get(path)
        except TimeoutError:
            raise ListingError(GapReason.TIMEOUT.value, "the Hub does not answer in time") from None
        except http.client.HTTPException as error:
            raise ListingError(
                GapReason.PROTOCOL.value, f"no HTTP, or cut off: {type(error).__name__}"
            ) from None
        except OSError as error:
            raise ListingError(
                GapReason.UNREACHABLE.value, f"no connection to the Hub: {error.strerror or error}"
            ) from None

    def _get(self, path: str) -> bytes:
        self._http.timeout = self._left()
        if self._http.sock is not None:
            self._http.sock.settimeout(self._left())
        headers = {"Accept": PAGINATION, "Authorization": f"Bearer {self._api.token}"}
        self._http.request("GET", self._path + path, headers=headers)
        response = self._http.getresponse()
        if response.status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            raise ListingError(
                GapReason.PERMISSION.value,
                f"the Hub refuses the listing of users (HTTP {response.status}): does the role of"
                " the service have list:users and read:servers?",
            )
        if response.status != http.HTTPStatus.OK:
            raise ListingError(GapReason.UNREACHABLE.value, f"HTTP {response.status} from the Hub")
        return self._body(response)

    def _body(self, response: http.client.HTTPResponse) -> bytes:
        pieces, size = [], 0
        while piece := self._piece(response):
            pieces.append(piece)
            size += len(piece)
            if size > MAX_PAGE_BYTES:
                raise ListingError(
                    GapReason.PROTOCOL.value, f"a page of more than {MAX_PAGE_BYTES:,} bytes"
                )
        if response.length:
            raise ListingError(GapReason.PROTOCOL.value, "the Hub's answer is cut off")
        response.close()  # `read1` leaves it open, and the connection is for the next page too
        return b"".join(pieces)

    def _piece(self, response: http.client.HTTPResponse) -> bytes:
        if response.isclosed():
            return b""
        left = self._left()
        if self._http.sock is not None:
            self._http.sock.settimeout(left)
        return response.read1(PIECE)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def _page(body: bytes) -> tuple[list[Mapping[str, Any]], bool]:
    """Return the users of one page, and whether it is the last."""
    try:
        page = json.loads(body)
        users, more = page["items"], page["_pagination"]["next"]
        named = [user for user in users if isinstance(user["name"], str)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ListingError(
            GapReason.PROTOCOL.value, "the Hub's answer is no page of users"
        ) from None
    return named, not more or not named


def _servers(user: Mapping[str, Any]) -> Iterator[RunningServer]:
    """Return the servers of one user that there is something to look at of."""
    models = user.get("servers")
    if not isinstance(models, dict):
        return
    groups = tuple(group for group in user.get("groups") or () if isinstance(group, str))
    for server_name, model in models.items():
        if not isinstance(model, dict):
            continue
        state = model.get("state")
        state = state if isinstance(state, dict) else {}
        if model.get("ready") or state:
            yield RunningServer(
                ServerKey(user["name"], server_name),
                state,
                ready=bool(model.get("ready")),
                started=_seconds(model.get("started")),
                last_activity=_seconds(model.get("last_activity")),
                profile=_profile(model.get("user_options")),
                groups=groups,
            )


def _seconds(when: Any) -> float | None:
    """Return seconds since 1970 of "2026-11-23T14:20:24.123456Z"; None of anything else."""
    try:
        seconds = datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
    except (AttributeError, ValueError, OverflowError, OSError):
        return None
    return seconds if math.isfinite(seconds) else None


def _profile(options: Any) -> str:
    """Return what the user chose of a list of profiles. It is text of the user's: it is bounded."""
    profile = options.get("profile") if isinstance(options, dict) else None
    return profile[:MAX_PROFILE] if isinstance(profile, str) else ""
