"""A path for each pattern in the service's table of routes."""

from __future__ import annotations

import re


def path_of(pattern: str) -> str:
    """Return a path that *pattern* matches."""
    path = pattern.removesuffix("$").replace("([^/]+)", "username").replace("(?:/.*)?", "/x")
    path = path.replace("([a-z-]+)", "panel").replace(r"(\.csv)?", "")
    path = re.sub(r"[()\\]", "", path.replace(".*", "x")).replace("/?", "/")
    assert re.fullmatch(pattern, path), f"teach this function a path for {pattern}"
    return path
