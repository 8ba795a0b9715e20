"""What the Hub told of, as rows: spawns, exits, logins, sessions, the Hub's own starts."""

from __future__ import annotations

from .activity import Activity
from .history import History
from .rows import Exit, HubRun, Login, Session, Spawn, UserActivity, UserChange
from .weekday_hours import WeekdayHours

__all__ = [
    "Activity",
    "Exit",
    "History",
    "HubRun",
    "Login",
    "Session",
    "Spawn",
    "UserActivity",
    "UserChange",
    "WeekdayHours",
]
