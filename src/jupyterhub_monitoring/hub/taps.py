"""Taps: where we listen to JupyterHub's own methods, put on once and taken off again.

The Hub has no hooks for the outcome of a login, of a whole spawn or of a stop (see
docs/decisions/0002-observe-through-taps.md), so a handful of its methods are replaced by ones
that call the original and tell us what happened. A tap never changes arguments, result or
exception, and what it calls of ours is guarded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

Method = Callable[..., Any]


def tap(owner: Any, name: str, listen: Callable[[Method], Method]) -> None:
    """Replace `owner.name` by `listen(original)`, once: a second time changes nothing.

    *owner* is a class or an object. Raises AttributeError when JupyterHub has no such method.
    """
    original = getattr(owner, name)
    if getattr(original, "_is_monitoring_tap", False):
        return
    replacement: Any = functools.wraps(original)(listen(original))
    replacement._is_monitoring_tap = True
    setattr(owner, name, replacement)


def untap(owner: Any, name: str) -> None:
    """Put the original back."""
    replacement = getattr(owner, name)
    if getattr(replacement, "_is_monitoring_tap", False):
        setattr(owner, name, replacement.__wrapped__)
