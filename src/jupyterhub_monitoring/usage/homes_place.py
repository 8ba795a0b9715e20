"""Where a user's home directory is."""

from __future__ import annotations

import os
import re
import string
from collections.abc import Callable

HomePlace = Callable[[str], "str | os.PathLike[str] | None"]
"""Takes a username, returns the absolute path of the home, or None if the user has none."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SAFE = frozenset(string.ascii_lowercase + string.digits)


def home_template(template: str) -> HomePlace:
    """Return what puts usernames into *template*: `/home/{username}`.

    `{username}` is the name as the Hub has it, `{escaped_username}` the name as DockerSpawner and
    older KubeSpawners write it. `ValueError` where *template* has neither, has anything else in
    braces, or is no absolute path. What is returned raises `ValueError` for a name that would lead
    out of the template's folder; its text has no name in it.
    """
    names = set(_PLACEHOLDER.findall(template))
    if not template.startswith("/"):
        raise ValueError("the template of home directories has to begin with /")
    if not names or names - {"username", "escaped_username"}:
        raise ValueError("write {username} or {escaped_username} where the name stands")

    def place(username: str) -> str:
        if username in {"", ".", ".."} or "/" in username or "\0" in username:
            raise ValueError("a username that cannot be a folder's name")
        values = {"username": username, "escaped_username": escaped(username)}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], template)

    return place


def escaped(username: str) -> str:
    """Return *username* in lower-case letters, digits and '-', which begins a byte in hex."""
    return "".join(
        character if character in _SAFE else "".join(f"-{byte:02x}" for byte in character.encode())
        for character in username
    )
