"""One entry of `c.Monitoring.remote_write`: where samples go, and as whom.

{"url": "https://prometheus.example.org/api/v1/write", "basic_auth": {"username": "hub", ...}}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..alerting.receivers.http_options import HttpOptions
from ..alerting.receivers.placeholders import expanded
from ..alerting.receivers.redact import shown
from ..errors import WrongRouting

SETTING = "c.Monitoring.remote_write"
TIMEOUT_SECONDS = 30.0

_TEXT, _FLAG, _SECONDS = "a text", "True or False", 'seconds, such as 30 or "30s"'
_TYPES: dict[str, tuple[type, ...]] = {
    _TEXT: (str,),
    _FLAG: (bool,),
    _SECONDS: (str, int, float),
}
_AUTHORIZATION = {"type": _TEXT, "credentials": _TEXT, "credentials_file": _TEXT}
_BASIC = {"username": _TEXT, "username_file": _TEXT, "password": _TEXT, "password_file": _TEXT}
_TLS = {
    **dict.fromkeys(("ca", "ca_file", "cert_file", "key_file"), _TEXT),
    "insecure_skip_verify": _FLAG,
}
_KEYS: dict[str, Any] = {
    "url": _TEXT,
    "name": _TEXT,
    "remote_timeout": _SECONDS,
    "headers": {},  # of any name
    "authorization": _AUTHORIZATION,
    "basic_auth": _BASIC,
    "bearer_token": _TEXT,
    "bearer_token_file": _TEXT,
    "tls_config": _TLS,
    "proxy_url": _TEXT,
    "no_proxy": _TEXT,
    "proxy_from_environment": _FLAG,
    "follow_redirects": _FLAG,
}
"""As Prometheus names them, those that there are here."""

_FILES = ("credentials_file", "username_file", "password_file", "bearer_token_file")
_PATHS = {*_FILES, "ca_file", "cert_file", "key_file"}
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)?")
_IN_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


class _Wrong(ValueError):  # noqa: N818 -- named for what happened
    """An entry cannot be used; the text says what to change, and holds no secret."""


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Where samples go. *name* is shown; *key* names the file of what is owed."""

    name: str
    key: str
    url: str = field(repr=False)
    options: HttpOptions = field(repr=False)
    timeout_seconds: float = TIMEOUT_SECONDS

    @property
    def address(self) -> str:
        """What may be shown of the URL."""
        return shown(self.url)


def receivers_of(
    entries: Sequence[Any], folder: Path, environ: Mapping[str, str]
) -> tuple[list[ReceiverSettings], list[str]]:
    """Return the receivers, and a sentence for each entry that is wrong, which is left out.

    Relative paths begin in *folder*; `${NAME}` in a text is a variable of *environ*.
    """
    found: dict[str, ReceiverSettings] = {}
    problems = []
    for place, entry in enumerate(entries):
        where = f"{SETTING}[{place}]"
        try:
            made = _receiver(entry, folder, environ)
        except (_Wrong, WrongRouting) as wrong:
            problems.append(f"{where}: {wrong}. Nothing is sent there.")
            continue
        if made.key in found:
            problems.append(f"{where}: {made.name!r} is there twice. Give one another name.")
        else:
            found[made.key] = made
    return [*found.values()], problems


def _receiver(entry: Any, folder: Path, environ: Mapping[str, str]) -> ReceiverSettings:
    if not isinstance(entry, Mapping):
        raise _Wrong(
            'an entry is a dict, such as {"url": "https://prometheus.example/api/v1/write"}'
        )
    for problem in _misshapen(entry, _KEYS, ""):
        raise _Wrong(problem)
    said = _filled(entry, folder, environ)
    url = _url(said.get("url", ""))
    name = said.get("name", "") or shown(url).partition("://")[2]
    identity = said["name"] if said.get("name") else url.rpartition("@")[2].partition("?")[0]
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return ReceiverSettings(
        name,
        f"{re.sub(r'[^A-Za-z0-9.-]+', '_', name)[:40]}-{digest}",
        url,
        _options(said),
        _seconds(said.get("remote_timeout", TIMEOUT_SECONDS)),
    )


