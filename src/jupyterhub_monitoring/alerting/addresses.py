"""Addresses in a configuration file: of web services, which may be secrets, and of mail hosts."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

from yaml.nodes import Node

from .routing.secret import HIDDEN, Secret
from .routing.strict_yaml import Reading, text

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_HOST_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):([^:\[\]]*)")


def url(node: Node, reading: Reading) -> str:
    """Read an http or https address; one with a password in it is a `Secret`."""
    return _secret_if_password(node, reading, _address(node, reading, text(node, reading)))


def secret_url(node: Node, reading: Reading) -> Secret:
    """Read an http or https address that is a secret as a whole."""
    written = text(node, reading)
    reading.secret.add(id(node))
    return Secret(written if written == HIDDEN else _address(node, reading, written))


def any_url(node: Node, reading: Reading) -> str:
    """Read the address of a proxy, of any scheme; one with a password in it is a `Secret`."""
    written = text(node, reading)
    if problem := _problem(written):
        raise reading.wrong(node, f"wrong address: {problem}")
    return _secret_if_password(node, reading, written)


def _secret_if_password(node: Node, reading: Reading, written: str) -> str:
    if urlsplit(written).password is None:
        return written
    reading.secret.add(id(node))
    return Secret(written)


def host_port(node: Node, reading: Reading) -> str:
    """Read `host:port`; empty is none."""
    written = text(node, reading)
    if not written:
        return ""
    found = _HOST_PORT.fullmatch(written)
    if found is None:
        raise reading.wrong(node, f"{written!r} is no host:port")
    if not found[2]:
        raise reading.wrong(node, f"address {written!r}: port cannot be empty")
    return written


def _address(node: Node, reading: Reading, written: str) -> str:
    problem = _problem(written)
    if not problem:
        parts = urlsplit(written)
        if parts.scheme not in {"http", "https"}:
            problem = "it has to begin with http:// or https://"
        elif not parts.netloc.rpartition("@")[2]:
            problem = "it names no host"
    if problem:
        raise reading.wrong(node, f"wrong address: {problem}")
    return written


def _problem(written: str) -> str:
    """Return why *written* is no address, without a word of it; empty where it is one."""
    if _CONTROL.search(written):
        return "it holds a control character"
    try:
        parts = urlsplit(written)
        _ = parts.port
    except ValueError:
        return "its host or port is wrong"
    if " " in parts.netloc or _BAD_ESCAPE.search(parts.netloc + parts.path + parts.fragment):
        return "its host holds a space, or it holds a % without two digits"
    return ""


def with_slash(address: str) -> str:
    """Return *address* with a path that ends with a slash, as some services want their API's."""
    if isinstance(address, Secret):
        return Secret(with_slash(address.reveal()))
    parts = urlsplit(address)
    path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
    return urlunsplit(parts._replace(path=path))
