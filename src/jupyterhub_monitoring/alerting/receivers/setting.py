"""Reading one setting of an integration as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..routing.secret import Secret


def setting(settings: Mapping[str, Any], key: str) -> str:
    """Return the text of *key*, a secret one revealed; empty where there is none."""
    value = settings.get(key)
    if isinstance(value, Secret):
        return value.reveal()
    return "" if value is None else str(value)
