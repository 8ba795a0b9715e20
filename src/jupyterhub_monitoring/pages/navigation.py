"""Which pages there are, and who sees which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ..usage.viewer import Viewer


class Audience(Enum):
    """Whom a page is for."""

    ALL = "everybody who is logged in"
    SOME = "who sees others: admins, and those who look after a group"
    FULL = "who sees everything"


@dataclass(frozen=True, slots=True)
class Entry:
    """A page in the navigation; *path* is below the service's prefix."""

    id: str
    title: str
    path: str
    audience: Audience


ENTRIES = (
    Entry("overview", "Overview", "", Audience.FULL),
    Entry("users", "Users & servers", "users", Audience.SOME),
    Entry("activity", "Activity", "activity", Audience.FULL),
    Entry("alerts", "Alerts", "alerts", Audience.FULL),
    Entry("health", "Health", "checks", Audience.FULL),
    Entry("explore", "Explore", "explore", Audience.FULL),
    Entry("status", "Status", "status", Audience.FULL),
    Entry("me", "My usage", "me", Audience.ALL),
)


def may_open(viewer: Viewer, audience: Audience) -> bool:
    """Whether a page for *audience* is for *viewer*."""
    if audience is Audience.ALL:
        return viewer.full or viewer.name is not None
    return viewer.full or (audience is Audience.SOME and viewer.sees_others)


def entries(viewer: Viewer) -> list[Entry]:
    """Return what the navigation of *viewer* shows. A service has no usage of its own."""
    own = {"me"} if viewer.name is None else set()
    return [e for e in ENTRIES if may_open(viewer, e.audience) and e.id not in own]
