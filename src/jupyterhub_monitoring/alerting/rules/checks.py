"""What has to hold between the keys of a record, in Alertmanager's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..routing.strict_yaml import Check


def at_most_one(*keys: str) -> Check:
    """Only one of *keys* may be set."""

    def check(settings: Mapping[str, Any]) -> str | None:
        if sum(_is_set(settings, key) for key in keys) > 1:
            return f"at most one of {' & '.join(keys)} must be configured"
        return None

    return check


def one_of(*keys: str) -> Check:
    """Exactly one of *keys* has to be set."""

    def check(settings: Mapping[str, Any]) -> str | None:
        if not any(_is_set(settings, key) for key in keys):
            return f"one of {' or '.join(keys)} must be configured"
        return at_most_one(*keys)(settings)

    return check


def needs(*keys: str) -> Check:
    """Each of *keys* has to be set."""

    def check(settings: Mapping[str, Any]) -> str | None:
        missing = [key for key in keys if not _is_set(settings, key)]
        return f"missing {', '.join(missing)}" if missing else None

    return check


def _is_set(settings: Mapping[str, Any], key: str) -> bool:
    return settings.get(key) not in (None, "", 0)
