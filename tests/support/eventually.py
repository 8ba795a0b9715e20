"""Waiting for what another thread does."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(holds: Callable[[], bool], within_seconds: float = 60.0) -> None:
    """Return once *holds*; fail if it does not in time."""
    until = time.monotonic() + within_seconds
    while not holds():
        assert time.monotonic() < until, f"not within {within_seconds:g} s"
        time.sleep(0.01)
