"""Users and shares that come and go, as the Hub's own database session commits them.

Users are added by a first login, the API and the configuration; there is one place that all of
them pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jupyterhub import orm
from sqlalchemy import event, inspect

from ..metrics.declare import CATALOGUE
from ..metrics.labels import Point
from .events import EventLog
from .guard import guarded


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a flush wrote; *gone* is a username whose series go away."""

    event: str
    username: str
    by: str = ""
    gone: str = ""


class DatabaseEvents:
    """Listens to one session. What was flushed is told when it is committed, or never."""

    def __init__(self, events: EventLog) -> None:
        self._events = events
        self._flushed: list[Change] = []

    def listen(self, session: Any) -> None:
        """Follow *session*, the Hub's `app.db`."""
        event.listen(session, "after_flush", self.flushed)
        event.listen(session, "after_commit", self.committed)
        event.listen(session, "after_rollback", self.rolled_back)

    @guarded(Point.DATABASE_EVENT)
    def flushed(self, session: Any, _context: Any) -> None:
        """Remember what this flush changed."""
        for row in session.new:
            self._remember(row, "user_added", "share_created")
        for row in session.deleted:
            self._remember(row, "user_deleted", "share_revoked")
        for row in session.dirty:
            if isinstance(row, orm.User):
                before = inspect(row).attrs.name.history.deleted
                if before and before[0] != row.name:
                    self._flushed.append(
                        Change("user_renamed", row.name, by=before[0], gone=before[0])
                    )

    def _remember(self, row: Any, user_event: str, share_event: str) -> None:
        row = getattr(row, "orm_user", row)  # the Hub deletes a user by its wrapper
        if isinstance(row, orm.User):
            gone = row.name if user_event == "user_deleted" else ""
            self._flushed.append(Change(user_event, row.name, gone=gone))
        elif isinstance(row, orm.Share):
            owner = getattr(row.owner, "name", "")
            self._flushed.append(Change(share_event, getattr(row.user, "name", ""), by=owner))

    @guarded(Point.DATABASE_EVENT)
    def committed(self, _session: Any) -> None:
        """Tell what was flushed since the last commit."""
        changes, self._flushed = self._flushed, []
        for change in changes:
            self._events.emit(
                change.event, change.username, **({"by": change.by} if change.by else {})
            )
            if change.gone:
                for metric in CATALOGUE.values():
                    metric.forget_user(change.gone)

    @guarded(Point.DATABASE_EVENT)
    def rolled_back(self, _session: Any) -> None:
        """Forget what never came to be."""
        self._flushed.clear()