def _misshapen(entry: Mapping[Any, Any], known: Mapping[str, Any], within: str) -> Iterator[str]:
    """Yield what is wrong with the shape of *entry*; never what a value is."""
    for key, value in entry.items():
        path = f"{within}{key}"
        if key not in known:
            near = get_close_matches(str(key), [*known], n=1, cutoff=0)
            yield f"{path!r} is no key; did you mean {within + near[0]!r}?"
            continue
        kind = known[key]
        if isinstance(kind, dict):
            if not isinstance(value, Mapping):
                yield f"{path!r} takes a dict"
            elif kind:
                yield from _misshapen(value, kind, f"{path}.")
            else:
                yield from _wrong_headers(value)
        elif not isinstance(value, _TYPES[kind]):
            yield f"{path!r} takes {kind}"


def _wrong_headers(headers: Mapping[Any, Any]) -> Iterator[str]:
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER.fullmatch(name):
            yield f"{name!r} is no name of a header"
        elif not isinstance(value, str) or not value.isascii() or not value.isprintable():
            yield f"the header {name!r} takes one line of ASCII"
        elif name.lower() in {"content-encoding", "content-type", "content-length", "host"}:
            yield f"the header {name!r} is ours to set"


def _filled(entry: Any, folder: Path, environ: Mapping[str, str], key: str = "") -> Any:
    """Return *entry* with its placeholders filled in and its paths whole."""
    if isinstance(entry, Mapping):
        return {name: _filled(value, folder, environ, name) for name, value in entry.items()}
    if not isinstance(entry, str):
        return entry
    text = expanded(entry, environ)
    return str(folder / text) if key in _PATHS and text else text


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise _Wrong("'url' has to be an http or https address")
    return url


def _seconds(written: Any) -> float:
    found = _DURATION.fullmatch(str(written))
    seconds = float(found[1]) * _IN_SECONDS[found[2]] if found else 0.0
    if isinstance(written, bool) or not 0 < seconds <= 600:
        raise _Wrong(f"'remote_timeout' takes {_SECONDS}, up to 600")
    return seconds


def _options(said: Mapping[str, Any]) -> HttpOptions:
    authorization, basic = said.get("authorization", {}), said.get("basic_auth", {})
    tls, bearer = said.get("tls_config", {}), _bearer(said)
    if sum(map(bool, (authorization, basic, bearer))) > 1:
        raise _Wrong("only one of authorization, basic_auth and bearer_token can be used")
    authorization = authorization or bearer
    if basic and not (basic.get("username") or basic.get("username_file")):
        raise _Wrong("basic_auth needs a username")
    if tls.get("key_file") and not tls.get("cert_file"):
        raise _Wrong("tls_config.key_file needs cert_file")
    return HttpOptions(
        auth_type=authorization.get("type") or "Bearer",
        credentials=authorization.get("credentials", ""),
        credentials_file=authorization.get("credentials_file", ""),
        **{name: basic.get(name, "") for name in _BASIC},
        headers=said.get("headers", {}),
        **{name: tls.get(name, "") for name in ("ca", "ca_file", "cert_file", "key_file")},
        insecure=tls.get("insecure_skip_verify", False),
        proxy_url=said.get("proxy_url", ""),
        no_proxy=said.get("no_proxy", ""),
        proxy_from_environment=said.get("proxy_from_environment", False),
        follow_redirects=said.get("follow_redirects", True),
    )


def _bearer(said: Mapping[str, Any]) -> dict[str, Any]:
    pairs = {
        "credentials": said.get("bearer_token", ""),
        "credentials_file": said.get("bearer_token_file", ""),
    }
    return pairs if any(pairs.values()) else {}
