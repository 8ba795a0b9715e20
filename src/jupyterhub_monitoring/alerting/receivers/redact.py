"""Keeping secrets out of what people read: errors, pages, logs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN = "***"

SHORTEST = 4
"""Characters of the shortest text that is taken out: a shorter one is in half of all words."""

SHORTEST_SEGMENT = 8
"""... of a part of a path, which may as well be a plain word such as "alerts"."""


def shown(url: str) -> str:
    """Return what may be shown of *url*: scheme and host. Tokens stand in all the rest."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return HIDDEN
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}"


def secrets_of(url: str) -> tuple[str, ...]:
    """Return the parts of *url* that may be secret, as written and decoded, longest first."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    found = [parts.username or "", parts.password or "", parts.query, parts.fragment]
    found += [value for _, value in parse_qsl(parts.query)]
    segments = [part for part in parts.path.split("/") if len(part) >= SHORTEST_SEGMENT]
    found += [parts.path.strip("/"), *segments] if segments else []
    return longest_first([*found, *map(unquote, found)])


def pieces_of(url: str) -> tuple[str, ...]:
    """Return all that may be secret in a URL of Apprise: everything but scheme and host name.

    Some keep a token where others have the host.
    """
    rest = url.partition("://")[2]
    host = _HOST.match(rest)
    found = [piece for piece in _PIECES.split(rest) if piece and not (host and piece == host[1])]
    return longest_first([rest, *found, *map(unquote, found)])


_PIECES = re.compile(r"(?:[?&][^=&]*=)|[/@:?&,]+")
_HOST = re.compile(
    r"(?:[^/?]*@)?((?:[a-z0-9-]+\.)+[a-z]{2,10}|localhost|(?:\d{1,3}\.){3}\d{1,3})(?=[:/?]|$)"
)


def longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    """Return each of *secrets* once, so that none is left over in part by a shorter one."""
    kept = {secret for secret in secrets if len(secret) >= SHORTEST}
    return tuple(sorted(kept, key=lambda secret: (-len(secret), secret)))


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return *text* with each of *secrets* taken out."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text
