"""Puts dashboards into a folder of a running Grafana, through its HTTP API.

Doing it again changes nothing: the folder is found by its name, a dashboard by its uid, and one
that is there already as it should be is left alone, so that it gets no new version.
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from .._version import __version__
from ..errors import CannotStart

MAX_BYTES = 1 << 25
"""Of an answer, at most."""

FOLDERS = 1000
"""As many folders come in one answer; that is Grafana's own limit."""

OLDEST = 11
"""The first Grafana that draws all of it."""

_OF_GRAFANA = frozenset({"id", "version"})
"""What Grafana writes into a dashboard itself."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and the JSON that came with it; None where there was none."""

    status: int
    body: Any = None

    @property
    def said(self) -> str:
        """What Grafana says about it, shortened; empty where it says nothing."""
        message = self.body.get("message") if isinstance(self.body, dict) else None
        return " ".join(str(message or "").split())[:200]


@dataclass(frozen=True, slots=True)
class Pushed:
    """Titles of the dashboards that were written, and of those that were there as they are."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    version: str


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes nowhere but to the address that was given."""

    def redirect_request(self, *args: Any) -> None:
        """Follow none."""
        del args


@dataclass(frozen=True)
class GrafanaApi:
    """The API of the Grafana at *url*, as the service account of *token* may use it."""

    url: str
    token: str = field(repr=False)
    trusted: ssl.SSLContext | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0

    def ask(self, path: str, body: object = None, *, known: bool = True) -> Answer:
        """GET *path*, or POST *body*. Raises `CannotStart` where nobody answers in HTTP.

        The token goes along unless it is not *known* yet that a Grafana is there.
        """
        request = urllib.request.Request(  # noqa: S310 -- http(s) only, checked by whoever made us
            f"{self.url.rstrip('/')}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                **({"Authorization": f"Bearer {self.token}"} if known else {}),
                "Accept": "application/json",
                "Content-Type": "application/json",
                "User-Agent": f"jupyterhub-monitoring/{__version__}",
            },
        )
        opener = urllib.request.build_opener(
            _NoRedirects, urllib.request.HTTPSHandler(context=self.trusted)
        )
        try:
            with opener.open(request, timeout=self.timeout_seconds) as response:
                return Answer(response.status, _json(response.read(MAX_BYTES)))
        except urllib.error.HTTPError as error:
            if 300 <= error.code < 400:
                raise CannotStart(
                    f"{self.url} leads to {error.headers.get('Location', 'another address')}:"
                    " give --push the address where Grafana is itself"
                ) from None
            return Answer(error.code, _json(error.read(MAX_BYTES)))
        except (OSError, http.client.HTTPException) as error:
            raise CannotStart(_unreachable(self.url, error)) from None


def push(api: GrafanaApi, folder: str, dashboards: Iterable[dict[str, Any]]) -> Pushed:
    """Put *dashboards* into *folder*, which is made where it is missing.

    Raises `CannotStart`, which says what to do; those before the one that failed stay written.
    """
    version = _version(api)
    folder_uid = _folder(api, folder)
    written: list[str] = []
    unchanged: list[str] = []
    for dashboard in dashboards:
        title = str(dashboard["title"])
        if _is_there(api, dashboard, folder_uid):
            unchanged.append(title)
            continue
        answer = api.ask(
            "dashboards/db",
            {
                "dashboard": {**dashboard, "id": None},
                "folderUid": folder_uid,
                "overwrite": True,
                "message": f"jupyterhub-monitoring {__version__}",
            },
        )
        if answer.status != 200:
            raise CannotStart(
                f"{_refused(api, answer, f'the dashboard {title!r}')}"
                f" (in place: {len(written) + len(unchanged)})"
            )
        written.append(title)
    return Pushed(tuple(written), tuple(unchanged), version)


def _version(api: GrafanaApi) -> str:
    """Return which Grafana it is. Raises `CannotStart` where it is none, or one too old."""
    answer = api.ask("health", known=False)
    body = answer.body
    if not isinstance(body, dict) or "database" not in body:
        raise CannotStart(
            f"what answers at {api.url} is no Grafana (status {answer.status} for api/health):"
            " --push needs its address, with the path that it is served below"
        )
    version = str(body.get("version") or "")
    major = version.partition(".")[0]
    if major.isdigit() and int(major) < OLDEST:
        raise CannotStart(f"the Grafana at {api.url} is {version}; the dashboards need {OLDEST}.0")
    return version


def _folder(api: GrafanaApi, title: str) -> str:
    """Return the uid of the folder called *title*, which is made where there is none."""
    answer = api.ask(f"folders?limit={FOLDERS}")
    if answer.status != 200 or not isinstance(answer.body, list):
        raise CannotStart(_refused(api, answer, "the list of folders"))
    for folder in answer.body:
        if folder.get("title") == title:
            return str(folder["uid"])
    answer = api.ask("folders", {"title": title})
    if answer.status != 200 or not isinstance(answer.body, dict):
        raise CannotStart(_refused(api, answer, f"a folder {title!r}"))
    return str(answer.body["uid"])


def _is_there(api: GrafanaApi, dashboard: dict[str, Any], folder_uid: str) -> bool:
    """Whether *dashboard* is in the folder already, as it is."""
    answer = api.ask(f"dashboards/uid/{quote(dashboard['uid'], safe='')}")
    if answer.status != 200 or not isinstance(answer.body, dict):
        return False  # the write that follows tells why, if there is more to it than that
    there = answer.body.get("dashboard", {})
    same_place = answer.body.get("meta", {}).get("folderUid") == folder_uid
    return same_place and _content(there) == _content(dashboard)


def _content(dashboard: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in dashboard.items() if name not in _OF_GRAFANA}


def _refused(api: GrafanaApi, answer: Answer, what: str) -> str:
    """Return why Grafana did not do it, and what helps."""
    said = f": {answer.said}" if answer.said else ""
    helps = {
        401: "it does not know the token: make one for a service account, and put it into the file"
        " of --token-file",
        403: "the token may not do that: its service account needs the role Editor, or the right"
        " to write in that folder",
        404: "it has no such thing, or the token may not see it",
        412: "something of the same name is in the way, perhaps in another folder or of a plugin:"
        " rename or delete it there, or take another --folder",
    }.get(answer.status, "try again, and look into Grafana's log")
    return f"the Grafana at {api.url} refuses {what} ({answer.status}{said}): {helps}"


def _unreachable(url: str, error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return (
            f"{url} has a certificate that is not trusted ({reason.verify_message}): --ca-file"
            " takes the certificate of who signed it"
        )
    if isinstance(reason, ssl.SSLError):
        return f"{url} does not speak TLS as it should ({reason.reason}): is it http:// instead?"
    if isinstance(reason, TimeoutError):
        return f"{url} does not answer in time"
    return f"{url} cannot be reached: {getattr(reason, 'strerror', None) or reason}"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
