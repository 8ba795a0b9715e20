"""What the Hub knows of one server, as its API shows it."""

from __future__ import annotations

from datetime import timezone
from typing import Any

MOST_PROFILE = 100
"""Characters of a profile's name, which is text of the user's; as `usage/listing.py` has it."""


def started_of(spawner: Any) -> float | None:
    """Return when the Hub began to start the server, in Unix seconds; the API's `started`.

    The same number stands for the same server in everything that we keep, over restarts too.
    """
    started = spawner.orm_spawner.started
    if started is None:
        return None
    if started.tzinfo is None:  # the database has UTC without saying so
        started = started.replace(tzinfo=timezone.utc)
    return float(started.timestamp())


def profile_of(spawner: Any) -> str:
    """Return what the user chose of a list of profiles, '' where there was nothing to choose."""
    options = spawner.user_options
    profile = options.get("profile") if isinstance(options, dict) else None
    return profile[:MOST_PROFILE] if isinstance(profile, str) else ""
