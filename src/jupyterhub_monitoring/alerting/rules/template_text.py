"""Functions on text that the templates of Prometheus and Alertmanager share."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import quote_plus

import re2

from ..go_regexp import compiled
from ..go_template import bounded, costly

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


def to_upper(text: str) -> str:
    """Return *text* in capitals, character by character: `ß` has none."""
    if text.isascii():
        return text.upper()
    return "".join(u if len(u := character.upper()) == 1 else character for character in text)


def to_lower(text: str) -> str:
    """Return *text* without capitals, character by character."""
    return text.lower() if text.isascii() else "".join(one.lower()[0] for one in text)


def title(text: str) -> str:
    """Return *text* with each word's first letter as a capital, as Go's `strings.Title`."""
    before, result = " ", []
    for character in text:
        capital = character.title()
        result.append(capital if _separates(before) and len(capital) == 1 else character)
        before = character
    return "".join(result)


def _separates(character: str) -> bool:
    if character.isascii():
        return not (character.isalnum() or character == "_")
    return character.isspace()


def match(expression: str, text: str) -> bool:
    """Say whether a part of *text* matches."""
    return compiled(expression).search(text) is not None


@costly
def re_replace_all(expression: str, replacement: str, text: str) -> str:
    """Replace what matches; `$1`, `${1}` and `${name}` are what a group matched, `$$` is `$`."""
    regexp = compiled(expression)
    expand = _expansion(replacement, regexp)
    parts: list[str] = []
    end = length = 0
    for found in regexp.finditer(text):
        start, stop = found.span()
        parts.append(text[end:start])
        if stop > end or start == 0:  # nothing right after a match is none
            parts.append(expand(found))
        length += len(parts[-1]) + start - end
        bounded(length)
        end = stop
    return "".join((*parts, text[end:]))


def _expansion(replacement: str, regexp: re2._Regexp) -> Callable[[re2._Match], str]:
    """Return what makes of a match the text that *replacement* means."""
    pieces: list[str | int] = []
    end = 0
    for reference in _REFERENCE.finditer(replacement):
        pieces += [replacement[end : reference.start()], _group(reference, regexp)]
        end = reference.end()
    pieces.append(replacement[end:])
    if all(isinstance(piece, str) for piece in pieces):
        plain = "".join(map(str, pieces))
        return lambda _: plain

    def expand(found: re2._Match) -> str:
        texts = [p if isinstance(p, str) else found.group(p) or "" for p in pieces]
        bounded(sum(map(len, texts)))
        return "".join(texts)

    return expand


def _group(reference: re.Match[str], regexp: re2._Regexp) -> str | int:
    """Return the number of the group that is meant; a text where it is none."""
    name = reference[1] or reference[2]
    if name is None:
        return "$"
    if name.isdecimal() and name.isascii():
        number = int(name) if len(name) < 9 else -1
    else:
        number = regexp.groupindex.get(name, -1)
    return number if 0 <= number <= regexp.groups else ""


def graph_link(expression: str) -> str:
    """Return the path of Prometheus's page with the graph of an expression."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=0"


def table_link(expression: str) -> str:
    """Return the path of Prometheus's page with the table of an expression."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=1"


def split_host_port(address: str) -> tuple[str, str] | None:
    """Return host and port of `host:port` or `[host]:port`; None where it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return None
    if address.startswith("["):
        if not host.endswith("]") or "]" in host[:-1] or "[" in host[1:]:
            return None
        host = host[1:-1]
    elif ":" in host or "[" in host or "]" in host:
        return None
    return None if "[" in port or "]" in port else (host, port)


def strip_port(address: str) -> str:
    """Return the host of *address*; what is no address stays as it is."""
    split = split_host_port(address)
    return address if split is None else split[0]


def strip_domain(address: str) -> str:
    """Return *address* with the first part of its host's name only; the port stays."""
    host, port = split_host_port(address) or (address, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        short = host.partition(".")[0]
    else:
        return address
    if not port:
        return short
    return f"[{short}]:{port}" if ":" in short else f"{short}:{port}"
