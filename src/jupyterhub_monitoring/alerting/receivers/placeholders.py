"""Secrets that stand elsewhere: `${NAME}` is a variable of the environment, `${file:/path}` a file.

They keep passwords out of `jupyterhub_config.py`, which is often in a repository.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from ...errors import WrongRouting
from ..text_file import read_secret

_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """Return *text* with its placeholders filled in. `WrongRouting` names the one that cannot be.

    A text that is all placeholder is what it stands for, such as a whole URL; inside a URL the
    value is quoted, so that a password may have any character.
    """
    if whole := _PLACEHOLDER.fullmatch(text.strip()):
        return _value(whole[1], environ)
    return _PLACEHOLDER.sub(lambda found: quote(_value(found[1], environ), safe=""), text)


def _value(what: str, environ: Mapping[str, str]) -> str:
    if what.startswith("file:"):
        return _content(Path(what.removeprefix("file:").strip()))
    if not _NAME.fullmatch(what):
        raise WrongRouting("a placeholder is ${NAME} or ${file:/path}; one of them is neither")
    try:
        value = environ[what]
    except KeyError:
        value = ""
    if not value:
        raise WrongRouting(
            f"${{{what}}}: the Hub's environment has no variable {what}; set it where the Hub is"
            " started, and restart the Hub"
        )
    return value


def _content(path: Path) -> str:
    if not path.is_absolute():
        raise WrongRouting(f"${{file:{path}}}: the path must begin with /")
    try:
        content = read_secret(path)
    except OSError as error:
        raise WrongRouting(f"${{file:{path}}} cannot be read: {error.strerror}") from None
    if not content:
        raise WrongRouting(f"${{file:{path}}} is empty")
    return content
