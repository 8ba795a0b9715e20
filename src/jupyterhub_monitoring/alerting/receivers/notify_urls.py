"""`c.Monitoring.notify`: one URL for each way to tell somebody, and the receiver that it means."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit, urlunsplit

from ...errors import WrongRouting
from ..message import Receiver
from .announcement import Announcement
from .apprise import apprise, schemes
from .http_options import HttpOptions
from .http_post import HttpPost
from .on_call import pagerduty
from .placeholders import expanded
from .script import Script
from .service import Fields, Service
from .texts import Texts
from .webhook import Webhook

MOST = 100
"""URLs of one receiver."""

OWN_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 -- the variable's name
"""With what an announcement is made where its URL has no token: as the monitoring service."""


def receivers_of(
    urls: Sequence[str], environ: Mapping[str, str] | None = None
) -> tuple[tuple[Receiver, ...], list[str]]:
    """Return the receivers of *urls*, and a sentence on each URL that is wrong.

    The sentences have nothing of a URL but its number and its scheme. The others still work.
    """
    receivers, problems = [], []
    for number, url in enumerate(urls[:MOST], start=1):
        try:
            receivers.append(receiver_of(url, os.environ if environ is None else environ))
        except WrongRouting as wrong:  # noqa: PERF203 -- the others still work
            problems.append(f"address {number} of {len(urls)}: {wrong}")
    if len(urls) > MOST:
        problems.append(f"{len(urls)} addresses: only the first {MOST} are used")
    return tuple(receivers), problems


def receiver_of(url: str, environ: Mapping[str, str]) -> Receiver:
    """Return the receiver of *url*. Raises `WrongRouting`, whose text has no secret."""
    if not isinstance(url, str) or not url.strip():
        raise WrongRouting("it is empty; an address is a text such as mailto://… or https://…")
    full = expanded(url.strip(), environ)
    scheme = full.partition("://")[0].lower()
    if "://" not in full or not scheme.isidentifier():
        raise WrongRouting(_no_scheme(full))
    if (make := OWN.get(scheme)) is not None:
        return make(full, environ)
    return apprise(full)


def _no_scheme(full: str) -> str:
    """Return what is wrong with an address that does not begin with a scheme and `://`."""
    begin = full.partition(":")[0].lower()
    if ":" in full and begin in {*OWN, *schemes()}:  # anything else may be a secret
        return f"after {begin}: come two slashes: {begin}://…"
    if "://" in full:
        return "what stands before :// is no scheme; it begins with mailto://, slack://, https:// …"
    return "it has no scheme; it begins with mailto://, slack://, https:// …"


def _webhook(url: str, environ: Mapping[str, str]) -> Receiver:
    """`https://user:password@host/path`: Alertmanager's JSON is posted there."""
    del environ
    address, options = _http_address(url)
    return Webhook(lambda: address, HttpPost(options))


def _http_address(url: str) -> tuple[str, HttpOptions]:
    """Return *url* without its user, who goes into a header instead."""
    parts = _parts(url)
    at = parts.netloc.rpartition("@")
    options = HttpOptions(
        username=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        proxy_from_environment=True,
    )
    return urlunsplit((parts.scheme, at[2], parts.path, parts.query, "")), options


def _parts(url: str) -> SplitResult:
    scheme = url.partition("://")[0]
    try:
        parts = urlsplit(url)
        wrong = not parts.hostname or parts.port == 0
    except ValueError:
        wrong = True
    if wrong or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise WrongRouting(f"{scheme}://: its host or port is wrong, or a character needs %XX")
    return parts


def _script(url: str, environ: Mapping[str, str]) -> Receiver:
    """`script:///path/to/program?arg=one&arg=two`, or `script:///path/to/program one two`."""
    del environ
    path, _, query = url.partition("://")[2].partition("?")
    try:
        words = shlex.split(unquote(path))
    except ValueError:
        raise WrongRouting("script://: a quote in the path has no other one") from None
    if not words or not words[0].startswith("/"):
        raise WrongRouting("script:///path/to/program: the path of the program begins with /")
    program, arguments = words[0], words[1:]
    if unknown := [name for name, _ in parse_qsl(query) if name != "arg"]:
        raise WrongRouting(f"script://: arguments are ?arg=…&arg=…, not {unknown[0]!r:.20}=…")
    if not os.access(program, os.X_OK) or os.path.isdir(program):  # noqa: PTH112 -- a text here
        raise WrongRouting(f"script://: {program} is no program that this user may run")
    return Script(program, [*arguments, *parse_qs(query).get("arg", [])])


def _announcement(url: str, environ: Mapping[str, str]) -> Receiver:
    """`announcement://TOKEN@host:port/services/announcement/`; announcements:// for HTTPS."""
    parts = _parts(url)
    scheme = "https" if parts.scheme == "announcements" else "http"
    if not parts.path.strip("/"):
        raise WrongRouting(
            f"{parts.scheme}://: the path is missing, such as /services/announcement/"
        )
    token = unquote(parts.username or "") or environ.get(OWN_TOKEN, "")
    if not token:
        raise WrongRouting(f"{parts.scheme}://: a token is missing: TOKEN@host/…")
    host = parts.netloc.rpartition("@")[2]
    address = urlunsplit((scheme, host, parts.path, parts.query, ""))
    return Announcement(address, lambda: token)


def _pagerduty(url: str, environ: Mapping[str, str]) -> Receiver:
    """`pagerduty://INTEGRATION_KEY`; Apprise's form with `@` and more is taken, too."""
    del environ
    rest = url.partition("://")[2]
    key, at, _ = rest.partition("@")
    key = unquote(key if at else rest.partition("/")[0].partition("?")[0])
    if len(key) < 8 or not key.isalnum():
        raise WrongRouting("pagerduty://: the integration key is missing: pagerduty://KEY")
    region = dict(parse_qsl(urlsplit(f"x://y?{url.partition('?')[2]}").query)).get("region", "us")
    settings = {"routing_key": key}
    if region == "eu":
        settings["url"] = "https://events.eu.pagerduty.com/v2/enqueue"
    http = HttpPost(HttpOptions(proxy_from_environment=True))
    return Service("pagerduty", Fields("pagerduty", settings, Texts()), pagerduty, http)


OWN: Mapping[str, Callable[[str, Mapping[str, str]], Receiver]] = {
    "http": _webhook,
    "https": _webhook,
    "script": _script,
    "announcement": _announcement,
    "announcements": _announcement,
    "pagerduty": _pagerduty,
}
"""Schemes that are ours; all others are Apprise's."""
