"""The monitoring's settings of a `jupyterhub_config.py` as lines that say the same, no secrets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from traitlets.config import Config

from ..configuration import load
from . import SETTINGS

MAY_BE_SECRET = {"MonitoringScrape.targets"}
"""Besides those that say so themselves: a target may have its token in it."""


def setting_lines(config: Config) -> Iterator[str]:
    """Yield a line for each setting of ours that *config* has, in the order of the sections.

    What may be secret, or is no plain value, is a comment that says so.
    """
    app = SimpleNamespace(config=config)
    for module, name in SETTINGS:
        if name not in config:
            continue
        cls = getattr(import_module(module), name)
        settings, _ = load(cls, app)
        known = settings.traits(config=True)
        for trait in sorted(set(config[name]) & set(known)):
            written = f"{name}.{trait}"
            secret = known[trait].metadata.get("secret") or written in MAY_BE_SECRET
            yield _line(f"c.{written}", getattr(settings, trait), secret=bool(secret))


def _line(setting: str, value: Any, *, secret: bool) -> str:
    if secret:
        return f"# {setting} is left out: it may hold secrets."
    if not _is_plain(value):
        return f"# {setting} is left out: it is code."
    return f"{setting} = {value!r}"


def _is_plain(value: Any) -> bool:
    """Whether the text of *value* stands for it again."""
    try:
        return bool(ast.literal_eval(repr(value)) == value)
    except (ValueError, SyntaxError):
        return False
